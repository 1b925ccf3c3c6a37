//! Request directives (RFC 9111 5.2.1) for pages of other processes.

use std::time::Duration;

use super::{
    backend::Backend,
    site::{advance, is_remote_hit, long_timeouts, process},
};
use crate::legacy::asking;

#[actix_web::test]
async fn a_client_that_wants_a_new_page_gets_no_other() {
    for local_ttl in [60, 10, 0] {
        for directive in ["no-cache", "max-age=5", "min-fresh=55"] {
            let backend = Backend::default();
            let options = || {
                long_timeouts().local_ttl(Duration::from_secs(local_ttl)).honor_request_cache_control(true)
            };
            let (one, other) =
                (process("one", &backend, options()).await, process("other", &backend, options()).await);
            // The page is in the backend, or also in local memory.
            for path in ["/posts/1", "/posts/2"] {
                let filled = one.fill(path).await;
                if path == "/posts/2" {
                    assert!(is_remote_hit(&other.get(path).await));
                }
                advance(&backend, &[&one, &other], 10);
                let answer = other.send(asking(path, &[("cache-control", directive)])).await;
                assert!(answer.body != filled.body, "{local_ttl} {directive} {path}: {}", answer.outcome());
                assert_eq!(answer.outcome(), "cache_page; fwd=request; stored; ttl=60");
            }
            // A fresh page satisfies the directive.
            let filled = one.fill("/posts/3").await;
            let answer = other.send(asking("/posts/3", &[("cache-control", "max-age=5")])).await;
            assert!(is_remote_hit(&answer) && answer.body == filled.body, "{}", answer.outcome());
        }
    }
}

/// The page is removed from local memory, too.
#[actix_web::test]
async fn a_page_that_its_handler_took_back_is_gone_from_memory() {
    let backend = Backend::default();
    let options = || long_timeouts().honor_request_cache_control(true);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    one.fill("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    assert!(other.get("/posts/1").await.is_hit());
    other.headers.borrow_mut().push(("cache-control", "no-store"));
    let forbidden = other.send(asking("/posts/1", &[("cache-control", "no-cache")])).await;
    assert!(!forbidden.is_stored(), "{}", forbidden.outcome());
    other.headers.borrow_mut().clear();
    let next = other.get("/posts/1").await;
    assert!(next.is_stored(), "{}", next.outcome());
}
