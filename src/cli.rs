//! The command line: one module a command.

mod access;
mod client;
mod emergency;
mod exit;
mod fault;
mod gateway;
mod guide;
mod healthcheck;
mod knobs;
mod label;
mod load;
mod run;
mod serve;
mod show_config;
mod webhooks;

use std::{future::Future, path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::{
    demo,
    server::{
        config::{Flags, Layers, Settings, Surroundings},
        engine::keeper,
    },
};

/// Worker threads: the dashboard waits more than it computes, and each thread costs memory.
const WORKERS: usize = 2;

/// Most threads for files.
const BLOCKING: usize = 8;

/// Live k6 load tests of service stacks, started from the browser and shown to everybody.
#[derive(Debug, Parser)]
#[command(name = "ha-dashboard", version, after_help = exit::HELP)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    flags: Flags,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Serve the dashboard (the default).
    Serve,
    /// Run one load test without a page, for pipelines.
    #[command(after_help = exit::HELP)]
    Run(Box<run::RunArgs>),
    /// Set, list and take back faults of the dashboard at --addr.
    #[command(after_help = exit::HELP)]
    Fault(fault::FaultArgs),
    /// End all load and take all faults back, on the dashboard at --addr.
    #[command(after_help = exit::HELP)]
    EmergencyStop(emergency::EmergencyArgs),
    /// Add load to the test at work on the dashboard at --addr, and take it away again.
    #[command(after_help = exit::HELP)]
    Load(load::LoadArgs),
    /// Name a run of the dashboard at --addr, note something of it, tag or star it.
    #[command(after_help = exit::HELP)]
    Label(label::LabelArgs),
    /// List who is told what happens by the dashboard at --addr, and try out whether messages arrive.
    #[command(after_help = exit::HELP)]
    Webhooks(webhooks::WebhooksArgs),
    /// Say who is let in, in the state folder on this machine: accounts, tokens, links.
    #[command(after_help = exit::HELP)]
    Access(access::AccessArgs),
    /// Start the guided demo on the dashboard at --addr, and tell it step by step.
    #[command(after_help = exit::HELP)]
    Guide(guide::GuideArgs),
    /// Serve the demo services: product, user and checkout.
    Demo(demo::DemoArgs),
    /// Turn the knobs of the demo service at --addr, from its own machine.
    Knobs(knobs::KnobsArgs),
    /// Print HAProxy's configuration as a gateway before the configured replicas, with a door for each.
    Gateway(gateway::GatewayArgs),
    /// Show every setting, its value and where it comes from.
    Config,
    /// Ask a running dashboard how it is: exit code 0 when it answers, else 1.
    Healthcheck,
    /// Look after one k6 process; started by the dashboard.
    #[command(hide = true)]
    Keeper {
        /// The run's folder.
        #[arg(long)]
        dir: PathBuf,
    },
}

/// Parses the arguments and runs the command.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    let command = cli.command.unwrap_or(Command::Serve);
    if let Command::Keeper { dir } = &command {
        return keeper::main(dir);
    }

    let surroundings = Surroundings::real();
    let settings = match Settings::load(&cli.flags, &surroundings) {
        Ok(settings) => settings,
        Err(errors) => {
            eprintln!("{errors}");
            let code = match &command {
                Command::Run(args) => args.files().give_up(&errors.to_string(), exit::INVALID),
                _ => exit::INVALID,
            };
            return code.into();
        }
    };
    match command {
        Command::Run(args) => {
            // The settings were loaded from the same layers, so they can be collected.
            let layers = Layers::collect(&cli.flags, &surroundings).unwrap_or_default();
            let given = |key| layers.found.contains_key(key);
            let explicit = run::Explicit {
                state_dir: given("state_dir"),
                services: given("services") || layers.tables.is_some(),
                log: given("log"),
                temp_dir: surroundings.temp_dir,
            };
            on_workers(run::main(*args, settings, explicit))
        }
        Command::Demo(args) => on_one_thread(demo::main(args, settings, &cli.flags)),
        Command::Fault(args) => on_one_thread(fault::main(args, settings)),
        Command::EmergencyStop(args) => on_one_thread(emergency::main(args, settings)),
        Command::Load(args) => on_one_thread(load::main(args, settings)),
        Command::Label(args) => on_one_thread(label::main(args, settings)),
        Command::Webhooks(args) => on_one_thread(webhooks::main(args, settings)),
        Command::Access(args) => on_one_thread(access::main(args, settings)),
        Command::Guide(args) => on_one_thread(guide::main(args, settings)),
        Command::Knobs(args) => on_one_thread(knobs::main(args, settings)),
        Command::Gateway(args) => gateway::main(&args, &settings),
        Command::Config => show_config::main(&settings, &cli.flags, &surroundings),
        Command::Healthcheck => on_one_thread(healthcheck::main(settings)),
        Command::Serve | Command::Keeper { .. } => on_workers(serve::main(settings)),
    }
}

fn on_workers(command: impl Future<Output = ExitCode>) -> ExitCode {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    block_on(builder.worker_threads(WORKERS).max_blocking_threads(BLOCKING), command)
}

fn on_one_thread(command: impl Future<Output = ExitCode>) -> ExitCode {
    block_on(&mut tokio::runtime::Builder::new_current_thread(), command)
}

fn block_on(builder: &mut tokio::runtime::Builder, command: impl Future<Output = ExitCode>) -> ExitCode {
    match builder.enable_all().build() {
        Ok(runtime) => {
            let code = runtime.block_on(command);
            // A file operation that hangs must not hold the program.
            runtime.shutdown_timeout(std::time::Duration::from_secs(1));
            code
        }
        Err(error) => {
            eprintln!("the system refuses threads: {error}");
            exit::ENVIRONMENT.into()
        }
    }
}
