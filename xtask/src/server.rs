//! Installs the programs that tests and benchmarks start: Redis and OpenSSL for the remote store, nginx, Varnish, Chromium and wrk.

use std::{fs, process::Command};

use crate::step;

/// A package of Debian, and how to see whether it is installed.
type Package = (&'static str, Check);

const FOR_TESTS: [Package; 8] = [
    ("chromium", Check::Runs("chromium", "--version")),
    ("chromium-driver", Check::Runs("chromedriver", "--version")),
    ("curl", Check::Runs("curl", "--version")),
    ("redis-server", Check::Runs("redis-server", "--version")),
    ("openssl", Check::Runs("openssl", "version")),
    ("nginx", Check::Runs("nginx", "-v")),
    ("varnish", Check::Runs("varnishd", "-V")),
    ("varnish-modules", Check::HasModule("libvmod_xkey.so")),
];

const FOR_CACHE_TESTS: [Package; 3] = [
    ("git", Check::Runs("git", "--version")),
    ("nodejs", Check::Runs("node", "--version")),
    ("npm", Check::Runs("npm", "--version")),
];

const FOR_BENCHMARKS: [Package; 4] = [
    ("redis-server", Check::Runs("redis-server", "--version")),
    ("nginx", Check::Runs("nginx", "-v")),
    ("varnish", Check::Runs("varnishd", "-V")),
    ("wrk", Check::Starts("wrk")),
];

#[derive(Clone, Copy)]
enum Check {
    /// A program runs with this argument.
    Runs(&'static str, &'static str),
    /// A program can be started. Its version is no success.
    Starts(&'static str),
    /// Varnish has this module.
    HasModule(&'static str),
}

impl Check {
    fn passes(&self) -> bool {
        match self {
            Self::Runs(program, argument) => runs(program, argument),
            Self::Starts(program) => Command::new(program).output().is_ok(),
            // Debian has one folder of libraries per architecture.
            Self::HasModule(file) => fs::read_dir("/usr/lib").into_iter().flatten().flatten().any(|folder| {
                let modules = folder.path().join("varnish/vmods");
                modules.join(file).exists()
            }),
        }
    }
}

/// Installs what the tests need and is missing, from Debian's packages.
///
/// # Errors
///
/// Fails if a program is still missing, or if there are no rights to install it.
pub(crate) fn ensure() -> Result<(), String> {
    install("tests", &FOR_TESTS)
}

/// Installs Node.js, if it is missing, from Debian's packages.
///
/// # Errors
///
/// Fails as [`ensure`] does.
pub(crate) fn ensure_node() -> Result<(), String> {
    install("suite", &FOR_CACHE_TESTS)
}

/// Installs what the benchmarks need and is missing, from Debian's packages.
///
/// # Errors
///
/// Fails as [`ensure`] does.
pub(crate) fn ensure_for_benchmarks() -> Result<(), String> {
    install("benchmarks", &FOR_BENCHMARKS)
}

fn install(user: &str, packages: &[Package]) -> Result<(), String> {
    let missing = || packages.iter().filter(|(_, check)| !check.passes()).map(|(name, _)| *name);
    let names: Vec<&str> = missing().collect();
    if names.is_empty() {
        return Ok(());
    }
    let list = names.join(" ");
    eprintln!("xtask: missing for the {user}: {list}; installing from Debian's packages with apt-get");
    step("updating the package list", apt(&["update"], &list)?.arg("--quiet"))?;
    // Run level 1 keeps the package from starting a server. The tests start their own, on other ports.
    let mut install = apt(&["install", "--yes", "--quiet", "--no-install-recommends"], &list)?;
    step(&format!("installing {list}"), install.args(&names).env("RUNLEVEL", "1"))?;
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
        false => return Err(format!("{packages} is missing; run as root: apt-get install {packages}")),
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
