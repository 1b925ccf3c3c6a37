//! `cargo xtask fuzz`: generates requests and responses with libFuzzer.

use std::process::{Command, Stdio};

use crate::{cargo, root, step};

/// The default duration of each target.
pub(crate) const SECONDS: &str = "30";

/// libFuzzer needs the sanitizers of nightly.
const TOOLCHAIN: &str = "nightly";

pub(crate) fn run(seconds: &str) -> Result<(), String> {
    install_toolchain()?;
    install_cargo_fuzz()?;
    let listed = fuzz("list").output().map_err(|error| format!("cannot list the fuzz targets: {error}"))?;
    if !listed.status.success() {
        return Err(format!(
            "cannot list the fuzz targets: {}",
            String::from_utf8_lossy(&listed.stderr).trim()
        ));
    }
    for target in String::from_utf8_lossy(&listed.stdout).split_whitespace() {
        let time = format!("-max_total_time={seconds}");
        let dictionary = root().join("fuzz/dictionaries").join(target);
        let mut run = fuzz("run");
        run.args([target, "--", &time, "-verbosity=0", "-print_final_stats=1"]);
        if dictionary.is_file() {
            run.arg(format!("-dict={}", dictionary.display()));
        }
        step(&format!("fuzzing {target}"), &mut run)?;
    }
    Ok(())
}

/// Returns a command for the cargo of the nightly toolchain.
fn nightly() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", TOOLCHAIN, "cargo"]).current_dir(root());
    // These variables of the current cargo would make the other one use the current toolchain.
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

fn install_toolchain() -> Result<(), String> {
    if runs(&mut nightly())? {
        return Ok(());
    }
    let mut install = Command::new("rustup");
    install.args(["toolchain", "install", TOOLCHAIN, "--profile", "minimal"]);
    step(&format!("installing the {TOOLCHAIN} toolchain"), &mut install)
}

fn install_cargo_fuzz() -> Result<(), String> {
    if runs(&mut fuzz("--version"))? {
        return Ok(());
    }
    step("installing cargo-fuzz", &mut cargo(&["install", "cargo-fuzz"]))
}

/// Returns whether a command of rustup succeeds.
fn runs(command: &mut Command) -> Result<bool, String> {
    let status = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).status();
    match status {
        Ok(status) => Ok(status.success()),
        Err(error) => Err(format!("fuzzing needs rustup to install the {TOOLCHAIN} toolchain: {error}")),
    }
}
