//! The dashboard's program: `serve` (default), `run`, `demo`.
#![recursion_limit = "512"]

mod cli;
mod demo;
mod export;
#[cfg(test)]
mod fuzz;
mod server;

// Gives memory back to the system once a crowd has left; glibc's keeps it. Without huge pages, which would be mostly empty.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    cli::main()
}
