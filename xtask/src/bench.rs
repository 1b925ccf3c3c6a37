//! `cargo xtask bench`: runs all benchmarks, or one of them.

use crate::{cargo, compile, executable, instructions, root, server, step};

/// The benchmarks that `cargo bench` runs.
const CARGO_BENCHES: [&str; 11] = [
    "scaling",
    "ratios",
    "contenders",
    "fills",
    "tail",
    "purges",
    "locks",
    "inspector",
    "compress",
    "remote",
    "disk",
];

pub(crate) fn run(only: Option<&str>) -> Result<(), String> {
    let is_wanted = |name: &str| only.is_none_or(|only| only == name);
    if let Some(name) = only.filter(|name| {
        !["instructions", "features", "writers", "compile"].contains(name) && !CARGO_BENCHES.contains(name)
    }) {
        let names = CARGO_BENCHES.join(", ");
        return Err(format!(
            "no benchmark `{name}`; the benchmarks are instructions, features, {names}, writers, compile"
        ));
    }
    if is_wanted("instructions") {
        instructions::run()?;
    }
    if is_wanted("features") {
        instructions::run_features()?;
    }
    for name in CARGO_BENCHES.into_iter().filter(|name| is_wanted(name)) {
        if ["compress", "contenders", "remote", "disk"].contains(&name) {
            server::ensure_for_benchmarks()?;
        }
        let features = "redis,disk,inspector,compress-all";
        let mut command = cargo(&["bench", "--quiet", "--features", features, "--bench", name]);
        if name == "contenders" {
            command.env("CACHE_PAGE_PEERS", build_peers()?);
        }
        step(name, &mut command)?;
    }
    if is_wanted("writers") {
        // A test of the crate, because it calls the store itself.
        let test = ["test", "--quiet", "--release", "-p", "cache_page_runtime", "--lib", "--"];
        let options = ["--ignored", "--nocapture", "put_rates::"];
        step("writers", &mut cargo(&[&test[..], &options].concat()))?;
    }
    if is_wanted("compile") {
        compile::run()?;
    }
    Ok(())
}

/// Builds the server with caches of axum, which is in a workspace of its own, and returns its path.
fn build_peers() -> Result<String, String> {
    let manifest = root().join("benches/peers/Cargo.toml").display().to_string();
    executable::build("building the caches of axum", &["--locked", "--manifest-path", &manifest])
}
