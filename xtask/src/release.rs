//! `cargo xtask release`: what must hold before a version is published, beside the tests.

use std::{fs, path::Path, process::Command};

use crate::{cargo, folders_in, package, remove_unpacked_packages, root, step};

type Check = fn() -> Result<(), String>;

const CHECKS: [(&str, Check); 7] = [
    ("deny", check_dependencies),
    ("features", check_features),
    ("msrv", check_msrv),
    ("minimal", check_minimal_versions),
    ("docs", check_docs),
    ("semver", check_semver),
    ("package", check_packages),
];

/// Runs one check, or all.
pub(crate) fn run(name: Option<&str>) -> Result<(), String> {
    let is_wanted = |check: &str| name.is_none_or(|name| name == check);
    let wanted: Vec<_> = CHECKS.iter().filter(|(check, _)| is_wanted(check)).collect();
    if wanted.is_empty() {
        return Err(format!(
            "there is no such check; there are {}",
            CHECKS.map(|(check, _)| check).join(", ")
        ));
    }
    wanted.into_iter().try_for_each(|(_, check)| check())
}

/// Checks licences, advisories, sources and crates in several versions, by `deny.toml`.
fn check_dependencies() -> Result<(), String> {
    install("cargo-deny")?;
    step("dependencies", &mut cargo(&["deny", "check"]))
}

