//! `cargo xtask bench`: every benchmark, or one of them by name.

use crate::{cargo, instructions, step};

/// Those that `cargo bench` runs as they are.
const PLAIN: [&str; 3] = ["scaling", "ratios", "fills"];

pub(crate) fn run(only: Option<&str>) -> Result<(), String> {
    let is_wanted = |name: &str| only.is_none_or(|only| only == name);
    if let Some(name) = only.filter(|name| *name != "instructions" && !PLAIN.contains(name)) {
        return Err(format!("there is no benchmark `{name}`; there are instructions, {}", PLAIN.join(", ")));
    }
    if is_wanted("instructions") {
        instructions::run()?;
    }
    for name in PLAIN.into_iter().filter(|name| is_wanted(name)) {
        step(name, &mut cargo(&["bench", "--quiet", "--bench", name]))?;
    }
    Ok(())
}
