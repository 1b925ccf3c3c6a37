//! Builds a program that xtask or a benchmark starts.

use std::process::Stdio;

use crate::{cargo, step};

/// Builds a program with `cargo build --release` and returns its path.
///
/// # Errors
///
/// Fails if it does not build.
pub(crate) fn build(name: &str, arguments: &[&str]) -> Result<String, String> {
    let arguments = [&["build", "--release"], arguments].concat();
    step(name, &mut cargo(&arguments))?;
    let output = cargo(&arguments)
        .args(["--message-format", "json"])
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let messages = String::from_utf8_lossy(&output.stdout);
    let path = messages.rsplit("\"executable\":\"").next().and_then(|rest| rest.split('"').next());
    path.filter(|path| !path.starts_with('{'))
        .map(str::to_owned)
        .ok_or_else(|| "cargo reported no executable".to_owned())
}
