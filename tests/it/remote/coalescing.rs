//! Coalescing across processes: one process runs the handler, and the others wait for its response, but never in vain.

use std::time::Duration;

use actix_web::rt::time::timeout;
use cache_page::{Outcome, Reason};

use super::{
    backend::{Backend, Behavior, Method},
    site::{TARGETED_FIELD, advance, is_remote_hit, long_timeouts, process},
    wait_until,
};
use crate::legacy::{Crowd, asking, settle};

/// Longer than any test takes.
const LIMIT: Duration = Duration::from_secs(30);

/// A timeout that must not elapse.
const HOUR: Duration = Duration::from_secs(3600);

#[actix_web::test]
async fn one_process_makes_a_page_for_all() {
    for local_ttl in [60, 0] {
        let backend = Backend::default();
        let options = || long_timeouts().coalesce_timeout(HOUR).local_ttl(Duration::from_secs(local_ttl));
        let mut processes = Vec::new();
        for name in ["one", "two", "three", "four", "five"] {
            processes.push(process(name, &backend, options()).await);
        }
        processes.iter().for_each(|process| process.block_handlers());
        let mut crowds = Vec::new();
        for process in &processes {
            let requests = (0..4).map(|_| asking("/page", &[]));
            crowds.push(Crowd::send(&process.app, requests).await);
        }
        wait_until("all processes have looked the page up", || {
            processes.iter().all(|process| process.lookups() >= 1)
        })
        .await;
        let runs = || processes.iter().map(|process| process.runs.get()).sum::<u64>();
        wait_until("one handler runs", || runs() == 1).await;
        settle().await;
        assert_eq!((runs(), backend.leases()), (1, 1));
        processes.iter().for_each(|process| process.unblock_handlers());
        for crowd in crowds {
            let answers = timeout(LIMIT, crowd.all()).await.expect("not answered in time");
            for answer in answers {
                assert_eq!((answer.status, answer.text()), (200, "page 1 of one"), "{}", answer.outcome());
            }
        }
        assert_eq!(
            (runs(), backend.leases(), backend.entries()),
            (1, 0, 1),
            "memory for {local_ttl} seconds"
        );
        let of = |outcome| processes.iter().map(|process| process.count(outcome)).sum::<u64>();
        // Without local memory, each request looks the page up.
        let (shared, collapsed) = if local_ttl > 0 { (4, 15) } else { (19, 0) };
        let outcomes = (of(Outcome::Stored), of(Outcome::RemoteHit), of(Outcome::Collapsed));
        assert_eq!(outcomes, (1, shared, collapsed), "memory for {local_ttl} seconds");
    }
}

#[actix_web::test]
async fn whose_process_dies_is_not_waited_for_longer_than_one_waits() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    // The leases of the backend do not expire by themselves, because its clock stands still.
    let other =
        process("other", &backend, long_timeouts().coalesce_timeout(Duration::from_millis(200))).await;
    one.block_handlers();
    let crowd = Crowd::send(&one.app, [asking("/page", &[])]).await;
    wait_until("the process has the lease", || backend.leases() == 1).await;
    // The process dies.
    one.store.set_behavior(&Method::ALL, Behavior::Hangs);
    let answer = timeout(LIMIT, other.get("/page")).await.expect("not answered in time");
    assert_eq!(answer.text(), "page 1 of other");
    drop(crowd);
}

#[actix_web::test]
async fn whose_process_dies_is_not_waited_for_longer_than_a_claim_lasts() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts()).await;
    let other = process("other", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    one.block_handlers();
    let _crowd = Crowd::send(&one.app, [asking("/page", &[])]).await;
    wait_until("the process has the lease", || backend.leases() == 1).await;
    one.store.set_behavior(&Method::ALL, Behavior::Hangs);
    let waiting = Crowd::send(&other.app, [asking("/page", &[])]).await;
    wait_until("the other process waits", || other.lookups() > 2).await;
    assert_eq!(waiting.answered(), 0);
    advance(&backend, &[&one, &other], 10);
    let answer = timeout(LIMIT, waiting.all()).await.expect("not answered in time").remove(0);
    assert_eq!(answer.text(), "page 1 of other");
}

#[actix_web::test]
async fn what_is_not_to_be_shared_is_not_waited_for() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    let other = process("other", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    for process in [&one, &other] {
        process.block_handlers();
        process.headers.borrow_mut().push(("set-cookie", "id=1"));
    }
    let leader = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waiting = Crowd::send(&other.app, [asking("/page", &[]), asking("/page", &[])]).await;
    wait_until("the other process waits", || other.lookups() > 2).await;
    assert_eq!((one.runs.get(), other.runs.get(), waiting.answered()), (1, 0, 0));
    one.unblock_handlers();
    let answer = leader.all().await.remove(0);
    assert!(answer.outcome().ends_with("; detail=set-cookie"), "{}", answer.outcome());
    // All of them run concurrently.
    wait_until("the waiting requests run the handler", || other.runs.get() == 2).await;
    let later = Crowd::send(&other.app, [asking("/page", &[]), asking("/page", &[])]).await;
    wait_until("later requests run the handler", || other.runs.get() == 4).await;
    other.unblock_handlers();
    for answer in waiting.all().await.into_iter().chain(later.all().await) {
        assert!(answer.outcome().ends_with("; detail=set-cookie"), "{}", answer.outcome());
    }
    assert_eq!(backend.entries(), 0);
    // A cacheable response is shared again.
    for process in [&one, &other] {
        process.headers.borrow_mut().clear();
    }
    let filled = other.fill("/page").await;
    advance(&backend, &[&one], 31);
    assert_eq!(one.get("/page").await.body, filled.body);
}

