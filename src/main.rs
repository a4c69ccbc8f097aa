//! The dashboard's program: `serve` (default), `run`, `demo`.
#![recursion_limit = "512"]

mod cli;
mod demo;
mod server;

fn main() -> std::process::ExitCode {
    cli::main()
}
