//! `ha-dashboard config`.

use std::process::ExitCode;

use ha_dashboard::domain::{access::Role, service::Replica, validate::Limits};

use super::exit;
use crate::server::config::{
    Allowance, EngineChoice, Flags, Layers, LogFormat, Login, Oidc, Settings, StoreChoice, Surroundings, Viewers,
    table::SETTINGS, webhooks::Webhook,
};

/// Prints every setting.
pub fn main(settings: &Settings, flags: &Flags, surroundings: &Surroundings) -> ExitCode {
    let Ok(layers) = Layers::collect(flags, surroundings) else { return exit::INVALID.into() };
    for setting in SETTINGS {
        let place = place(&layers, setting.key);
        println!("{:<16} = {}  ({place})", setting.key, value(settings, setting.key).unwrap_or_default());
    }
    for (service, replicas) in &settings.config.replicas {
        for replica in replicas {
            println!("{}", line(service, replica));
        }
    }
    let config = &settings.config;
    if config.presenter != config.allowance(Role::Admin) {
        println!("{}", less(&config.presenter));
    }
    config.webhooks.iter().for_each(|hook| println!("{}", told(hook)));
    ExitCode::SUCCESS
}

fn place(layers: &Layers, key: &str) -> String {
    match (&layers.tables, layers.found.get(key)) {
        (Some(tables), _) if key == "services" => format!("[[service]] in {}", tables.file),
        (_, found) => found.map_or_else(|| "default".into(), |given| given.place.clone()),
    }
}

/// What presenters may ask for, where that is less.
fn less(Allowance { limits, runs_per_day }: &Allowance) -> String {
    let runs = runs_per_day.map(|runs| format!(", {runs} tests a day")).unwrap_or_default();
    let Limits { max_vus, max_rate, max_duration_s } = limits;
    format!("presenters: {max_vus} VUs, {max_rate} iterations/s, {max_duration_s}s{runs}")
}

/// A replica, below the settings.
fn line(service: &str, replica: &Replica) -> String {
    let door = replica.door.as_ref().map(|door| format!(", door {door}")).unwrap_or_default();
    let container = replica.container.as_ref().map(|name| format!(", container {name}")).unwrap_or_default();
    format!("replica of {service}: {} = {}{door}{container}", replica.name, replica.url)
}

/// Who is told what, without addresses and secrets.
fn told(hook: &Webhook) -> String {
    let events = hook.events.iter().map(|event| event.name()).collect::<Vec<_>>().join(", ");
    let signed = if hook.secret.is_some() { ", signed" } else { "" };
    format!("webhook {}: {} to {}{signed}, in {}: {events}", hook.name, hook.form.name(), hook.shown, hook.lang.tag())
}

fn oidc(settings: &Settings, of: impl FnOnce(&Oidc) -> String) -> String {
    settings.oidc.as_ref().map(of).unwrap_or_default()
}

