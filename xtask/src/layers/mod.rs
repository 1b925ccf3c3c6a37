//! `cargo xtask layers`, a step of `cargo xtask test`: checks that imports point down, and that no files import each
//! other.
//!
//! An import is a `use`, or a path in an item, an expression, a type or the tokens of a macro. It counts for the file
//! that defines the item, however many modules re-export it. What only exists under `#[cfg(test)]` does not count.

mod imports;
mod modules;
mod rules;
#[cfg(test)]
mod tests;

use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};

use self::modules::Crate;
use crate::root;

/// The first-level modules of a crate, each with its layer. A module imports only from lower layers; within a layer,
/// no modules import each other.
pub(crate) type Layers = [(u32, &'static str)];

const CRATES: [(&str, &Layers); 2] = [
    (
        "cache_page_runtime/src",
        &[
            (11, "fuzzing"),
            (11, "testing"),
            (10, "inspector"),
            (10, "service"),
            (9, "serve"),
            (8, "fill"),
            (7, "cache"),
            (6, "observe"),
            (5, "coalesce"),
            (5, "policy"),
            (5, "remote"),
            (5, "store"),
            (4, "purge"),
            (3, "key"),
            (3, "page"),
            (2, "http"),
            // It locks.
            (2, "cache_name"),
            (1, "outcome"),
            (1, "sync"),
            (1, "time"),
        ],
    ),
    ("cache_page_macro/src", &[(3, "expand"), (2, "handler"), (1, "parse")]),
];

/// Prints every violation of both crates.
///
/// # Errors
///
/// Fails if there is a violation, or a file that cannot be read or parsed.
pub(crate) fn run() -> Result<(), String> {
    let mut violations = 0;
    for (folder, layers) in CRATES {
        let sources = read_sources(&root().join(folder))?;
        let files = sources.len();
        let krate = Crate::parse(sources).map_err(|error| format!("{folder}/{error}"))?;
        let found = rules::check(&krate, layers);
        for violation in &found {
            eprintln!("{folder}/{violation}");
        }
        eprintln!("xtask: {folder}: {files} files, violations: {}", found.len());
        violations += found.len();
    }
    match violations {
        0 => Ok(()),
        _ => Err(format!("layers: violations of the table in xtask/src/layers/mod.rs: {violations}")),
    }
}

/// Returns the text of every Rust file below a folder, by its path within that folder.
fn read_sources(folder: &Path) -> Result<BTreeMap<PathBuf, String>, String> {
    let mut sources = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(next) = folders.pop() {
        let failed = |error| format!("{}: {error}", next.display());
        for entry in fs::read_dir(&next).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).map_err(failed)?;
                sources.insert(path.strip_prefix(folder).unwrap_or(&path).to_owned(), text);
            }
        }
    }
    Ok(sources)
}
