//! Attacks on other visitors and on the server, and what prevents them. `SECURITY.md` lists them.

mod access_checks;
mod anonymous;
mod apps;
mod cookies;
mod credentials;
mod document;
mod failures;
mod handlers;
mod hosts;
mod load;
mod logged_in;
mod outer_middleware;
mod queries;
mod responses;
mod servers;
mod sessions;
mod urls;
mod visitors;
