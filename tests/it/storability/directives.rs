//! `Cache-Control` and `Expires` that forbid to store a response.

use cache_page::Reason;

use super::{assert_header_never_stored, assert_never_stored};
use crate::support::ok_with;

#[actix_web::test]
async fn private_response_is_not_stored() {
    for value in ["private", "PRIVATE", "private=\"x-user\"", "public, Private, max-age=60"] {
        assert_header_never_stored("cache-control", value, Reason::Private).await;
    }
}

#[actix_web::test]
async fn no_store_response_is_not_stored() {
    for value in ["no-store", "No-Store", "max-age=60, no-store", " no-store ", "x=\"a, no-store"] {
        assert_header_never_stored("cache-control", value, Reason::NoStore).await;
    }
    let two_lines = [("cache-control", "max-age=60"), ("cache-control", "no-store")];
    assert_never_stored(ok_with(&two_lines), Reason::NoStore).await;
}

#[actix_web::test]
async fn no_cache_response_is_not_stored() {
    for value in ["no-cache", "NO-CACHE", "no-cache=\"set-cookie\"", "max-age=60,no-cache"] {
        assert_header_never_stored("cache-control", value, Reason::NoCache).await;
    }
}

#[actix_web::test]
async fn response_that_is_expired_already_is_not_stored() {
    for value in ["max-age=0", "s-maxage=0, max-age=60", "max-age=x", "max-age=60, max-age=0"] {
        assert_header_never_stored("cache-control", value, Reason::Expired).await;
    }
    for value in ["0", "-1", "soon", "Sun, 06 Nov 1994 08:49:37 GMT"] {
        assert_header_never_stored("expires", value, Reason::Expired).await;
    }
}

/// It was fresh for a minute, in 1994.
#[actix_web::test]
async fn response_that_expired_after_its_date_is_not_stored() {
    let long_ago = [("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("expires", "Sun, 06 Nov 1994 08:50:37 GMT")];
    assert_never_stored(ok_with(&long_ago), Reason::Expired).await;
}

/// A semicolon or a space in place of a comma is a common mistake.
#[actix_web::test]
async fn malformed_directives_are_read_as_the_stricter_ones() {
    for (value, reason) in [
        ("no-store; max-age=60", Reason::NoStore),
        ("max-age=60; no-store", Reason::NoStore),
        ("no-store;", Reason::NoStore),
        ("no-cache no-store", Reason::NoStore),
        ("no-cache;no-store", Reason::NoStore),
        ("private; max-age=60", Reason::Private),
        ("private max-age=60", Reason::Private),
        ("max-age=60; private", Reason::Private),
        ("private;", Reason::Private),
        ("\"private\"", Reason::Private),
        ("no-cache; max-age=60", Reason::NoCache),
        ("max-age=0; public", Reason::Expired),
        ("max-age=60 seconds, max-age=0", Reason::Expired),
    ] {
        assert_header_never_stored("cache-control", value, reason).await;
    }
}
