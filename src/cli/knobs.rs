//! `ha-dashboard knobs`: turns those of a demo service, which takes that from its own machine only. In a container there is no
//! other program that could.

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

use super::{exit, healthcheck};
use crate::server::{
    clock::now_ms,
    config::{Settings, connectable},
};

/// What a demo service adds to its answers.
#[derive(Debug, Args)]
pub struct KnobsArgs {
    /// Latency added to every answer, in milliseconds.
    #[arg(long, default_value_t = 0)]
    latency_ms: u32,
    /// Most of a random latency added on top, in milliseconds.
    #[arg(long, default_value_t = 0)]
    jitter_ms: u32,
    /// Share of answers that are errors, from 0 to 1.
    #[arg(long, default_value_t = 0.0)]
    error_share: f64,
    /// Cores that are used up beside the work, for a set time.
    #[arg(long, default_value_t = 0.0)]
    cpu: f64,
    /// Memory that is held beside the work for a set time, in MiB.
    #[arg(long, default_value_t = 0)]
    memory_mb: u32,
    /// What is written to the disk beside the work for a set time, in MiB a second.
    #[arg(long, default_value_t = 0)]
    disk_mb_s: u32,
    /// The set time, in seconds.
    #[arg(long, default_value_t = 60)]
    for_s: u32,
}

/// Turns the knobs of the service at the configured address; what is not named goes back to nothing.
pub async fn main(args: KnobsArgs, settings: Settings) -> ExitCode {
    let addr = connectable(settings.config.addr);
    let mut knobs = json!({
        "latency_ms": args.latency_ms,
        "jitter_ms": args.jitter_ms,
        "error_share": args.error_share,
        "cpu": args.cpu,
        "memory_mb": args.memory_mb,
        "disk_mb_s": args.disk_mb_s,
    });
    if args.cpu != 0.0 || args.memory_mb > 0 || args.disk_mb_s > 0 {
        knobs["until_ms"] = json!(now_ms() + u64::from(args.for_s) * 1000);
    }
    let turn = async {
        let answer = healthcheck::client()?.put(format!("http://{addr}/knobs")).json(&knobs).send().await?;
        Ok::<_, reqwest::Error>((answer.status(), answer.text().await?))
    };
    match turn.await {
        Ok((status, _)) if status.is_success() => ExitCode::SUCCESS,
        Ok((_, refusal)) => {
            eprintln!("the service at {addr} refuses: {refusal}");
            exit::INVALID.into()
        }
        Err(error) => {
            eprintln!("no demo service answers at {addr}: {error}; name its address with --addr");
            exit::ENVIRONMENT.into()
        }
    }
}
