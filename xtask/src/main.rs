//! The commands of this workspace: `cargo xtask test`, `layers`, `fuzz`, `cache-tests`, `bench` and `release`.

mod bench;
mod cache_tests;
mod compile;
mod executable;
mod fuzz;
mod instructions;
mod layers;
mod release;
mod server;
mod steps;

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use steps::{Steps, step};

const USAGE: &str = "\
usage: cargo xtask test              run everything that must pass
       cargo xtask test --quick      run it without servers, documentation, error messages and packages
       cargo xtask layers            check that imports point down, without cycles
       cargo xtask fuzz [SECONDS]    run every fuzz target for that long (default: 30)
       cargo xtask cache-tests       run the suite of cache-tests.fyi
       cargo xtask bench [NAME]      run all benchmarks, or one of them
       cargo xtask release [NAME]    run all checks before a release, or one of them: deny, features, msrv, minimal, docs, semver, package";

/// The version of rustc whose error messages are in `tests/ui`.
const UI_TOOLCHAIN: &str = "1.95.0";

fn main() -> ExitCode {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let result = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["test"] => test(),
        ["test", "--quick"] => quick_test(),
        ["layers"] => layers::run(),
        ["cache-tests"] => cache_tests::run(),
        ["bench"] => bench::run(None),
        ["release"] => release::run(None),
        ["release", name] => release::run(Some(name)),
        ["bench", name] => bench::run(Some(name)),
        ["fuzz"] => fuzz::run(fuzz::SECONDS),
        ["fuzz", seconds] if seconds.parse::<u32>().is_ok_and(|seconds| seconds > 0) => fuzz::run(seconds),
        _ => {
            eprintln!("{USAGE}");
            return ExitCode::from(2);
        }
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("xtask: {error}");
            ExitCode::FAILURE
        }
    }
}

/// Runs everything that must pass.
fn test() -> Result<(), String> {
    let mut steps = Steps::start();
    steps.check_sources()?;
    steps.run(
        "clippy without features",
        &mut cargo(&["clippy", "--workspace", "--lib", "--", "--deny", "warnings"]),
    )?;
    steps.run(
        "documentation",
        cargo(&["doc", "--workspace", "--no-deps", "--all-features"]).env("RUSTDOCFLAGS", "--deny warnings"),
    )?;
    steps.run_tests()?;
    server::ensure()?;
    steps.run("tests with a disk", &mut cargo(&["test", "--test", "disk", "--all-features"]))?;
    steps.run("tests with Redis servers", &mut cargo(&["test", "--test", "redis", "--all-features"]))?;
    steps.run("tests of the command line", &mut cargo(&["test", "--test", "cli", "--all-features"]))?;
    steps.run("tests with nginx", &mut cargo(&["test", "--test", "nginx", "--all-features"]))?;
    steps.run("tests with Varnish", &mut cargo(&["test", "--test", "varnish", "--all-features"]))?;
    steps.run("tests with Chromium", &mut cargo(&["test", "--test", "chromium", "--all-features"]))?;
    steps.run("documentation examples", &mut cargo(&["test", "--workspace", "--doc", "--all-features"]))?;
    steps.run(
        "error messages",
        ui_cargo()?.args(["test", "--test", "ui", "--all-features"]).env("CACHE_PAGE_UI", "require"),
    )?;
    remove_unpacked_packages()?;
    steps.run("packages", &mut package())?;
    steps.finish();
    Ok(())
}

/// Runs what needs neither servers nor a second build: enough between two commits.
fn quick_test() -> Result<(), String> {
    let mut steps = Steps::start();
    steps.check_sources()?;
    steps.run_tests()?;
    steps.finish();
    Ok(())
}

/// Returns a command that packages the crates, and compiles each package from what is in it. Uncommitted changes are packaged too.
fn package() -> Command {
    cargo(&["package", "--workspace", "--allow-dirty"])
}

/// Removes the packages of this workspace that an earlier run unpacked.
///
/// To verify a package, cargo unpacks the workspace packages that it depends on into its home folder, once per version.
/// The next run would verify the old files.
fn remove_unpacked_packages() -> Result<(), String> {
    let home = env::var_os("CARGO_HOME").map(PathBuf::from).or_else(|| Some(env::home_dir()?.join(".cargo")));
    let Some(sources) = home.map(|home| home.join("registry/src")) else { return Ok(()) };
    // The name of a registry begins with its host. A local folder has none.
    let folders = folders_in(&sources).into_iter().filter(|folder| name_of(folder).starts_with('-'));
    let packages = folders.flat_map(|folder| folders_in(&folder));
    for package in packages.filter(|package| name_of(package).starts_with("cache_page")) {
        fs::remove_dir_all(&package)
            .map_err(|error| format!("cannot remove {}: {error}", package.display()))?;
    }
    Ok(())
}

/// Returns the folders in a folder, or nothing if it does not exist.
fn folders_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.is_dir()).collect()
}

fn name_of(path: &Path) -> String {
    path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default()
}

/// Returns the folder of the workspace.
fn root() -> PathBuf {
    // Cargo sets the variable when it runs xtask. A target folder that several checkouts share holds the xtask of any.
    let xtask = env::var_os("CARGO_MANIFEST_DIR").unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").into());
    Path::new(&xtask).join("..")
}

/// Returns a command for the cargo that runs xtask.
fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// Returns a cargo with the rustc of `UI_TOOLCHAIN`: the current one if it matches, else one that rustup installs.
fn ui_cargo() -> Result<Command, String> {
    let version = |command: &mut Command| {
        let output = command.arg("--version").output().ok()?;
        output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
    };
    let is_wanted = |version: Option<String>| {
        version.is_some_and(|text| text.starts_with(&format!("rustc {UI_TOOLCHAIN}")))
    };
    if is_wanted(version(&mut Command::new(env::var_os("RUSTC").unwrap_or_else(|| "rustc".into())))) {
        return Ok(cargo(&[]));
    }
    if !is_wanted(version(Command::new("rustup").args(["run", UI_TOOLCHAIN, "rustc"]))) {
        let mut install = Command::new("rustup");
        install.args(["toolchain", "install", UI_TOOLCHAIN, "--profile", "minimal"]);
        step(&format!("installing rustc {UI_TOOLCHAIN}, whose error messages are compared"), &mut install)?;
    }
    // These variables of the current cargo would make the other one use the current toolchain.
    let mut command = Command::new("rustup");
    command.args(["run", UI_TOOLCHAIN, "cargo"]).env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    Ok(command)
}
