//! Checks of options, which are compile errors where a policy is a constant.

use std::time::Duration;

use crate::http::{Coding, storability::is_never_stored, syntax::is_tchar};

/// Panics if a TTL is zero.
#[track_caller]
pub(super) const fn assert_ttl(ttl: Option<Duration>) {
    if let Some(ttl) = ttl {
        assert!(!ttl.is_zero(), "a TTL of zero caches nothing; set a longer TTL, or remove `#[cache_page]`");
    }
}

/// Panics if responses with this status are never stored.
#[track_caller]
pub(super) const fn assert_status(status: u16) {
    assert!(matches!(status, 200..=599), "only final statuses (200 to 599) can be stored");
    assert!(
        !is_never_stored(status),
        "206, 304, 412, 416, 417, 428, 429, 431 and 511 depend on the single request and are never stored"
    );
}

/// Panics if a name is empty.
#[track_caller]
pub(super) const fn assert_names(names: &[&str]) {
    let mut at = 0;
    while at < names.len() {
        assert!(!names[at].is_empty(), "a name must not be empty");
        at += 1;
    }
}

/// Returns the position of the first `*` in a name.
pub(super) const fn position_of_star(name: &str) -> Option<usize> {
    let bytes = name.as_bytes();
    let mut at = 0;
    while at < bytes.len() {
        if bytes[at] == b'*' {
            return Some(at);
        }
        at += 1;
    }
    None
}

/// Panics if a name is not a header name.
#[track_caller]
pub(crate) const fn assert_header_name(name: &str) {
    assert!(is_header_name(name.as_bytes()), "not a header name, such as \"accept-language\"");
}

/// Returns whether a name is a token (RFC 9110 5.6.2) other than `*`.
const fn is_header_name(name: &[u8]) -> bool {
    let mut at = 0;
    while at < name.len() {
        if !is_tchar(name[at]) {
            return false;
        }
        at += 1;
    }
    // `Vary: *` has a special meaning.
    !matches!(name, [] | [b'*'])
}

/// Panics if bodies are to be encoded and there is no encoder.
#[track_caller]
pub(crate) const fn assert_has_encoder(compress: bool) {
    let has_encoder =
        Coding::Brotli.is_available() || Coding::Gzip.is_available() || Coding::Zstd.is_available();
    assert!(
        !compress || has_encoder,
        "`compress` needs an encoder: enable the feature `compress-all`, `compress-brotli`, `compress-gzip` or \
         `compress-zstd` of `cache_page`"
    );
}
