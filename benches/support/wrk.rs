//! Requests per second through a socket, by `wrk`.

use std::{net::SocketAddr, process::Command};

/// Returns the requests per second that one thread of `wrk` makes on 16 connections in three seconds, with one header.
pub(crate) fn rate(address: SocketAddr, path: &str, header: &str) -> f64 {
    let output = Command::new("wrk")
        .args(["-t1", "-c16", "-d3s", "-H", header])
        .arg(format!("http://{address}{path}"))
        .output()
        .unwrap_or_else(|error| panic!("wrk: {error}; `cargo xtask bench` installs it"));
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(!text.contains("Non-2xx") && !text.contains("Socket errors"), "{text}");
    let rate = text.lines().find_map(|line| line.trim().strip_prefix("Requests/sec:"));
    rate.unwrap_or_else(|| panic!("wrk printed: {text}")).trim().parse().unwrap()
}

pub(crate) fn median(rates: &mut [f64]) -> f64 {
    rates.sort_unstable_by(f64::total_cmp);
    rates[rates.len() / 2]
}