#[actix_web::test]
async fn where_each_makes_its_own_nobody_waits_for_another_process() {
    let backend = Backend::default();
    let options = || long_timeouts().coalesce_timeout(HOUR).coalesce_across_processes(false);
    let (one, other) =
        (process("one", &backend, options()).await, process("other", &backend, options()).await);
    one.block_handlers();
    other.block_handlers();
    let first = Crowd::send(&one.app, [asking("/page", &[]), asking("/page", &[])]).await;
    let second = Crowd::send(&other.app, [asking("/page", &[]), asking("/page", &[])]).await;
    wait_until("both handlers run", || (one.runs.get(), other.runs.get()) == (1, 1)).await;
    assert_eq!(backend.leases(), 0);
    one.unblock_handlers();
    other.unblock_handlers();
    assert!(first.all().await.iter().all(|answer| answer.text() == "page 1 of one"));
    assert!(second.all().await.iter().all(|answer| answer.text() == "page 1 of other"));
    wait_until("a page is stored", || backend.entries() == 1).await;
    let third = process("third", &backend, options()).await;
    assert!(is_remote_hit(&third.get("/page").await), "pages are shared all the same");
}

#[actix_web::test]
async fn a_client_that_goes_away_leaves_the_page_to_another_process() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    let other = process("other", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    one.block_handlers();
    let mut leader = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waiting = Crowd::send(&other.app, [asking("/page", &[])]).await;
    wait_until("the other process waits", || other.lookups() > 2).await;
    leader.abort(0).await;
    let answer = timeout(LIMIT, waiting.all()).await.expect("not answered in time").remove(0);
    assert_eq!(answer.text(), "page 1 of other");
    wait_until("the lease ends", || backend.leases() == 0).await;
}

#[actix_web::test]
async fn a_handler_that_panics_leaves_the_page_to_another_process() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    let other = process("other", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    one.block_handlers();
    one.panics.set(true);
    let leader = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waiting = Crowd::send(&other.app, [asking("/page", &[])]).await;
    wait_until("the other process waits", || other.lookups() > 2).await;
    one.unblock_handlers();
    assert!(leader.answers().await[0].is_none());
    let answer = timeout(LIMIT, waiting.all()).await.expect("not answered in time").remove(0);
    assert_eq!(answer.text(), "page 1 of other");
}

/// The backend grants leases and stores no pages. The waiting requests must not wait for the lease to expire.
#[actix_web::test]
async fn a_page_that_the_engine_does_not_take_is_not_waited_for() {
    for behavior in [Behavior::Rejects, Behavior::Hangs] {
        let backend = Backend::default();
        let options = || long_timeouts().coalesce_timeout(HOUR);
        let one = process("one", &backend, options().remote_timeout(Duration::from_millis(500))).await;
        let other = process("other", &backend, options()).await;
        one.block_handlers();
        one.store.set_behavior(&[Method::Put], behavior);
        let leader = Crowd::send(&one.app, [asking("/page", &[])]).await;
        wait_until("the process has the lease", || backend.leases() == 1).await;
        let waiting = Crowd::send(&other.app, [asking("/page", &[])]).await;
        wait_until("the other process waits", || other.lookups() > 2).await;
        one.unblock_handlers();
        assert!(leader.all().await[0].is_stored());
        // The lease does not expire, because the clock of the backend stands still.
        let answer = timeout(Duration::from_secs(3), waiting.all()).await;
        let answer =
            answer.unwrap_or_else(|_| panic!("{behavior:?}: it waits for a page that does not come"));
        assert_eq!(answer[0].text(), "page 1 of other", "{behavior:?}");
    }
}

#[actix_web::test]
async fn a_page_that_failed_is_made_by_the_next_process() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    let other = process("other", &backend, long_timeouts().coalesce_timeout(HOUR)).await;
    one.block_handlers();
    one.status.set(503);
    let leader = Crowd::send(&one.app, [asking("/page", &[])]).await;
    let waiting = Crowd::send(&other.app, [asking("/page", &[])]).await;
    wait_until("the other process waits", || other.lookups() > 2).await;
    one.unblock_handlers();
    assert_eq!(leader.all().await[0].status, 503);
    let answer = timeout(LIMIT, waiting.all()).await.expect("not answered in time").remove(0);
    assert_eq!((answer.status, answer.text()), (200, "page 1 of other"));
    assert_eq!(one.count(Outcome::NotStored(Reason::Status)), 1);
}

#[actix_web::test]
async fn a_page_that_is_for_this_process_alone_is_not_claimed() {
    let backend = Backend::default();
    let one = process("one", &backend, long_timeouts().enabled(false)).await;
    assert_eq!(one.get("/page").await.outcome(), "cache_page; fwd=bypass; detail=disabled");
    let other = process("other", &backend, long_timeouts()).await;
    other.headers.borrow_mut().push((TARGETED_FIELD, "no-store"));
    assert!(other.get("/page").await.outcome().ends_with("; detail=no-store"));
    assert_eq!((one.lookups(), backend.entries()), (0, 0));
}
