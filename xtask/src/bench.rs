//! `cargo xtask bench`: every benchmark, or one of them by name.

use crate::{cargo, compile, instructions, server, step};

/// Those that `cargo bench` runs as they are.
const PLAIN: [&str; 5] = ["scaling", "ratios", "fills", "purges", "remote"];

pub(crate) fn run(only: Option<&str>) -> Result<(), String> {
    let is_wanted = |name: &str| only.is_none_or(|only| only == name);
    if let Some(name) =
        only.filter(|name| !["instructions", "compile"].contains(name) && !PLAIN.contains(name))
    {
        let names = PLAIN.join(", ");
        return Err(format!("there is no benchmark `{name}`; there are instructions, {names}, compile"));
    }
    if is_wanted("instructions") {
        instructions::run()?;
    }
    for name in PLAIN.into_iter().filter(|name| is_wanted(name)) {
        if name == "remote" {
            server::ensure()?;
        }
        step(name, &mut cargo(&["bench", "--quiet", "--features", "redis", "--bench", name]))?;
    }
    if is_wanted("compile") {
        compile::run()?;
    }
    Ok(())
}
