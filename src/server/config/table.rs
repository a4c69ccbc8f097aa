//! Everything that can be set: one row each, the source of flags, variables, keys and help.

use std::collections::BTreeMap;

use clap::{Arg, ArgMatches, Args, Command, FromArgMatches};

/// One setting. Its variable is `HAD_` and the key in capitals.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its key in `ha-dashboard.toml`.
    pub key: &'static str,
    /// Its flag without the leading dashes.
    pub flag: &'static str,
    /// What it is and what it defaults to.
    pub help: &'static str,
    /// What is allowed.
    pub allowed: &'static str,
}

/// The variable with the token that the command line shows. It is neither a flag, which everybody on the machine could read,
/// nor a key of the file.
pub const TOKEN: &str = "HAD_TOKEN";

/// The variable with what the dashboard shows to the team's OpenID provider; no flag and no key either.
pub const OIDC_SECRET: &str = "HAD_OIDC_SECRET";

/// The key that lets admins upload scripts.
pub const SCRIPT_UPLOADS: &str = "script_uploads";

/// The key that names the configuration file itself.
pub const CONFIG_FILE: &str = "config";

/// Every setting there is.
pub const SETTINGS: &[Setting] = &[
    row(
        "addr",
        "addr",
        "Where the dashboard listens [default: 127.0.0.1:3000]",
        "an IP address and a port, like 127.0.0.1:3000",
    ),
    row(
        "allowed_hosts",
        "allowed-hosts",
        "Names under which browsers may reach it, besides loopback names and IP addresses",
        "host names separated by commas, or * for any",
    ),
    row(
        "trusted_proxies",
        "trusted-proxies",
        "Proxies that are believed who asks, over what and for which name (X-Forwarded-For, -Proto, -Host) [default: none]",
        "addresses and networks separated by commas, like 127.0.0.1,10.1.0.0/16",
    ),
    row(
        "login",
        "login",
        "Whether a login is needed to do something; auto: where others can reach it, and where there is an account [default: auto]",
        "auto, off or required",
    ),
    row(
        "viewers",
        "viewers",
        "Who may look without an account [default: open]",
        "open (everybody), link (who has a link) or off (nobody)",
    ),
    row(
        "oidc_issuer",
        "oidc-issuer",
        "The OpenID provider with which a team logs in [default: none]",
        "an https address (http: loopback only) as the provider names itself, together with oidc_client and at least one of oidc_admins, oidc_presenters, oidc_viewers",
    ),
    row(
        "oidc_client",
        "oidc-client",
        "What that provider calls this dashboard; its secret, if there is one, is HAD_OIDC_SECRET",
        "a client's id, together with oidc_issuer",
    ),
    row(
        "oidc_admins",
        "oidc-admins",
        "Who of the team are admins",
        "groups and e-mail addresses separated by commas, together with oidc_issuer",
    ),
    row(
        "oidc_presenters",
        "oidc-presenters",
        "Who of the team are presenters",
        "groups and e-mail addresses separated by commas, together with oidc_issuer",
    ),
    row(
        "oidc_viewers",
        "oidc-viewers",
        "Who of the team may look",
        "groups and e-mail addresses separated by commas, or * for everybody whom the provider lets in, together with oidc_issuer",
    ),
    row(
        "oidc_groups",
        "oidc-groups",
        "What the provider calls the claim with somebody's groups [default: groups]",
        "a claim's name, together with oidc_issuer",
    ),
    row(
        "tls_cert",
        "tls-cert",
        "The certificate, with those that signed it, to speak HTTPS with [default: plain HTTP]",
        "a PEM file's path, together with tls_key",
    ),
    row("tls_key", "tls-key", "Its key", "a PEM file's path, together with tls_cert"),
    row(
        "state_dir",
        "state-dir",
        "Where runs, logs and metrics are kept [default: ha-dashboard in the XDG state folder]",
        "a folder's path",
    ),
    row("scripts_dir", "scripts-dir", "Where the k6 scripts are [default: k6-scripts]", "a folder's path"),
    row(
        SCRIPT_UPLOADS,
        "script-uploads",
        "Whether admins may upload scripts; what they upload is run by Docker alone [default: off]",
        "off, or on where k6 runs in containers that no way leads out of: with the engine docker, and a docker_network other than \
         host",
    ),
    row("site_root", "site-root", "Where the built page is [default: target/site]", "a folder's path"),
    row(
        "services",
        "services",
        "Services that load may go to [default: the demo services and the dashboard itself]",
        "name=url pairs separated by commas; names of a-z, 0-9 and -; http or https addresses without user, path, query",
    ),
    row(
        "gateway",
        "gateway",
        "The admin socket of the gateway before the replicas [default: stage/gateway.sock in the state folder]",
        "unix:// and a socket's absolute path, or tcp://host:port",
    ),
    row(
        "supervisor",
        "supervisor",
        "The socket of what supervises the replicas on this machine [default: stage/supervisor.sock in the state folder]",
        "a socket's absolute path",
    ),
    row(
        "down_after",
        "down-after",
        "Bad answers to probes in a row until a service or replica counts as down [default: 2]",
        "a whole number from 1 to 60",
    ),
    row(
        "up_after",
        "up-after",
        "Good answers to probes in a row until it counts as up again [default: 1]",
        "a whole number from 1 to 60",
    ),
    row("max_vus", "max-vus", "Most VUs a test may ask for [default: 200]", "a whole number from 1 to 100000"),
    row(
        "max_rate",
        "max-rate",
        "Most iterations per second a test may ask for [default: 1000]",
        "a whole number from 1 to 1000000",
    ),
    row(
        "max_duration",
        "max-duration",
        "Longest test [default: 1h]",
        "a duration from 10s to 720h, like 90s, 15m or 1h30m",
    ),
    row(
        "max_runs_per_day",
        "max-runs-per-day",
        "Most tests within 24 hours [default: no limit]",
        "a whole number from 1 to 100000",
    ),
    row(
        "max_fault",
        "max-fault",
        "Longest fault; one set until restored ends after that, too [default: 10m]",
        "a duration from 1s to 24h, like 90s, 15m or 1h30m",
    ),
    row(
        "keep_runs",
        "keep-runs",
        "How many tests are kept, starred ones not counted [default: 10000]",
        "a whole number from 1 to 1000000",
    ),
    row(
        "keep_days",
        "keep-days",
        "How many days tests are kept, unless they are starred [default: as long as there is place for them]",
        "a whole number from 1 to 36500",
    ),
    row(
        "prometheus_url",
        "prometheus-url",
        "A metrics store with the Prometheus API, instead of an own Prometheus",
        "an http or https address without user, query",
    ),
    row(
        "prometheus",
        "prometheus",
        "The program for an own Prometheus [default: prometheus]",
        "a program's path or name",
    ),
    row(
        "prometheus_port",
        "prometheus-port",
        "Its port on loopback; another one where it is taken [default: 9090]",
        "a port from 1 to 65535",
    ),
    row(
        "grafana_url",
        "grafana-url",
        "Grafana with the dashboards of monitoring/grafana, as browsers reach it: tests link there [default: no links]",
        "an http or https address without user, query",
    ),
    row(
        "jaeger_url",
        "jaeger-url",
        "Jaeger as browsers reach it: the overview links there [default: no link]",
        "an http or https address without user, query",
    ),
    row(
        "public_url",
        "public-url",
        "This dashboard as people reach it: what webhooks tell links there [default: no links]",
        "an http or https address without user, query",
    ),
    row("k6", "k6", "The k6 program [default: ~/.cache/ha-dashboard/bin/k6, else k6]", "a program's path or name"),
    row(
        "engine",
        "engine",
        "What runs k6 [default: auto, which is docker where that answers and has the image]",
        "auto, process or docker",
    ),
    row(
        "docker_host",
        "docker-host",
        "Docker's address [default: DOCKER_HOST, else unix:///var/run/docker.sock]",
        "unix:// and a socket's absolute path, or tcp://host:port",
    ),
    row(
        "docker_network",
        "docker-network",
        "The network k6 containers are put in [default: host]",
        "a network's name: letters, digits, '_', '.' and '-'",
    ),
    row(
        "k6_image",
        "k6-image",
        "The image k6 containers are made of [default: grafana/k6:1.1.0]",
        "an image's name with a tag or digest, in small letters",
    ),
    row(
        "k6_memory",
        "k6-memory",
        "Most memory of a k6 container [default: 2GiB]",
        "a size from 16MiB to 1024GiB, in MiB or GiB",
    ),
    row("k6_cpus", "k6-cpus", "Most cores of a k6 container [default: 4]", "a whole number from 1 to 1024"),
    row(
        "stop_grace",
        "stop-grace",
        "How long k6 gets to end before it is killed [default: 30s]",
        "a duration from 1s to 10m",
    ),
    row("tick", "tick", "How often values are pushed and polled [default: 1s]", "a duration from 200ms to 10s"),
    row("log", "log", "Which log lines are written [default: info]", "a filter like info or warn,ha_dashboard=debug"),
    row("log_format", "log-format", "How log lines look [default: text]", "text or json"),
    row(
        "otlp_endpoint",
        "otlp-endpoint",
        "A collector that is told traces over OTLP/HTTP [default: OTEL_EXPORTER_OTLP_ENDPOINT, else none]",
        "an http address without user, query; /v1/traces is added",
    ),
];

