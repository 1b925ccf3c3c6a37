//! `cargo xtask fuzz`: libFuzzer makes up what clients and handlers send.

use std::process::{Command, Stdio};

use crate::{cargo, root, step};

/// How long each target runs if nobody says.
pub(crate) const SECONDS: &str = "30";

/// Only this has the sanitizers that libFuzzer is built with.
const TOOLCHAIN: &str = "nightly";

pub(crate) fn run(seconds: &str) -> Result<(), String> {
    get_toolchain()?;
    get_cargo_fuzz()?;
    let listed = fuzz("list").output().map_err(|error| format!("cannot list the fuzz targets: {error}"))?;
    if !listed.status.success() {
        return Err(format!(
            "cannot list the fuzz targets: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        ));
    }
    for target in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
        let time = format!("-max_total_time={seconds}");
        let words = root().join("fuzz/words").join(target);
        let mut run = fuzz("run");
        // What it found along the way is only of use to itself.
        run.args([target, "--", &time, "-verbosity=0", "-print_final_stats=1"]);
        if words.is_file() {
            run.arg(format!("-dict={}", words.display()));
        }
        step(&format!("fuzzing {target}"), &mut run)?;
    }
    Ok(())
}

/// A cargo of the toolchain that can fuzz, whichever runs this.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", TOOLCHAIN, "cargo"]).current_dir(root());
    // What this cargo put into the environment would lead the other one astray.
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}

fn fuzz(subcommand: &str) -> Command {
    let mut command = nightly();
    command.args(["fuzz", subcommand]);
    command
}

fn get_toolchain() -> Result<(), String> {
    if is_there(&mut nightly())? {
        return Ok(());
    }
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", TOOLCHAIN, "--profile", "minimal"]);
    step(&format!("the {TOOLCHAIN} toolchain, which is missing"), &mut install)
}

fn get_cargo_fuzz() -> Result<(), String> {
    if is_there(&mut fuzz("--version"))? {
        return Ok(());
    }
    step("cargo-fuzz, which is missing", &mut cargo(&["install", "cargo-fuzz"]))
}

/// Whether a command of rustup's runs at all.
fn is_there(command: &mut Command) -> Result<bool, String> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) => Ok(status.success()),
        Err(error) => Err(format!("fuzzing needs rustup, which gets the {TOOLCHAIN} toolchain: {error}")),
    }
}
