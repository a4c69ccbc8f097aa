//! `ha-dashboard healthcheck`, for containers.

use std::{
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr},
    process::ExitCode,
    time::Duration,
};

use crate::server::config::Settings;

/// Asks the dashboard at the configured address.
pub async fn main(settings: Settings) -> ExitCode {
    let addr = connectable(settings.config.addr);
    match ask(&format!("http://{addr}/health")).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the dashboard at {addr} does not answer: {error}");
            ExitCode::FAILURE
        }
    }
}

/// An address to connect to for one to listen on: a wildcard means this machine.
pub fn connectable(mut addr: SocketAddr) -> SocketAddr {
    match addr.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => addr.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => addr.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    addr
}

/// Asks this machine only, and not for long.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()
}

async fn ask(url: &str) -> reqwest::Result<()> {
    client()?.get(url).send().await?.error_for_status()?;
    Ok(())
}
