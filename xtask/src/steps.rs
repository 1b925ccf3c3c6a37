//! The steps of a test run, and their durations.

use std::{
    process::Command,
    time::{Duration, Instant},
};

use crate::{cargo, layers};

/// The steps that have passed, with their durations.
pub(crate) struct Steps {
    start: Instant,
    passed: Vec<(String, Duration)>,
}

impl Steps {
    pub(crate) fn start() -> Self {
        Self { start: Instant::now(), passed: Vec::new() }
    }

    /// Runs one step.
    ///
    /// # Errors
    ///
    /// Fails if the command cannot be run or fails.
    pub(crate) fn run(&mut self, name: &str, command: &mut Command) -> Result<(), String> {
        let start = Instant::now();
        step(name, command)?;
        self.passed.push((name.to_owned(), start.elapsed()));
        Ok(())
    }

    /// Checks the format, the layers and the lints.
    pub(crate) fn check_sources(&mut self) -> Result<(), String> {
        self.run("formatting", &mut cargo(&["fmt", "--all", "--check"]))?;
        eprintln!("xtask: layers");
        layers::run()?;
        self.run(
            "clippy",
            &mut cargo(&[
                "clippy",
                "--workspace",
                "--all-targets",
                // These are no targets of that word, because they only run where they are asked for.
                "--test",
                "cache_tests",
                "--test",
                "chromium",
                "--test",
                "cli",
                "--test",
                "nginx",
                "--test",
                "varnish",
                "--all-features",
                "--",
                "--deny",
                "warnings",
            ]),
        )
    }

    /// Runs the unit tests and the integration tests that need no servers.
    pub(crate) fn run_tests(&mut self) -> Result<(), String> {
        self.run(
            "tests",
            &mut cargo(&[
                "test",
                "--workspace",
                "--lib",
                "--bins",
                "--examples",
                "--test",
                "it",
                "--test",
                "memory",
                "--test",
                "crowd",
                "--all-features",
            ]),
        )
    }

    /// Prints the duration of each step.
    pub(crate) fn finish(self) {
        for (name, duration) in &self.passed {
            eprintln!("xtask: {:>5} s  {name}", duration.as_secs());
        }
        eprintln!("xtask: everything passed, in {} s", self.start.elapsed().as_secs());
    }
}

/// Runs one command and prints its duration.
///
/// # Errors
///
/// Fails if the command cannot be run or fails.
pub(crate) fn step(name: &str, command: &mut Command) -> Result<(), String> {
    eprintln!("xtask: {name}");
    let start = Instant::now();
    let status = command.status().map_err(|error| format!("{name}: cannot run {command:?}: {error}"))?;
    if !status.success() {
        return Err(format!("{name}: failed: {command:?}"));
    }
    eprintln!("xtask: {name}: {} s", start.elapsed().as_secs());
    Ok(())
}
