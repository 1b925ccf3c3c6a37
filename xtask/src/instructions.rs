//! `cargo xtask bench instructions`: what a request costs, against a plain handler that returns the same.

use std::process::{Command, Stdio};

use crate::{cargo, step};

/// Enough that what happens once does not show, few enough that it takes seconds.
const REQUESTS: [u32; 2] = [1000, 3000];

/// What `benches/instructions.rs` can do: the first two are what the others are compared with.
const KINDS: [(&str, &str); 9] = [
    ("plain", "a plain handler, headers made of constants"),
    ("plain-text", "a plain handler, headers as they are usually written"),
    ("dashmap", "a hit in a cache by hand, on DashMap"),
    ("moka", "a hit in a cache by hand, on moka"),
    ("hit", "a hit"),
    ("hit-tier", "a hit in memory, with a remote store configured"),
    ("304", "a hit, answered 304"),
    ("bypass", "a request that passes the cache by"),
    ("refused", "a response that is not kept"),
];

pub(crate) fn run() -> Result<(), String> {
    let bench = build()?;
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
    println!("instructions from service call to response dropped, and how many times a plain handler's:");
    println!("{:>12} {:>12} {:>12}", "instructions", "of constants", "of texts");
    for &(what, cost) in &rows {
        println!("{cost:>12} {:>12} {:>12}  {what}", ratio(cost, 0), ratio(cost, 1));
    }
    let nothing = per_request(&bench, "new-nothing")?;
    let bare = per_request(&bench, "bare")?.saturating_sub(nothing);
    let miss = per_request(&bench, "miss")?.saturating_sub(nothing);
    println!("{miss:>12} {:>12} {:>12}  a miss: its page is made and kept", ratio(miss, 0), ratio(miss, 1));
    println!(
        "{:>12}: what a miss costs beyond its handler without the attribute ({bare})",
        miss.saturating_sub(bare)
    );
    Ok(())
}

/// The path of the benchmark, as cargo tells it.
fn build() -> Result<String, String> {
    step("building the benchmark", &mut cargo(&["build", "--release", "--bench", "instructions"]))?;
    let told = cargo(&["build", "--release", "--bench", "instructions", "--message-format", "json"])
        .stderr(Stdio::null())
        .output()
        .map_err(|error| format!("cannot run cargo: {error}"))?;
    let told = String::from_utf8_lossy(&told.stdout);
    let path = told.rsplit("\"executable\":\"").next().and_then(|rest| rest.split('"').next());
    path.filter(|path| !path.starts_with('{'))
        .map(str::to_owned)
        .ok_or_else(|| "cargo told no executable".to_owned())
}

/// The difference of two runs, so that starting up does not count.
fn per_request(bench: &str, kind: &str) -> Result<u64, String> {
    let [few, many] = REQUESTS;
    let more = count(bench, kind, many)?.saturating_sub(count(bench, kind, few)?);
    Ok(more / u64::from(many - few))
}

fn count(bench: &str, kind: &str, requests: u32) -> Result<u64, String> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null", bench, kind, &requests.to_string()])
        .output()
        .map_err(|error| format!("cannot run valgrind (Debian's package of that name): {error}"))?;
    let told = String::from_utf8_lossy(&output.stderr);
    let number = told.split("Collected : ").nth(1).and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).ok_or_else(|| format!("callgrind counted nothing: {told}"))
}
