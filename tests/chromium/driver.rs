//! The process of chromedriver.

use std::{
    io::{BufRead as _, BufReader, Read as _},
    net::SocketAddr,
    process::{Child, ChildStdout, Command, Stdio},
};

/// A chromedriver that listens. Dropping it ends the process.
pub(crate) struct Driver {
    process: Child,
    /// It must stay open: chromedriver and Chromium write into it.
    _output: BufReader<ChildStdout>,
    pub(crate) address: SocketAddr,
}

impl Driver {
    /// Starts chromedriver on a free port.
    ///
    /// It takes a port that is free for IPv4, asks for the same one for IPv6, and ends if another process has that: hence the
    /// attempts.
    pub(crate) fn start() -> Self {
        const ATTEMPTS: usize = 5;

        let mut outputs = String::new();
        for _ in 0..ATTEMPTS {
            match Self::try_start() {
                Ok(driver) => return driver,
                Err(output) => outputs += &output,
            }
        }
        panic!("chromedriver ended {ATTEMPTS} times before it listened:\n{outputs}");
    }

    /// Returns what chromedriver printed, if it ends before it listens.
    fn try_start() -> Result<Self, String> {
        let mut process = Command::new("chromedriver")
            .args(["--port=0", "--log-level=WARNING"])
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("chromedriver: {error}; `cargo xtask test` installs it"));
        let mut output = BufReader::new(process.stdout.take().unwrap());
        let mut printed = String::new();
        for line in output.by_ref().lines().map_while(Result::ok) {
            if let Some(port) = port(&line) {
                let address = SocketAddr::from(([127, 0, 0, 1], port));
                return Ok(Self { process, _output: output, address });
            }
            printed += &line;
            printed.push('\n');
        }
        let status = process.wait().unwrap();
        Err(format!("{printed}{status}\n"))
    }

    /// Ends the process.
    pub(crate) fn end(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Returns the port in the line that says that chromedriver has started.
fn port(line: &str) -> Option<u16> {
    line.split_once("started successfully on port ")?.1.trim_end_matches('.').parse().ok()
}

impl Drop for Driver {
    fn drop(&mut self) {
        self.end();
    }
}
