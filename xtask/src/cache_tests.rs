//! `cargo xtask cache-tests`: the suite of cache-tests.fyi, against a caching proxy.

use std::process::Command;

use crate::{cargo, root, server, step};

const SUITE: &str = "https://github.com/http-tests/cache-tests";

/// The version of the suite whose results are expected.
const COMMIT: &str = "b55b8bda3dbb8c927c04e85bd8d496a8caa3e4ba";

pub(crate) fn run() -> Result<(), String> {
    server::ensure_node()?;
    let folder = root().join("target/cache-tests");
    if !folder.join(".git").exists() {
        step("fetching the suite", Command::new("git").args(["clone", "--quiet", SUITE]).arg(&folder))?;
    }
    let mut checkout = Command::new("git");
    step(
        "checking it out",
        checkout.arg("-C").arg(&folder).args(["checkout", "--quiet", "--detach", COMMIT]),
    )?;
    if !folder.join("node_modules/undici").exists() {
        let mut install = Command::new("npm");
        install.args(["install", "--no-save", "--ignore-scripts", "--silent", "undici@7"]);
        step("installing its HTTP client", install.current_dir(&folder))?;
    }
    step("cache-tests", cargo(&["test", "--test", "cache_tests", "--all-features", "--"]).arg(&folder))
}
