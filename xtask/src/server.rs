//! What the tests of the shared tier start: Debian's packages of Redis and OpenSSL, where they are missing.

use std::process::Command;

use crate::step;

/// Packages, by the name of their program, and how it tells its version.
const PROGRAMS: [(&str, &str); 2] = [("redis-server", "--version"), ("openssl", "version")];

pub(crate) fn ensure() -> Result<(), String> {
    let missing =
        || PROGRAMS.iter().filter(|(name, version)| !is_there(name, version)).map(|(name, _)| *name);
    let names: Vec<&str> = missing().collect();
    if names.is_empty() {
        return Ok(());
    }
    let what = names.join(" ");
    eprintln!("xtask: {what}: missing, and installed from Debian's packages");
    step("the list of packages", apt(&["update"], &what)?.arg("--quiet"))?;
    // Only programs: the tests start servers of their own, on other ports.
    let mut install = apt(&["install", "--yes", "--quiet", "--no-install-recommends"], &what)?;
    step(&what, install.args(&names).env("RUNLEVEL", "1"))?;
    missing().next().map_or(Ok(()), |name| Err(format!("{name} is still missing")))
}

fn apt(arguments: &[&str], what: &str) -> Result<Command, String> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = match is_root {
        true => Command::new("apt-get"),
        false if is_there("sudo", "--version") => {
            let mut sudo = Command::new("sudo");
            sudo.arg("apt-get");
            sudo
        }
        false => return Err(format!("install this as root: apt-get install {what}")),
    };
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
}
