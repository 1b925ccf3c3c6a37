//! The server that the tests of the shared tier start: Debian's package of Redis, where it is missing.

use std::process::Command;

use crate::step;

const SERVER: &str = "redis-server";

pub(crate) fn ensure() -> Result<(), String> {
    if is_there(SERVER, "--version") {
        return Ok(());
    }
    eprintln!("xtask: {SERVER} is missing, and is installed from Debian's packages");
    step("the list of packages", apt(&["update"])?.arg("--quiet"))?;
    // Only its programs: the tests start servers of their own, on other ports.
    step(
        SERVER,
        apt(&["install", "--yes", "--quiet", "--no-install-recommends", SERVER])?.env("RUNLEVEL", "1"),
    )?;
    if is_there(SERVER, "--version") { Ok(()) } else { Err(format!("{SERVER} is still missing")) }
}

fn apt(arguments: &[&str]) -> Result<Command, String> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = match is_root {
        true => Command::new("apt-get"),
        false if is_there("sudo", "--version") => {
            let mut sudo = Command::new("sudo");
            sudo.arg("apt-get");
            sudo
        }
        false => return Err(format!("{SERVER} is missing; install it as root: apt-get install {SERVER}")),
    };
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

fn is_there(program: &str, argument: &str) -> bool {
    Command::new(program).arg(argument).output().is_ok_and(|output| output.status.success())
}
