//! `ha-dashboard healthcheck`, for containers.

use std::{process::ExitCode, time::Duration};

use crate::server::config::{Settings, connectable};

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

/// Asks this machine only, and not for long.
pub fn client() -> reqwest::Result<reqwest::Client> {
    reqwest::Client::builder().no_proxy().timeout(Duration::from_secs(3)).build()
}

async fn ask(url: &str) -> reqwest::Result<()> {
    client()?.get(url).send().await?.error_for_status()?;
    Ok(())
}
