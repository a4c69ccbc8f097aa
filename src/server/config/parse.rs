//! Turns texts into settings.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use ha_dashboard::domain::{
    Millis,
    fault::FaultLimits,
    plan::DASHBOARD_SERVICE,
    service::{Replica, Service, Slo},
    steady::Patience,
    team::Team,
    validate::Limits,
};

use super::{
    Allowance, Config, ConfigError, ConfigErrors, DockerConfig, EngineChoice, Layers, LogFormat, Login, Network, Oidc,
    Retention, Settings, StoreChoice, Surroundings, TlsFiles, Viewers, limits,
    services::{self, Known},
    table::{OIDC_SECRET, SCRIPT_UPLOADS, Setting, TOKEN},
    webhooks::{self, Webhook},
};

/// The demo services, the port that each is known by, and what it calls.
const DEMO_SERVICES: [(&str, u16, &[&str]); 3] = [
    ("product-service", 8080, &[]),
    ("user-service", 8081, &[]),
    ("checkout-service", 8082, &["product-service", "user-service"]),
];

/// Of each there are as many replicas. The door of the first listens 100 above the service's port, its process 10 above
/// the door, and so on.
const DEMO_REPLICAS: u16 = 2;

/// What the demo services promise.
const DEMO_SLO: Slo = Slo { availability: 99.5, p95_ms: Some(300) };

/// Where cargo-leptos speaks to pages unless it is told otherwise.
const RELOAD_PORT: u16 = 3001;

struct Reader<'a> {
    layers: &'a Layers,
    errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// A setting's value, or the default where it isn't set; notes what is refused.
    fn read<T>(&mut self, key: &'static str, default: T, parse: impl FnOnce(&str) -> Option<T>) -> T {
        let Some(given) = self.layers.found.get(key) else { return default };
        parse(given.value.trim()).unwrap_or_else(|| {
            let allowed = Setting::named(key).map_or("", |setting| setting.allowed);
            self.errors.push(ConfigError {
                place: given.place.clone(),
                value: given.value.clone(),
                allowed: allowed.into(),
            });
            default
        })
    }

    /// From the file's tables or the short form.
    fn services(&mut self, addr: SocketAddr) -> Known {
        match &self.layers.tables {
            Some(tables) => services::tables(&tables.value, &tables.file, &mut self.errors),
            None => self.read("services", default_services(addr), |text| {
                services::short(text).map(|services| Known { services, ..Known::default() })
            }),
        }
    }

    /// From the file's table; what it does not name is as for everybody.
    fn presenter(&mut self, all: Allowance) -> Allowance {
        let tables = self.layers.limits.as_ref();
        tables.map_or(all, |tables| limits::presenter(&tables.value, &tables.file, all, &mut self.errors))
    }

    /// Both files, or none.
    fn tls(&mut self, surroundings: &Surroundings) -> Option<TlsFiles> {
        let mut file = |key, other| {
            let both = self.layers.found.contains_key(other);
            let path = |text: &str| (both && !text.is_empty()).then(|| Some(surroundings.dir.join(text)));
            self.read(key, None, path)
        };
        Some(TlsFiles { cert: file("tls_cert", "tls_key")?, key: file("tls_key", "tls_cert")? })
    }

    /// All that it takes, or nothing of it.
    fn oidc(&mut self, surroundings: &Surroundings) -> Option<Oidc> {
        const LISTS: [&str; 3] = ["oidc_viewers", "oidc_presenters", "oidc_admins"];
        let is_set = |key| self.layers.found.contains_key(key);
        let (has_issuer, is_whole) = (is_set("oidc_issuer"), is_set("oidc_client") && LISTS.into_iter().any(is_set));
        let word = |text: &str| (has_issuer && !text.is_empty() && text.len() <= 200).then(|| text.to_owned());
        let issuer = self.read("oidc_issuer", None, |text| issuer(text).filter(|_| is_whole).map(Some));
        let client = self.read("oidc_client", String::new(), word);
        let groups = self.read("oidc_groups", "groups".into(), word);
        let [viewers, presenters, admins] = LISTS.map(|key| {
            let names = |text: &str| list(text).filter(|names| has_issuer && !names.is_empty());
            // Everybody at once is let do nothing but look.
            let is_fine = |names: &Vec<String>| key == LISTS[0] || names.iter().all(|name| name != Team::EVERYBODY);
            self.read(key, Vec::new(), |text| names(text).filter(is_fine))
        });
        let secret = secret(surroundings, OIDC_SECRET);
        Some(Oidc { issuer: issuer?, client, secret, groups, team: Team { viewers, presenters, admins } })
    }

    /// An uploaded script opens any file that k6 can, and calls whatever it reaches.
    fn holds_uploads(&mut self, config: &Config) {
        let is_held = config.engine != EngineChoice::Process && config.docker.network != "host";
        if config.script_uploads && !is_held {
            self.read(SCRIPT_UPLOADS, (), |_| None);
        }
    }

    /// From the file's tables; there is no short form, as they hold secrets.
    fn webhooks(&mut self, surroundings: &Surroundings) -> Vec<Webhook> {
        let tables = self.layers.webhooks.as_ref();
        tables.map_or_else(Vec::new, |tables| {
            webhooks::tables(&tables.value, &tables.file, &surroundings.dir, &mut self.errors)
        })
    }
}

