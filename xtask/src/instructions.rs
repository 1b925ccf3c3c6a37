//! `cargo xtask bench instructions`: instructions per request, compared with a plain handler that returns the same response.

use std::process::Command;

use crate::executable;

/// The numbers of requests in the two runs whose difference is measured.
const REQUESTS: [u32; 2] = [1000, 3000];

/// The kinds of requests of `benches/instructions.rs` that get the page of the benchmark. They are compared with the first two.
const KINDS: [(&str, &str); 11] = [
    ("plain", "a plain handler, precomputed header values"),
    ("plain-text", "a plain handler, headers from strings"),
    ("dashmap", "a hit in a hand-written cache on DashMap, keyed by the URL alone"),
    ("moka", "a hit in a hand-written cache on moka, keyed by the URL alone"),
    ("moka-equal:hit", "a hit in a hand-written cache on moka that does what a hit does"),
    ("hit", "a hit"),
    ("hit-remote", "a hit in memory, with a remote store configured"),
    ("identity", "a hit on a page with encoded bodies, sent as it is"),
    ("br", "the same, sent in brotli"),
    ("zstd", "the same, sent in zstd"),
    ("gzip", "the same, sent in gzip"),
];

/// Kinds that are compared with a plain handler for the same requests, and what is subtracted from both.
const COMPARED: [(&str, &str, &str); 6] = [
    ("hit", "nothing", "a hit"),
    ("304", "nothing", "a hit, answered with 304"),
    ("hit-anonymous", "browser-nothing", "a hit on an anonymous-only page, for a browser behind a proxy"),
    ("bypass", "nothing", "a request that bypasses the cache"),
    ("not-stored", "nothing", "a response that is not stored"),
    ("miss", "new-nothing", "a miss"),
];

/// Kinds that are also compared with a cache on moka that is written by hand.
const BY_HAND: [&str; 3] = ["hit", "304", "miss"];

/// Features that must not make a hit dearer, with the kinds of requests that are counted.
const FEATURES: [(&str, &[&str]); 4] = [
    ("compress-all", &["hit", "miss"]),
    ("compress-all,inspector", &["hit", "miss", "hit-scope", "hit-inspector", "miss-inspector"]),
    ("compress-all,metrics", &["hit", "miss"]),
    ("compress-all,log", &["hit", "miss"]),
];

/// `cargo xtask bench features`: instructions of a hit and of a miss with features on and off.
pub(crate) fn run_features() -> Result<(), String> {
    println!("{:>12}  with the features", "instructions");
    for (features, kinds) in FEATURES {
        let bench = build(features)?;
        for kind in kinds {
            let nothing = if kind.starts_with("miss") { "new-nothing" } else { "nothing" };
            let cost = per_request(&bench, kind)?.saturating_sub(per_request(&bench, nothing)?);
            println!("{cost:>12}  {features}: {kind}");
        }
    }
    Ok(())
}

pub(crate) fn run() -> Result<(), String> {
    let bench = build("compress-all")?;
    let nothing = per_request(&bench, "nothing")?;
    let costs =
        KINDS.map(|(kind, what)| per_request(&bench, kind).map(|cost| (what, cost.saturating_sub(nothing))));
    let mut rows = Vec::new();
    for cost in costs {
        rows.push(cost?);
    }
    let ratio = |cost: u64, row: usize| match rows.get(row) {
        Some(&(_, base)) if base > 0 => format!("{}.{:02}", cost / base, cost * 100 / base % 100),
        _ => "-".to_owned(),
    };
    println!("instructions from service call to response dropped, and relative to a plain handler:");
    println!("{:>12} {:>12} {:>12}", "instructions", "precomputed", "strings");
    for &(what, cost) in &rows {
        println!("{cost:>12} {:>12} {:>12}  {what}", ratio(cost, 0), ratio(cost, 1));
    }
    println!();
    println!("relative to a plain handler that answers the same requests with the same bytes:");
    println!("{:>12} {:>12} {:>12} {:>12} {:>12}", "instructions", "plain", "ratio", "floor", "by hand");
    for (kind, nothing, what) in COMPARED {
        let nothing = per_request(&bench, nothing)?;
        let cost = per_request(&bench, kind)?.saturating_sub(nothing);
        let plain = per_request(&bench, &format!("plain:{kind}"))?.saturating_sub(nothing);
        let percent = cost * 100 / plain.max(1);
        let floor = per_request(&bench, &format!("floor:{kind}"))?.saturating_sub(nothing);
        let by_hand = match BY_HAND.contains(&kind) {
            true => per_request(&bench, &format!("moka-equal:{kind}"))?.saturating_sub(nothing).to_string(),
            false => "-".to_owned(),
        };
        println!(
            "{cost:>12} {plain:>12} {:>9}.{:02} {floor:>12} {by_hand:>12}  {what}",
            percent / 100,
            percent % 100
        );
    }
    let nothing = per_request(&bench, "new-nothing")?;
    let bare = per_request(&bench, "bare")?.saturating_sub(nothing);
    let miss = per_request(&bench, "miss")?.saturating_sub(nothing);
    println!(
        "{:>12} more instructions for a miss than for its handler without the attribute ({bare})",
        miss.saturating_sub(bare)
    );
    Ok(())
}

/// Builds the benchmark and returns its path.
fn build(features: &str) -> Result<String, String> {
    executable::build("building the benchmark", &["--features", features, "--bench", "instructions"])
}

/// Returns the instructions per request: the difference of two runs, so that startup does not count.
fn per_request(bench: &str, kind: &str) -> Result<u64, String> {
    let [few, many] = REQUESTS;
    let difference = count(bench, kind, many)?.saturating_sub(count(bench, kind, few)?);
    Ok(difference / u64::from(many - few))
}

fn count(bench: &str, kind: &str, requests: u32) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", bench, kind, &requests.to_string()])
        .output()
        .map_err(|error| format!("cannot run valgrind (Debian's package of that name): {error}"))?;
    let report = String::from_utf8_lossy(&output.stderr);
    let number = report.split("Collected : ").nth(1).and_then(|rest| rest.split_whitespace().next());
    number
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| format!("unexpected output of callgrind: {report}"))
}
