//! `ha-dashboard healthcheck`, for containers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr},
    process::ExitCode,
    time::Duration,
};

use crate::server::config::Settings;

/// Asks the dashboard at the configured address.
pub async fn main(settings: Settings) -> ExitCode {
    let mut addr = settings.config.addr;
    // A wildcard address is nothing to connect to; this machine is.
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => addr.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => addr.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    match ask(&format!("http://{addr}/health")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the dashboard at {addr} does not answer: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn ask(url: &str) -> reqwest::Result<()> {
    let client = reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()?;
    client.get(url).send().await?.error_for_status()?;
    Ok(())
}
