//! Waybill replicates artifact repositories between clusters and keeps the waybill of every run.
//!
//! The only binary: it wires the floors together for `serve`, `demo` and `copy`, and talks HTTP to a
//! running node for everything else. It holds no rule about replication; those live in `domain` and `engine`.

mod choice;
mod cli;
mod client;
mod clock;
mod config;
mod copy;
mod demo;
mod exit;
mod login;
mod memory;
mod output;
mod serve;

use std::process::ExitCode;

use clap::Parser;

fn main() -> ExitCode {
    memory::keep_small();
    // The only provider compiled in; a second installation cannot happen this early.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let arguments = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("waybill: cannot start: {error}");
            return exit::Exit::Failed.into();
        }
    };
    let ended = runtime.block_on(cli::run(arguments));
    runtime.shutdown_background();
    match ended {
        Ok(exit) => exit.into(),
        Err(error) if error.is_closed_pipe() => exit::Exit::Done.into(),
        Err(error) => {
            eprintln!("waybill: {error}");
            error.exit.into()
        }
    }
}
