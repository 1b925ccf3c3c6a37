//! Installs the programs that tests start: Redis and OpenSSL for the remote store, and nginx.

use std::process::Command;

use crate::step;

/// The programs, which have the names of their Debian packages, and the argument that prints their version.
const PROGRAMS: [(&str, &str); 3] = [("redis-server", "--version"), ("openssl", "version"), ("nginx", "-v")];

/// Installs the missing programs from Debian's packages.
///
/// # Errors
///
/// Fails if a program is still missing, or if there are no rights to install it.
pub(crate) fn ensure() -> Result<(), String> {
    let missing = || PROGRAMS.iter().filter(|(name, version)| !runs(name, version)).map(|(name, _)| *name);
    let names: Vec<&str> = missing().collect();
    if names.is_empty() {
        return Ok(());
    }
    let packages = names.join(" ");
    eprintln!("xtask: the tests need {packages}; installing from Debian's packages with apt-get");
    step("updating the package list", apt(&["update"], &packages)?.arg("--quiet"))?;
    // Run level 1 keeps the package from starting a server. The tests start their own, on other ports.
    let mut install = apt(&["install", "--yes", "--quiet", "--no-install-recommends"], &packages)?;
    step(&format!("installing {packages}"), install.args(&names).env("RUNLEVEL", "1"))?;
    missing().next().map_or(Ok(()), |name| Err(format!("{name} is still missing")))
}

fn apt(arguments: &[&str], packages: &str) -> Result<Command, String> {
    let is_root = Command::new("id").arg("-u").output().is_ok_and(|output| output.stdout == b"0\n");
    let mut command = match is_root {
        true => Command::new("apt-get"),
        false if runs("sudo", "--version") => {
            let mut sudo = Command::new("sudo");
            sudo.arg("apt-get");
            sudo
        }
        false => return Err(format!("the tests need {packages}; run as root: apt-get install {packages}")),
    };
    command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive");
    Ok(command)
}

fn runs(program: &str, argument: &str) -> bool {
    // Debian's folder for servers is not in the path of every user.
    [program, &format!("/usr/sbin/{program}")]
        .iter()
        .any(|path| Command::new(path).arg(argument).output().is_ok_and(|output| output.status.success()))
}
