//! Applications in a real Chromium, driven by `WebDriver`: the blog, the inspector, and what a browser keeps of a page.
//!
//! `cargo test --test chromium --all-features` needs Debian's `chromium` and `chromium-driver`; `cargo xtask test` installs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod blog;
mod browser;
mod codings;
mod driver;
mod http;
mod inspector;
mod purges;
mod site;