/// Checks that the API changed only as the version allows, compared with the last one on crates.io.
fn check_semver() -> Result<(), String> {
    install("cargo-semver-checks")?;
    let mut check = cargo(&["semver-checks", "--workspace", "--exclude", "xtask", "--exclude", "model"]);
    eprintln!("xtask: public API");
    let output = check.output().map_err(|error| format!("cannot run {check:?}: {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    if report.contains("not found in registry") {
        eprintln!("xtask: public API: no version is published yet, so there is nothing to compare with");
        return Ok(());
    }
    eprint!("{}{report}", String::from_utf8_lossy(&output.stdout));
    if output.status.success() {
        Ok(())
    } else {
        Err("public API: it changed more than the version says".to_owned())
    }
}

/// Compiles each package from what is in it.
fn check_packages() -> Result<(), String> {
    remove_unpacked_packages()?;
    step("packages", &mut package())
}

/// Compiles the library without features, with each one alone, and with all but each one.
///
/// All sets of features would be 16,384. What conflicts does so between two of them, or for want of one.
fn check_features() -> Result<(), String> {
    let all = features()?;
    let mut sets = vec![Vec::new(), all.clone()];
    for feature in &all {
        sets.push(vec![feature.clone()]);
        // Without what contains it, so that it is really missing.
        sets.push(all.iter().filter(|other| !implies(other, feature)).cloned().collect());
    }
    for features in sets {
        let list = features.join(",");
        let mut check = cargo(&["clippy", "--quiet", "--package", "cache_page", "--no-default-features"]);
        check.args(["--features", &list, "--", "--deny", "warnings"]);
        step(&format!("features [{list}]"), &mut check)?;
    }
    Ok(())
}

/// Returns whether a feature enables another one.
fn implies(feature: &str, other: &str) -> bool {
    let base = other.split('-').next().unwrap_or(other);
    feature == other || feature == format!("{base}-all") || feature.starts_with(&format!("{other}-"))
}

/// Returns the features of the crate, as its manifest lists them.
fn features() -> Result<Vec<String>, String> {
    let manifest = read(&root().join("Cargo.toml"))?;
    let section = manifest.split("\n[features]\n").nth(1).and_then(|rest| rest.split("\n[").next());
    let lines = section.ok_or("the manifest has no features")?.lines();
    let names = lines.filter_map(|line| line.split_once(" = [").map(|(name, _)| name.to_owned()));
    Ok(names.collect())
}

/// Compiles the library with the oldest version of Rust that it is for.
fn check_msrv() -> Result<(), String> {
    let manifest = read(&root().join("Cargo.toml"))?;
    let version =
        manifest.lines().find_map(|line| line.strip_prefix("rust-version = ")).map(|v| v.trim_matches('"'));
    let version = version.ok_or("the manifest has no `rust-version`")?;
    let mut check = toolchain(version)?;
    step(
        &format!("Rust {version}"),
        check.args(["check", "--package", "cache_page", "--all-features", "--locked"]),
    )
}

/// Builds the documentation as docs.rs does.
fn check_docs() -> Result<(), String> {
    let mut doc = toolchain("nightly")?;
    doc.args(["doc", "--package", "cache_page", "--no-deps", "--all-features"]);
    let flags = "--cfg docsrs --generate-link-to-definition -Zunstable-options --deny warnings";
    step("documentation as on docs.rs", doc.env("RUSTDOCFLAGS", flags))
}

/// Dependencies that are left out of the check of minimal versions: those of other crates' oldest versions do not fit together.
const WITHOUT: [&str; 6] =
    ["actix-identity", "actix-session", "actix-web-httpauth", "actix-web-lab", "redis", "rustls"];

/// Compiles the library with the oldest version of each direct dependency that its manifest allows.
fn check_minimal_versions() -> Result<(), String> {
    let copy = root().join("target/minimal-versions");
    if copy.exists() {
        fs::remove_dir_all(&copy).map_err(|error| format!("cannot remove {}: {error}", copy.display()))?;
    }
    for package in ["", "cache_page_macro", "cache_page_runtime"] {
        let (from, to) = (root().join(package), copy.join(package));
        copy_folder(&from.join("src"), &to.join("src"))?;
        write(&to.join("Cargo.toml"), &without_tests(&read(&from.join("Cargo.toml"))?))?;
    }
    // The documentation of the crate includes it.
    write(&copy.join("README.md"), "")?;
    let cargo_in_copy = || {
        toolchain("nightly").map(|mut cargo| {
            cargo.current_dir(&copy);
            cargo
        })
    };
    step("minimal versions", cargo_in_copy()?.args(["update", "-Z", "direct-minimal-versions"]))?;
    // With later ones, actix-http 3.13 does not compile: they make a feature of what it uses.
    for (package, version) in [("actix-server", "2.6.0"), ("actix-rt", "2.10.0")] {
        step(package, cargo_in_copy()?.args(["update", package, "--precise", version]))?;
    }
    let features = "compress-all,disk,inspector,log,metrics,serde";
    let mut check = cargo_in_copy()?;
    step("minimal versions", check.args(["check", "--package", "cache_page", "--features", features]))
}

/// Returns a manifest without what only tests need, and without the dependencies that are left out.
fn without_tests(manifest: &str) -> String {
    const SECTIONS: [&str; 4] = ["[dev-dependencies", "[[test", "[[bench", "[[example"];
    let mut section = "";
    let mut kept = String::new();
    for line in manifest.lines() {
        if line.starts_with('[') {
            section = line;
        }
        let is_left_out = |name: &&str| line.starts_with(&format!("{name} = {{"));
        if SECTIONS.iter().any(|start| section.starts_with(start)) || WITHOUT.iter().any(is_left_out) {
            continue;
        }
        let members = line.starts_with("members = ");
        let line = if members { "members = [\"cache_page_macro\", \"cache_page_runtime\"]" } else { line };
        // A feature that enables one of these dependencies enables nothing then.
        let mut line = line.to_owned();
        for name in WITHOUT {
            if let Some((feature, enabled)) = line.split_once(" = [").filter(|_| section == "[features]") {
                let enabled = enabled.trim_end_matches(']').split(", ");
                let is_of = |value: &&str| {
                    let value = value.trim_matches('"').trim_start_matches("dep:");
                    value == name || value.starts_with(&format!("{name}/"))
                };
                let rest: Vec<&str> = enabled.filter(|value| !is_of(value)).collect();
                line = format!("{feature} = [{}]", rest.join(", "));
            }
        }
        kept.push_str(&line);
        kept.push('\n');
    }
    kept
}

fn copy_folder(from: &Path, to: &Path) -> Result<(), String> {
    fs::create_dir_all(to).map_err(|error| format!("cannot create {}: {error}", to.display()))?;
    for folder in folders_in(from) {
        copy_folder(&folder, &to.join(folder.file_name().unwrap_or_default()))?;
    }
    let entries = fs::read_dir(from).into_iter().flatten().flatten();
    for file in entries.map(|entry| entry.path()).filter(|path| path.is_file()) {
        let copy = to.join(file.file_name().unwrap_or_default());
        fs::copy(&file, &copy).map_err(|error| format!("cannot copy {}: {error}", file.display()))?;
    }
    Ok(())
}

fn read(path: &Path) -> Result<String, String> {
    fs::read_to_string(path).map_err(|error| format!("cannot read {}: {error}", path.display()))
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("cannot write {}: {error}", path.display()))
}

/// Installs a subcommand of cargo if it is missing.
fn install(name: &str) -> Result<(), String> {
    let subcommand = name.trim_start_matches("cargo-");
    match cargo(&[subcommand, "--version"]).output() {
        Ok(output) if output.status.success() => Ok(()),
        _ => step(&format!("installing {name}"), &mut cargo(&["install", name, "--locked"])),
    }
}

/// Returns a command for the cargo of another toolchain, which rustup installs if it is missing.
fn toolchain(name: &str) -> Result<Command, String> {
    let command = || {
        let mut command = Command::new("rustup");
        command.args(["run", name, "cargo"]).current_dir(root());
        // These variables of the current cargo would make the other one use the current toolchain.
        for variable in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
            command.env_remove(variable);
        }
        command
    };
    if !command().arg("--version").output().is_ok_and(|output| output.status.success()) {
        let mut install = Command::new("rustup");
        install.args(["toolchain", "install", name, "--profile", "minimal"]);
        step(&format!("installing Rust {name}"), &mut install)?;
    }
    Ok(command())
}
