//! The `Cache-Status` header (RFC 9211), by `PageCacheBuilder::cache_status`.

use cache_page::CacheStatusHeader;

use super::{SAMPLES, Sample, builder};
use crate::support::{TestApp, ok_with};

/// Returns the headers of all samples.
async fn headers(level: CacheStatusHeader) -> Vec<Option<String>> {
    let app = builder().cache(|cache| cache.cache_status(level)).start().await;
    let mut lines = Vec::new();
    for Sample { uri, headers, .. } in SAMPLES {
        lines.push(app.get(uri).headers(headers).await.header("cache-status"));
    }
    lines
}

#[actix_web::test]
async fn full_header_has_the_outcome_its_reason_and_the_ttl() {
    let expected = [
        "cache_page; fwd=miss; stored; ttl=60",
        "cache_page; hit; ttl=60",
        "cache_page; hit; ttl=60",
        "cache_page; hit; ttl=60",
        "cache_page; hit; ttl=60",
        "cache_page; fwd=miss; stored; ttl=60",
        "cache_page; hit; ttl=60",
        "cache_page; fwd=bypass; detail=credentials",
        "cache_page; fwd=miss; stored; ttl=60",
        "cache_page; hit; ttl=60",
        "cache_page; fwd=miss; detail=status",
        "cache_page; fwd=miss; detail=status",
        "cache_page; fwd=miss; stored; ttl=60",
    ];
    let found = headers(CacheStatusHeader::Full).await;
    for ((found, expected), Sample { uri, headers, .. }) in found.iter().zip(expected).zip(SAMPLES) {
        assert_eq!(found.as_deref(), Some(expected), "{uri} {headers:?}");
    }
}

#[actix_web::test]
async fn minimal_header_is_hit_or_fwd_alone() {
    let expected = [
        "cache_page; fwd=miss",
        "cache_page; hit",
        "cache_page; hit",
        "cache_page; hit",
        "cache_page; hit",
        "cache_page; fwd=miss",
        "cache_page; hit",
        "cache_page; fwd=bypass",
        "cache_page; fwd=miss",
        "cache_page; hit",
        "cache_page; fwd=miss",
        "cache_page; fwd=miss",
        "cache_page; fwd=miss",
    ];
    let found = headers(CacheStatusHeader::Minimal).await;
    for ((found, expected), Sample { uri, headers, .. }) in found.iter().zip(expected).zip(SAMPLES) {
        assert_eq!(found.as_deref(), Some(expected), "{uri} {headers:?}");
    }
}

#[actix_web::test]
async fn header_that_is_off_is_not_sent() {
    assert_eq!(headers(CacheStatusHeader::Off).await, [const { None }; SAMPLES.len()]);
}

#[actix_web::test]
async fn header_of_another_cache_stands_before_that_of_this_one() {
    let app = TestApp::with_handler(ok_with(&[("cache-status", "upstream; hit")])).await;
    for expected in
        ["upstream; hit, cache_page; fwd=miss; stored; ttl=60", "upstream; hit, cache_page; hit; ttl=60"]
    {
        app.get("/").await.assert_header("cache-status", expected);
    }
}
