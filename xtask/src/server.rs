//! Installs the programs that tests start: Redis and OpenSSL for the remote store, nginx, Varnish and Chromium.

use std::{fs, process::Command};

use crate::step;

/// Debian's packages, and how to see whether they are installed.
const PACKAGES: [(&str, Check); 8] = [
    ("chromium", Check::Runs("chromium", "--version")),
    ("chromium-driver", Check::Runs("chromedriver", "--version")),
    ("curl", Check::Runs("curl", "--version")),
    ("redis-server", Check::Runs("redis-server", "--version")),
    ("openssl", Check::Runs("openssl", "version")),
    ("nginx", Check::Runs("nginx", "-v")),
    ("varnish", Check::Runs("varnishd", "-V")),
    ("varnish-modules", Check::HasModule("libvmod_xkey.so")),
];

enum Check {
    /// A program runs with this argument.
    Runs(&'static str, &'static str),
    /// Varnish has this module.
    HasModule(&'static str),
}

impl Check {
    fn passes(&self) -> bool {
        match self {
            Self::Runs(program, argument) => runs(program, argument),
            // Debian has one folder of libraries per architecture.
            Self::HasModule(file) => fs::read_dir("/usr/lib").into_iter().flatten().flatten().any(|folder| {
                let modules = folder.path().join("varnish/vmods");
                modules.join(file).exists()
            }),
        }
    }
}

/// Installs the missing programs from Debian's packages.
///
/// # Errors
///
/// Fails if a program is still missing, or if there are no rights to install it.
pub(crate) fn ensure() -> Result<(), String> {
    let missing = || PACKAGES.iter().filter(|(_, check)| !check.passes()).map(|(name, _)| *name);
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
