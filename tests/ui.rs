//! What rustc says about handlers that cannot be cached, word for word.
//!
//! `TRYBUILD=overwrite cargo test --test ui` writes what it says now: read every difference as a newcomer would.

use std::{
    env,
    io::{self, Write as _},
    process::Command,
};

/// The words are those of this compiler. Others word and underline differently, which is no mistake of ours.
const RELEASE: &str = "rustc 1.95.";

#[test]
fn ui() {
    let version = version().expect("rustc tells its version");
    if version.starts_with(RELEASE) {
        // Apart from `pass`: trybuild checks cases in one go only where all of them have to fail.
        let cases = trybuild::TestCases::new();
        cases.compile_fail("tests/ui/refused/*.rs");
        cases.compile_fail("tests/ui/uncovered/*.rs");
        cases.compile_fail("tests/ui/types/*.rs");
    } else {
        let told = format!("only tests/ui/pass: the other cases belong to {RELEASE}x, and this is {version}");
        assert!(env::var("CACHE_PAGE_UI").as_deref() != Ok("require"), "{told}");
        // Not `println!`, which only a failing test shows.
        writeln!(io::stderr(), "{told}").expect("stderr takes a line");
    }
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

fn version() -> io::Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