/// Checks every text.
pub fn settings(layers: &Layers, surroundings: &Surroundings) -> Result<Settings, ConfigErrors> {
    let mut reader = Reader { layers, errors: Vec::new() };
    let path = |text: &str| (!text.is_empty()).then(|| surroundings.dir.join(text));
    let program = |text: &str| (!text.is_empty()).then(|| PathBuf::from(text));
    let installed = |name: &str| {
        let path = surroundings.home().join(".cache/ha-dashboard/bin").join(name);
        if path.exists() { path } else { PathBuf::from(name) }
    };

    let addr = reader.read("addr", SocketAddr::from(([127, 0, 0, 1], 3000)), |text| text.parse().ok());
    let binary = reader.read("prometheus", installed("prometheus"), program);
    let port =
        reader.read("prometheus_port", 9090, |text| whole(text, 1, 65_535).and_then(|port| port.try_into().ok()));
    let usual = DockerConfig::default();
    let state_dir = reader.read("state_dir", state_dir(surroundings), path);
    let stage = state_dir.join("stage");
    let known = reader.services(addr);
    let trusted_proxies = reader.read("trusted_proxies", Vec::new(), networks);
    let login = reader.read("login", Login::Auto, |text| match text {
        "auto" => Some(Login::Auto),
        "off" => Some(Login::Off),
        "required" => Some(Login::Required),
        _ => None,
    });
    let oidc = reader.oidc(surroundings);
    let limits = Limits {
        max_vus: reader.read("max_vus", 200, |text| whole(text, 1, 100_000)),
        max_rate: reader.read("max_rate", 1_000, |text| whole(text, 1, 1_000_000)),
        max_duration_s: reader
            .read("max_duration", Duration::from_secs(3_600), |text| duration(text, 10_000, 2_592_000_000))
            .as_secs() as u32,
    };
    let runs_per_day = reader.read("max_runs_per_day", None, |text| whole(text, 1, Allowance::MOST_RUNS).map(Some));
    let config = Config {
        addr,
        // Who puts a proxy before it lets others reach it; who names a provider wants a login.
        login: match login {
            Login::Auto if oidc.is_some() || !trusted_proxies.is_empty() => Login::Required,
            login => login,
        },
        viewers: reader.read("viewers", Viewers::Open, |text| match text {
            "open" => Some(Viewers::Open),
            "link" => Some(Viewers::Link),
            "off" => Some(Viewers::Off),
            _ => None,
        }),
        scripts_dir: reader.read("scripts_dir", surroundings.dir.join("k6-scripts"), path),
        script_uploads: reader.read(SCRIPT_UPLOADS, false, |text| match text {
            "on" => Some(true),
            "off" => Some(false),
            _ => None,
        }),
        site_root: reader.read("site_root", surroundings.dir.join("target/site"), path),
        services: known.services,
        replicas: known.replicas,
        gateway: reader.read("gateway", format!("unix://{}", stage.join("gateway.sock").display()), socket),
        supervisor: reader
            .read("supervisor", stage.join("supervisor.sock"), |text| path(text).filter(|_| text.starts_with('/'))),
        state_dir,
        patience: Patience {
            down_after: reader.read("down_after", Patience::default().down_after, |text| whole(text, 1, 60)),
            up_after: reader.read("up_after", Patience::default().up_after, |text| whole(text, 1, 60)),
        },
        limits,
        runs_per_day,
        presenter: reader.presenter(Allowance { limits, runs_per_day }),
        fault_limits: {
            let longest = reader.read("max_fault", Duration::from_secs(600), |text| duration(text, 1_000, 86_400_000));
            FaultLimits { longest_s: longest.as_secs() as u32, until_restored_s: longest.as_secs() as u32 }
        },
        retention: Retention {
            runs: reader.read("keep_runs", Retention::default().runs, |text| whole(text, 1, 1_000_000)),
            age_ms: reader.read("keep_days", None, |text| {
                whole(text, 1, 36_500).map(|days| Some(Millis::from(days) * 86_400_000))
            }),
        },
        store: match reader.read("prometheus_url", None, |text| base_url(text, true).map(Some)) {
            Some(url) => StoreChoice::External { url },
            None => StoreChoice::Child { binary, port },
        },
        grafana_url: reader.read("grafana_url", None, |text| base_url(text, true).map(Some)),
        jaeger_url: reader.read("jaeger_url", None, |text| base_url(text, true).map(Some)),
        public_url: reader.read("public_url", None, |text| base_url(text, true).map(Some)),
        webhooks: reader.webhooks(surroundings),
        engine: reader.read("engine", EngineChoice::Auto, |text| match text {
            "auto" => Some(EngineChoice::Auto),
            "process" => Some(EngineChoice::Process),
            "docker" => Some(EngineChoice::Docker),
            _ => None,
        }),
        k6: reader.read("k6", installed("k6"), program),
        docker: DockerConfig {
            host: reader.read("docker_host", default_docker(surroundings), socket),
            network: reader.read("docker_network", usual.network, network),
            image: reader.read("k6_image", usual.image, image),
            memory: reader.read("k6_memory", usual.memory, memory),
            cpus: reader.read("k6_cpus", usual.cpus, |text| whole(text, 1, 1024)),
        },
        stop_grace: reader.read("stop_grace", Duration::from_secs(30), |text| duration(text, 1_000, 600_000)),
        tick: reader.read("tick", Duration::from_secs(1), |text| duration(text, 200, 10_000)),
    };
    reader.holds_uploads(&config);
    let settings = Settings {
        config,
        hash_file: surroundings.program_dir.join("hash.txt"),
        reload_port: surroundings
            .variables
            .get("LEPTOS_RELOAD_PORT")
            .and_then(|text| text.parse().ok())
            .unwrap_or(RELOAD_PORT),
        token: secret(surroundings, TOKEN),
        oidc,
        allowed_hosts: reader.read("allowed_hosts", Vec::new(), hosts),
        trusted_proxies,
        tls: reader.tls(surroundings),
        log: reader.read("log", "info".into(), |text| {
            tracing_subscriber::EnvFilter::try_new(text).ok().map(|_| text.to_owned())
        }),
        log_format: reader.read("log_format", LogFormat::Text, |text| match text {
            "text" => Some(LogFormat::Text),
            "json" => Some(LogFormat::Json),
            _ => None,
        }),
        otlp: reader.read("otlp_endpoint", default_collector(surroundings), |text| collector(text).map(Some)),
    };
    if reader.errors.is_empty() { Ok(settings) } else { Err(ConfigErrors(reader.errors)) }
}

