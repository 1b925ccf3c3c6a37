//! `cache-page`: purges and shows what a cache has stored, from a shell.
//!
//! The guide describes it ([Command line](https://docs.rs/cache_page/latest/cache_page/guide/command_line/)). `args.rs` has the commands,
//! `target.rs` what they are sent to, and `failure.rs` the exit codes.

mod args;
mod failure;
mod inspector;
mod output;
mod pages;
mod progress;
mod purge;
mod show;
#[cfg(any(feature = "redis", feature = "disk"))]
mod store;
mod target;

use std::process::ExitCode;

use clap::Parser as _;

use self::{args::Cli, output::Output};

fn main() -> ExitCode {
    // Ends the process with code 2 if the arguments are wrong.
    let cli = Cli::parse();
    Output::new(cli.json).write(args::run(&cli))
}
