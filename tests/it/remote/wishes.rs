//! What clients wish for (RFC 9111 5.2.1), where their wishes count and pages come from other processes.

use std::time::Duration;

use super::{
    memory::Engine,
    site::{advance, is_remote_hit, patient, process},
};
use crate::legacy::asking;

#[actix_web::test]
async fn a_client_that_wants_a_new_page_gets_no_other() {
    for memory in [60, 10, 0] {
        for wish in ["no-cache", "max-age=5", "min-fresh=55"] {
            let engine = Engine::default();
            let options =
                || patient().local_ttl(Duration::from_secs(memory)).honor_request_cache_control(true);
            let (one, other) =
                (process("one", &engine, options()).await, process("other", &engine, options()).await);
            // Another one has it, or this one had it before.
            for path in ["/posts/1", "/posts/2"] {
                let made = one.make(path).await;
                if path == "/posts/2" {
                    assert!(is_remote_hit(&other.get(path).await));
                }
                advance(&engine, &[&one, &other], 10);
                let answer = other.send(asking(path, &[("cache-control", wish)])).await;
                assert!(answer.body != made.body, "{memory} {wish} {path}: {}", answer.outcome());
                assert_eq!(answer.outcome(), "cache_page; fwd=request; stored; ttl=60");
            }
            // One who takes the page as it is gets that.
            let made = one.make("/posts/3").await;
            let answer = other.send(asking("/posts/3", &[("cache-control", "max-age=5")])).await;
            assert!(is_remote_hit(&answer) && answer.body == made.body, "{}", answer.outcome());
        }
    }
}

/// Whatever the other process has of it, and however old that seems.
#[actix_web::test]
async fn a_page_that_its_handler_took_back_is_gone_from_memory() {
    let engine = Engine::default();
    let options = || patient().honor_request_cache_control(true);
    let (one, other) = (process("one", &engine, options()).await, process("other", &engine, options()).await);
    one.make("/posts/1").await;
    assert!(is_remote_hit(&other.get("/posts/1").await));
    assert!(other.get("/posts/1").await.is_hit());
    other.headers.borrow_mut().push(("cache-control", "no-store"));
    let taken_back = other.send(asking("/posts/1", &[("cache-control", "no-cache")])).await;
    assert!(!taken_back.is_stored(), "{}", taken_back.outcome());
    other.headers.borrow_mut().clear();
    let next = other.get("/posts/1").await;
    assert!(next.is_stored(), "{}", next.outcome());
}
