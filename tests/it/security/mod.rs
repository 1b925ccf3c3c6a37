//! Attacks on other visitors and on the server, and what prevents them.

mod access_checks;
