//! `ha-dashboard serve`.

use std::process::ExitCode;

use tokio::net::TcpListener;

use super::exit;
use crate::server::{App, config::Settings, telemetry};

/// Serves until a signal.
pub async fn main(settings: Settings) -> ExitCode {
    let traces = telemetry::init(&settings.log, settings.log_format, settings.otlp.as_deref());
    let addr = settings.config.addr;
    // Before anything else starts: a second dashboard must not touch the first one's runs.
    let listener = match TcpListener::bind(addr).await {
        Ok(listener) => listener,
        Err(error) => {
            eprintln!(
                "can't listen on {addr}: {error}; end the program that does, or choose another address with --addr"
            );
            return exit::ENVIRONMENT.into();
        }
    };
    if !settings.config.site_root.join("pkg").is_dir() {
        let site = settings.config.site_root.display();
        tracing::warn!(%site, "the built page is not there: it works, but without styles and live charts; see make run");
    }
    let app = match App::build(settings).await {
        Ok(app) => app,
        Err(error) => {
            eprintln!("{error:#}");
            return exit::ENVIRONMENT.into();
        }
    };
    if let Err(error) = app.shutdown.on_signals() {
        eprintln!("the system refuses signals: {error}");
        return exit::ENVIRONMENT.into();
    }
    let scheme = app.scheme();
    tracing::info!(url = %format_args!("{scheme}://{addr}"), "ready");
    let served = app.serve(listener).await;
    traces.end().await;
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            exit::ENVIRONMENT.into()
        }
    }
}
