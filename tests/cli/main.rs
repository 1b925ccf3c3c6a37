//! The program `cache-page`, run as a process: against the inspector of an application on a socket, a Redis server and folders.
//!
//! `cargo test --test cli --all-features` needs redis-server; `cargo xtask test` installs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "../redis/certificates.rs"]
mod certificates;
#[path = "../redis/directory.rs"]
mod directory;
mod disk;
mod inspector;
mod output;
mod redis;
#[path = "../redis/resp.rs"]
#[allow(dead_code)]
mod resp;
#[path = "../redis/server.rs"]
#[allow(dead_code)]
mod server;
mod site;
mod stub;
mod tls;
mod usage;

use std::{
    io::Write as _,
    process::{Command, Output, Stdio},
};

use serde_json::Value;

/// What the server of the other tests needs.
mod process {
    use std::process::{Child, Command};

    pub(crate) fn signal(child: &Child, signal: &str) {
        assert!(Command::new("kill").args([signal, &child.id().to_string()]).status().unwrap().success());
    }
}

/// What must not be in any output.
const SECRET: &str = "s3cretP4ssword";

/// A run of the program that has ended.
struct Run {
    arguments: String,
    code: i32,
    stdout: String,
    stderr: String,
}

fn program() -> Command {
    let mut program = Command::new(env!("CARGO_BIN_EXE_cache-page"));
    // Nothing of the shell that the tests run in.
    program.env_clear();
    program
}

#[track_caller]
fn run(arguments: &[&str]) -> Run {
    run_with(arguments, &[], "")
}

/// Runs the program with variables of the environment, and an input.
#[track_caller]
fn run_with(arguments: &[&str], variables: &[(&str, &str)], input: &str) -> Run {
    let mut program = program();
    program.args(arguments).envs(variables.iter().copied());
    program.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = program.spawn().unwrap();
    // The program may have ended.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let Output { status, stdout, stderr } = child.wait_with_output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let run = Run {
        arguments: arguments.join(" "),
        code: status.code().unwrap(),
        stdout: text(stdout),
        stderr: text(stderr),
    };
    assert!(!run.stdout.contains(SECRET) && !run.stderr.contains(SECRET), "{run:?}");
    assert!(!run.stderr.contains("panicked"), "{run:?}");
    run
}

impl Run {
    #[track_caller]
    fn assert_done(&self) -> &Self {
        assert_eq!(self.code, 0, "{self:?}");
        assert_eq!(self.stderr, "", "{self:?}");
        self
    }

    /// Asserts that the command has failed with this code, and a message that has this in it.
    #[track_caller]
    fn assert_failed(&self, code: i32, message: &str) -> &Self {
        assert_eq!(self.code, code, "{self:?}");
        assert!(self.stderr.contains(message), "no {message:?}: {self:?}");
        self
    }

    #[track_caller]
    fn assert_shows(&self, text: &str) -> &Self {
        assert!(self.stdout.contains(text), "no {text:?}: {self:?}");
        self
    }

    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl std::fmt::Debug for Run {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { arguments, code, stdout, stderr } = self;
        write!(f, "cache-page {arguments}\nexit code {code}\n{stdout}--- stderr\n{stderr}")
    }
}
