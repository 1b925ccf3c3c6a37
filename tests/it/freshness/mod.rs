//! For how long a stored response is fresh (RFC 9111 4.2).

mod age;
mod background;
mod errors;
mod explicit;
mod jitter;
mod no_expiry;
mod page_control;
mod request_directives;