/// What a variable holds that is neither a flag nor a key.
fn secret(surroundings: &Surroundings, name: &str) -> Option<String> {
    surroundings.variables.get(name).map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

/// As the provider writes it, with or without a trailing slash: it is compared letter by letter.
fn issuer(text: &str) -> Option<String> {
    let base = base_url(text, true)?;
    let url = reqwest::Url::parse(&base).ok()?;
    let host = url.host_str()?.trim_matches(['[', ']']);
    let is_here = host == "localhost" || host.parse().is_ok_and(|ip: std::net::IpAddr| ip.is_loopback());
    (url.scheme() == "https" || is_here).then(|| text.to_owned())
}

fn list(text: &str) -> Option<Vec<String>> {
    let names: Vec<_> = text.split(',').map(str::trim).filter(|name| !name.is_empty()).map(str::to_owned).collect();
    (names.len() <= 200 && names.iter().all(|name| name.chars().count() <= 200)).then_some(names)
}

fn state_dir(surroundings: &Surroundings) -> PathBuf {
    // The XDG specification says to ignore relative paths.
    let xdg = surroundings.variables.get("XDG_STATE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
    xdg.unwrap_or_else(|| surroundings.home().join(".local/state")).join("ha-dashboard")
}

/// The stage that `ha-dashboard demo` sets, and the dashboard at `addr` itself.
fn default_services(addr: SocketAddr) -> Known {
    // A wildcard address is nothing to connect to; this machine is.
    let host = match addr {
        _ if addr.ip().is_unspecified() => "127.0.0.1".into(),
        SocketAddr::V4(v4) => v4.ip().to_string(),
        SocketAddr::V6(v6) => format!("[{}]", v6.ip()),
    };
    let here = |port: u16| format!("http://127.0.0.1:{port}");
    let demo = DEMO_SERVICES.iter().map(|(name, port, calls)| Service {
        depends_on: calls.iter().map(|name| (*name).to_owned()).collect(),
        slo: Some(DEMO_SLO),
        ..Service::new(*name, here(*port))
    });
    let replica = |name: &str, port: u16, number: u16| Replica {
        name: format!("{name}-{number}"),
        url: here(port + 100 * number + 10),
        door: Some(here(port + 100 * number)),
        container: None,
    };
    let replicas = DEMO_SERVICES.iter().map(|(name, port, _)| {
        ((*name).to_owned(), (1..=DEMO_REPLICAS).map(|number| replica(name, *port, number)).collect())
    });
    Known {
        replicas: replicas.collect(),
        services: demo.chain([Service::new(DASHBOARD_SERVICE, format!("http://{host}:{}", addr.port()))]).collect(),
    }
}

/// Where the docker command would look, too, as far as we speak it.
fn default_docker(surroundings: &Surroundings) -> String {
    let named = surroundings.variables.get("DOCKER_HOST").and_then(|text| socket(text));
    named.unwrap_or_else(|| DockerConfig::default().host)
}

/// Where programs with OpenTelemetry would look, too, as far as we speak it.
fn default_collector(surroundings: &Surroundings) -> Option<String> {
    surroundings.variables.get("OTEL_EXPORTER_OTLP_ENDPOINT").and_then(|text| collector(text))
}

fn collector(text: &str) -> Option<String> {
    base_url(text, true).filter(|url| url.starts_with("http://"))
}

fn socket(text: &str) -> Option<String> {
    let fine = match text.strip_prefix("unix://") {
        Some(path) => path.starts_with('/') && !path.contains(char::is_whitespace),
        None => text.strip_prefix("tcp://").is_some_and(|rest| {
            let port = rest.rsplit_once(':').filter(|(host, _)| !host.is_empty()).map(|(_, port)| port);
            port.is_some_and(|port| port.parse::<u16>().is_ok_and(|port| port > 0)) && !rest.contains(['/', '@', '?'])
        }),
    };
    fine.then(|| text.to_owned())
}

fn network(text: &str) -> Option<String> {
    let fine = text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.len() <= 128
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-".contains(&b));
    fine.then(|| text.to_owned())
}

/// A reference without a tag would mean all of its tags when it is fetched.
fn image(text: &str) -> Option<String> {
    let name = text.rsplit('/').next()?;
    let tagged = name.split_once([':', '@']).is_some_and(|(name, tag)| !name.is_empty() && !tag.is_empty());
    let fine = tagged
        && text.len() <= 256
        && text.starts_with(|c: char| c.is_ascii_alphanumeric())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"_.-/:@".contains(&b))
        && !text.contains("..")
        && !text.contains("//");
    fine.then(|| text.to_owned())
}

fn memory(text: &str) -> Option<u64> {
    let (number, unit) = match text.strip_suffix("GiB") {
        Some(number) => (number, 1 << 30),
        None => (text.strip_suffix("MiB")?, 1 << 20),
    };
    let bytes = number.trim().parse::<u64>().ok()?.checked_mul(unit)?;
    ((16 << 20)..=(1024 << 30)).contains(&bytes).then_some(bytes)
}

pub(super) fn whole(text: &str, min: u32, max: u32) -> Option<u32> {
    text.parse().ok().filter(|number| (min..=max).contains(number))
}

/// Seconds, or text like `1h30m`.
pub(super) fn duration(text: &str, min_ms: u64, max_ms: u64) -> Option<Duration> {
    let parsed = match text.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => text.parse::<jiff::SignedDuration>().ok()?.try_into().ok()?,
    };
    (Duration::from_millis(min_ms)..=Duration::from_millis(max_ms)).contains(&parsed).then_some(parsed)
}