fn value(settings: &Settings, key: &str) -> Option<String> {
    let config = &settings.config;
    let (url, binary, port) = match &config.store {
        StoreChoice::External { url } => (url.clone(), String::new(), String::new()),
        StoreChoice::Child { binary, port } => (String::new(), binary.display().to_string(), port.to_string()),
    };
    let value = match key {
        "addr" => config.addr.to_string(),
        "login" => match config.login {
            Login::Auto => "auto".into(),
            Login::Off => "off".into(),
            Login::Required => "required".into(),
        },
        "viewers" => match config.viewers {
            Viewers::Open => "open".into(),
            Viewers::Link => "link".into(),
            Viewers::Off => "off".into(),
        },
        "allowed_hosts" => settings.allowed_hosts.join(","),
        "trusted_proxies" => settings.trusted_proxies.iter().map(ToString::to_string).collect::<Vec<_>>().join(","),
        "oidc_issuer" => oidc(settings, |oidc| oidc.issuer.clone()),
        "oidc_client" => oidc(settings, |oidc| oidc.client.clone()),
        "oidc_admins" => oidc(settings, |oidc| oidc.team.admins.join(",")),
        "oidc_presenters" => oidc(settings, |oidc| oidc.team.presenters.join(",")),
        "oidc_viewers" => oidc(settings, |oidc| oidc.team.viewers.join(",")),
        "oidc_groups" => oidc(settings, |oidc| oidc.groups.clone()),
        "tls_cert" => settings.tls.as_ref().map(|tls| tls.cert.display().to_string()).unwrap_or_default(),
        "tls_key" => settings.tls.as_ref().map(|tls| tls.key.display().to_string()).unwrap_or_default(),
        "state_dir" => config.state_dir.display().to_string(),
        "scripts_dir" => config.scripts_dir.display().to_string(),
        "script_uploads" => if config.script_uploads { "on" } else { "off" }.into(),
        "site_root" => config.site_root.display().to_string(),
        "services" => config.services.iter().map(|s| format!("{}={}", s.name, s.url)).collect::<Vec<_>>().join(","),
        "gateway" => config.gateway.clone(),
        "supervisor" => config.supervisor.display().to_string(),
        "down_after" => config.patience.down_after.to_string(),
        "up_after" => config.patience.up_after.to_string(),
        "max_vus" => config.limits.max_vus.to_string(),
        "max_rate" => config.limits.max_rate.to_string(),
        "max_duration" => format!("{}s", config.limits.max_duration_s),
        "max_runs_per_day" => config.runs_per_day.map(|runs| runs.to_string()).unwrap_or_default(),
        "max_fault" => format!("{}s", config.fault_limits.longest_s),
        "keep_runs" => config.retention.runs.to_string(),
        "keep_days" => config.retention.age_ms.map(|ms| (ms / 86_400_000).to_string()).unwrap_or_default(),
        "prometheus_url" => url,
        "prometheus" => binary,
        "prometheus_port" => port,
        "grafana_url" => config.grafana_url.clone().unwrap_or_default(),
        "jaeger_url" => config.jaeger_url.clone().unwrap_or_default(),
        "public_url" => config.public_url.clone().unwrap_or_default(),
        "k6" => config.k6.display().to_string(),
        "engine" => match config.engine {
            EngineChoice::Auto => "auto".into(),
            EngineChoice::Process => "process".into(),
            EngineChoice::Docker => "docker".into(),
        },
        "docker_host" => config.docker.host.clone(),
        "docker_network" => config.docker.network.clone(),
        "k6_image" => config.docker.image.clone(),
        "k6_memory" => format!("{}MiB", config.docker.memory >> 20),
        "k6_cpus" => config.docker.cpus.to_string(),
        "stop_grace" => format!("{:?}", config.stop_grace),
        "tick" => format!("{:?}", config.tick),
        "log" => settings.log.clone(),
        "otlp_endpoint" => settings.otlp.clone().unwrap_or_default(),
        "log_format" => match settings.log_format {
            LogFormat::Text => "text".into(),
            LogFormat::Json => "json".into(),
        },
        _ => return None,
    };
    Some(value)
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn every_setting_is_printed() {
        let set = [
            ("HAD_GRAFANA_URL", "grafana_url", "http://grafana.example:3001"),
            ("HAD_JAEGER_URL", "jaeger_url", "https://jaeger.example/traces"),
        ];
        let variables = set.iter().map(|(name, _, url)| ((*name).to_owned(), (*url).to_owned())).collect();
        let surroundings = Surroundings { variables, ..Surroundings::default() };
        let settings = Settings::load(&Flags::default(), &surroundings).unwrap();
        for setting in SETTINGS {
            assert!(value(&settings, setting.key).is_some(), "{}", setting.key);
        }
        for (_, key, url) in set {
            assert_eq!(value(&settings, key).unwrap(), url);
        }
    }
}
