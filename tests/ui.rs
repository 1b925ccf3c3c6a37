//! The compiler's messages for invalid handlers.
//!
//! `TRYBUILD=overwrite cargo test --test ui --all-features` rewrites the expected messages. Read every difference as a user would.

use std::{
    env,
    io::{self, Write as _},
    process::Command,
};

/// The expected messages are those of this compiler: another version words and underlines some differently.
const RELEASE: &str = "rustc 1.95.";

#[test]
fn ui() {
    let version = rustc_version().expect("rustc prints its version");
    if version.starts_with(RELEASE) {
        // Separate from `pass`: trybuild checks cases together only if all of them must fail.
        let cases = trybuild::TestCases::new();
        cases.compile_fail("tests/ui/invalid/*.rs");
        cases.compile_fail("tests/ui/unkeyed/*.rs");
        cases.compile_fail("tests/ui/types/*.rs");
        cases.compile_fail("tests/ui/crates/*.rs");
    } else {
        let skipped =
            format!("only tests/ui/pass ran: the other cases need {RELEASE}x, and this is {version}");
        assert!(env::var("CACHE_PAGE_UI").as_deref() != Ok("require"), "{skipped}");
        // `println!` is only shown for a failed test.
        writeln!(io::stderr(), "{skipped}").expect("stderr is writable");
    }
    trybuild::TestCases::new().pass("tests/ui/pass/*.rs");
}

fn rustc_version() -> io::Result<String> {
    let rustc = env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(rustc).arg("--version").output()?;
    Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
}