const fn row(key: &'static str, flag: &'static str, help: &'static str, allowed: &'static str) -> Setting {
    Setting { key, flag, help, allowed }
}

impl Setting {
    /// The row of a key.
    pub fn named(key: &str) -> Option<&'static Self> {
        SETTINGS.iter().find(|setting| setting.key == key)
    }
}

/// The variable of a key.
pub fn variable(key: &str) -> String {
    format!("HAD_{}", key.to_ascii_uppercase())
}

/// What was set by flags, by key.
#[derive(Debug, Clone, Default)]
pub struct Flags(pub BTreeMap<&'static str, String>);

impl Args for Flags {
    fn augment_args(command: Command) -> Command {
        let arg = |key: &'static str, flag: &'static str, help: &'static str| {
            Arg::new(key).long(flag).help(help).value_name("VALUE").global(true).help_heading(
                "Settings (each also as a HAD_* variable and as a key of ha-dashboard.toml, e.g. --max-vus, HAD_MAX_VUS, max_vus)",
            )
        };
        let file = arg(CONFIG_FILE, CONFIG_FILE, "The configuration file [default: ha-dashboard.toml]");
        SETTINGS
            .iter()
            .fold(command.arg(file), |command, setting| command.arg(arg(setting.key, setting.flag, setting.help)))
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl FromArgMatches for Flags {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let keys = SETTINGS.iter().map(|setting| setting.key).chain([CONFIG_FILE]);
        let given = keys.filter_map(|key| matches.get_one::<String>(key).map(|value| (key, value.clone())));
        Ok(Self(given.collect()))
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        self.0.extend(Self::from_arg_matches(matches)?.0);
        Ok(())
    }
}
