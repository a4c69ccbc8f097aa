//! `ha-dashboard gateway`: what HAProxy is started with to stand before the configured replicas.

use std::{path::PathBuf, process::ExitCode};

use clap::Args;

use super::exit;
use crate::server::{
    config::Settings,
    services::{
        Registry,
        gateway::configuration::{self, CONFIGURATION_FILE},
    },
};

/// Where it goes.
#[derive(Debug, Args)]
pub struct GatewayArgs {
    /// Write all files to this folder, for `haproxy -f FOLDER/haproxy.cfg` [default: print haproxy.cfg].
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
}

/// Prints or writes it.
pub fn main(args: &GatewayArgs, settings: &Settings) -> ExitCode {
    let registry = Registry::new(&settings.config);
    let files = match configuration::files(registry.members(), &settings.config.gateway) {
        Ok(files) => files,
        Err(error) => {
            eprintln!("{error}");
            return exit::INVALID.into();
        }
    };
    for (name, text) in files {
        match &args.dir {
            None if name == CONFIGURATION_FILE => print!("{text}"),
            None => {}
            Some(dir) => {
                let path = dir.join(name);
                if let Err(error) = std::fs::write(&path, text) {
                    eprintln!("{} can't be written: {error}", path.display());
                    return exit::ENVIRONMENT.into();
                }
            }
        }
    }
    ExitCode::SUCCESS
}