fn hosts(text: &str) -> Option<Vec<String>> {
    let hosts: Vec<_> =
        text.split(',').map(|host| host.trim().to_ascii_lowercase()).filter(|h| !h.is_empty()).collect();
    let fine = |host: &String| host == "*" || host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._[]:".contains(&b));
    hosts.iter().all(fine).then_some(hosts)
}

fn networks(text: &str) -> Option<Vec<Network>> {
    text.split(',').map(str::trim).filter(|one| !one.is_empty()).map(|one| one.parse().ok()).collect()
}

/// An address without a trailing slash. A service's has no path, so that scripts can put theirs behind it; a store may
/// live below one.
pub(super) fn base_url(text: &str, with_path: bool) -> Option<String> {
    let url = reqwest::Url::parse(text).ok()?;
    let fine = matches!(url.scheme(), "http" | "https")
        && url.host_str().is_some_and(|host| !host.is_empty())
        && url.username().is_empty()
        && url.password().is_none()
        && url.query().is_none()
        && url.fragment().is_none()
        && (with_path || url.path() == "/")
        && !text.contains("..");
    fine.then(|| url.as_str().trim_end_matches('/').to_owned())
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use std::collections::BTreeMap;

    use super::{super::Flags, *};

    fn load(flags: &[(&'static str, &str)], variables: &[(&str, &str)], file: &str) -> Result<Settings, ConfigErrors> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("ha-dashboard.toml"), file).unwrap();
        let flags = Flags(flags.iter().map(|(key, value)| (*key, (*value).to_owned())).collect());
        let variables: BTreeMap<_, _> =
            variables.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        Settings::load(&flags, &Surroundings { variables, dir: dir.path().into(), ..Surroundings::default() })
    }

    #[test]
    fn pages_listen_where_cargo_leptos_speaks() {
        let port = |variables: &[_]| crate::server::leptos_options(&load(&[], variables, "").unwrap()).reload_port;
        assert_eq!(port(&[("LEPTOS_RELOAD_PORT", "23000")]), 23_000);
        assert_eq!(port(&[]), 3_001);
    }

    #[test]
    fn defaults_are_the_demo() {
        let settings = load(&[], &[("HOME", "/home/x")], "").unwrap();
        let config = settings.config;
        assert_eq!(config.addr.to_string(), "127.0.0.1:3000");
        assert_eq!(config.state_dir, PathBuf::from("/home/x/.local/state/ha-dashboard"));
        let services: Vec<_> = config.services.iter().map(|s| format!("{}={}", s.name, s.url)).collect();
        assert_eq!(
            services,
            [
                "product-service=http://127.0.0.1:8080",
                "user-service=http://127.0.0.1:8081",
                "checkout-service=http://127.0.0.1:8082",
                "analytics-service=http://127.0.0.1:3000",
            ]
        );
        let listening =
            config.replicas.values().flatten().flat_map(|one| [Some(one.url.as_str()), one.door.as_deref()]);
        let listening: std::collections::BTreeSet<_> =
            listening.flatten().chain(config.services.iter().map(|service| service.url.as_str())).collect();
        assert_eq!(listening.len(), 2 * 6 + 4, "each has a port of its own: {listening:?}");
        assert_eq!(config.replicas["product-service"][1].url, "http://127.0.0.1:8290");
        assert_eq!(config.gateway, "unix:///home/x/.local/state/ha-dashboard/stage/gateway.sock");
        assert_eq!(config.supervisor, PathBuf::from("/home/x/.local/state/ha-dashboard/stage/supervisor.sock"));
        assert_eq!(config.limits, Limits { max_vus: 200, max_rate: 1000, max_duration_s: 3600 });
    }

    #[test]
    fn tables_give_way_to_the_short_form_of_a_higher_layer_and_clash_with_one_in_the_file() {
        let tables = "[[service]]\nname = 'shop'\nurl = 'http://a'\n[[service.replica]]\nname = 'r'\nurl = 'http://b'";
        let config = load(&[], &[], tables).unwrap().config;
        assert_eq!((config.services.len(), config.replicas["shop"].len()), (1, 1));
        let config = load(&[], &[("HAD_SERVICES", "shop=http://c")], tables).unwrap().config;
        assert_eq!((config.services[0].url.as_str(), config.replicas.len()), ("http://c", 0));
        let error = load(&[], &[], &format!("services = 'a=http://b'\n{tables}")).unwrap_err().to_string();
        assert!(error.contains("services in") && error.contains("[[service]]"), "{error}");
        let error = load(&[], &[], "[[service]]\nname = 'B'\nurl = 'x'").unwrap_err();
        assert_eq!(error.0.len(), 2, "{error}");
    }

    #[test]
    fn flags_win_over_variables_over_the_file() {
        let file = "max_vus = 1\nmax_rate = 1\nmax_duration = '1m'\n";
        let settings = load(&[("max_vus", "3")], &[("HAD_MAX_VUS", "2"), ("HAD_MAX_RATE", "2")], file).unwrap();
        assert_eq!(settings.config.limits, Limits { max_vus: 3, max_rate: 2, max_duration_s: 60 });
    }

    #[test]
    fn services_come_from_a_table_a_list_or_a_text() {
        let expected = vec![Service::new("shop", "http://10.0.0.1:80".trim_end_matches(":80"))];
        for file in [
            "[services]\nshop = 'http://10.0.0.1/'",
            "services = ['shop=http://10.0.0.1']",
            "services = 'shop=http://10.0.0.1'",
        ] {
            assert_eq!(load(&[], &[], file).unwrap().config.services, expected, "{file}");
        }
    }

    #[test]
    fn every_refusal_names_place_value_and_what_is_allowed() {
        let cases = [
            ("HAD_ADDR", "localhost", "HAD_ADDR: \"localhost\" is not allowed; allowed: an IP address and a port"),
            ("HAD_TRUSTED_PROXIES", "10.1.0.0/33", "addresses and networks"),
            ("HAD_TRUSTED_PROXIES", "proxy.example", "addresses and networks"),
            ("HAD_TLS_CERT", "cert.pem", "together with tls_key"),
            ("HAD_OIDC_ISSUER", "https://sso.example.com", "together with oidc_client"),
            ("HAD_OIDC_CLIENT", "dashboard", "together with oidc_issuer"),
            ("HAD_OIDC_ADMINS", "platform", "together with oidc_issuer"),
            ("HAD_MAX_VUS", "0", "a whole number from 1"),
            ("HAD_MAX_VUS", "ten", "a whole number from 1"),
            ("HAD_MAX_DURATION", "30y", "a duration from 10s to 720h"),
            ("HAD_TICK", "1ms", "a duration from 200ms"),
            ("HAD_ENGINE", "swarm", "auto, process or docker"),
            ("HAD_SCRIPT_UPLOADS", "yes", "off, or on where k6 runs in containers"),
            ("HAD_DOCKER_HOST", "/var/run/docker.sock", "unix:// and a socket's"),
            ("HAD_DOCKER_HOST", "tcp://gateway", "tcp://host:port"),
            ("HAD_GATEWAY", "/run/gateway.sock", "unix:// and a socket's"),
            ("HAD_SUPERVISOR", "supervisor.sock", "a socket's absolute path"),
            ("HAD_DOWN_AFTER", "0", "from 1 to 60"),
            ("HAD_UP_AFTER", "61", "from 1 to 60"),
            ("HAD_DOCKER_NETWORK", "a b", "a network's name"),
            ("HAD_K6_IMAGE", "grafana/k6", "with a tag or digest"),
            ("HAD_K6_IMAGE", "grafana/../k6:1", "with a tag or digest"),
            ("HAD_K6_MEMORY", "2", "a size from 16MiB"),
            ("HAD_K6_MEMORY", "1MiB", "a size from 16MiB"),
            ("HAD_K6_CPUS", "0", "from 1 to 1024"),
            ("HAD_SERVICES", "a=http://x/../y", "name=url pairs"),
            ("HAD_SERVICES", "a=ftp://x", "name=url pairs"),
            ("HAD_SERVICES", "a=http://u:p@x", "name=url pairs"),
            ("HAD_SERVICES", "a=http://x?q=1", "name=url pairs"),
            ("HAD_SERVICES", "A=http://x", "name=url pairs"),
            ("HAD_SERVICES", "a=http://x,a=http://y", "name=url pairs"),
            ("HAD_SERVICES", "all-services=http://x", "name=url pairs"),
            ("HAD_PROMETHEUS_URL", "localhost:9090", "an http or https address"),
            ("HAD_GRAFANA_URL", "grafana:3001", "an http or https address"),
            ("HAD_PUBLIC_URL", "dashboard.example", "an http or https address"),
            ("HAD_JAEGER_URL", "http://u:p@jaeger:16686", "an http or https address"),
            ("HAD_LOG_FORMAT", "xml", "text or json"),
            ("HAD_COLOUR", "red", "only HAD_ADDR"),
        ];
        for (name, value, expected) in cases {
            let error = load(&[], &[(name, value)], "").unwrap_err().to_string();
            assert!(error.contains(expected) && error.contains(name) && error.contains(value), "{error}");
        }
    }

    #[test]
    fn a_team_logs_in_where_all_of_it_is_set() {
        let with = |more: &[(&'static str, &'static str)]| {
            let usual = [("HAD_OIDC_ISSUER", "https://sso.example.com/"), ("HAD_OIDC_CLIENT", "dashboard")];
            load(&[], &[&usual[..], more].concat(), "")
        };
        let settings = with(&[("HAD_OIDC_ADMINS", "platform, anna@example.com"), ("HAD_OIDC_SECRET", "hush")]).unwrap();
        assert_eq!(settings.config.login, Login::Required, "a login is needed from now on");
        assert!(!format!("{settings:?}").contains("hush"), "{settings:?}");
        let oidc = settings.oidc.unwrap();
        assert_eq!((oidc.issuer.as_str(), oidc.groups.as_str()), ("https://sso.example.com/", "groups"));
        assert_eq!((oidc.secret.as_deref(), oidc.team.admins.len()), (Some("hush"), 2));
        for (name, value, place) in [
            ("HAD_OIDC_VIEWERS", "*", None),
            ("HAD_OIDC_ADMINS", "*", Some("HAD_OIDC_ADMINS")),
            ("HAD_OIDC_PRESENTERS", "speakers,*", Some("HAD_OIDC_PRESENTERS")),
            ("HAD_OIDC_PRESENTERS", ",", Some("HAD_OIDC_PRESENTERS")),
            ("HAD_OIDC_GROUPS", "roles", Some("HAD_OIDC_ISSUER")),
        ] {
            let refused = with(&[(name, value)]).err().map(|errors| errors.0[0].place.clone());
            assert_eq!(refused.as_deref(), place, "{name}={value}");
        }
        for (issuer, is_fine) in [
            ("http://localhost:8443", true),
            ("http://127.0.0.1:1/realms/x", true),
            ("http://[::1]:1", true),
            ("http://sso.example.com", false),
            ("http://127.0.0.1.example.com", false),
            ("https://u:p@sso.example.com", false),
            ("sso.example.com", false),
        ] {
            let more = [("HAD_OIDC_VIEWERS", "*"), ("HAD_OIDC_ISSUER", issuer)];
            assert_eq!(with(&more).is_ok(), is_fine, "{issuer}");
        }
    }

    #[test]
    fn scripts_are_uploaded_only_where_containers_hold_them() {
        let uploads = |engine: &str, network: &str| {
            let more = [("HAD_ENGINE", engine), ("HAD_DOCKER_NETWORK", network)];
            load(&[("script_uploads", "on")], &more, "").map(|settings| settings.config.script_uploads)
        };
        assert!(!load(&[], &[], "").unwrap().config.script_uploads, "off unless it is switched on");
        for engine in ["docker", "auto"] {
            assert_eq!(uploads(engine, "ha-dashboard-k6"), Ok(true));
        }
        for (engine, network) in [("process", "ha-dashboard-k6"), ("docker", "host"), ("auto", "host")] {
            let error = uploads(engine, network).unwrap_err();
            assert_eq!(error.0.len(), 1, "{error}");
            let told = "--script-uploads: \"on\" is not allowed; allowed: off, or on where";
            assert!(error.to_string().starts_with(told), "{error}");
        }
    }

    #[test]
    fn all_refusals_are_told_at_once() {
        let error = load(&[("tick", "0")], &[("HAD_MAX_VUS", "x")], "").unwrap_err();
        assert_eq!(error.0.len(), 2);
    }

    #[test]
    fn unknown_keys_and_broken_files_are_refused() {
        assert!(load(&[], &[], "max_vu = 3").unwrap_err().to_string().contains("max_vu in"));
        assert!(load(&[], &[], "max_vus = ").unwrap_err().to_string().contains("TOML"));
        assert!(load(&[("config", "nowhere.toml")], &[], "").unwrap_err().to_string().contains("--config"));
    }
}
