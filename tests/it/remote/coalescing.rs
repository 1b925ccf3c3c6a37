//! Coalescing across processes: one process runs the handler, and the others wait for its response.

use std::time::Duration;

use cache_page::{Outcome, Reason};

use super::{
    LOCAL_TTLS, TARGETED_FIELD, assert_bodies, connect, in_time, page, page_with, process, status,
    two_processes, two_processes_with,
};
use crate::support::{Backend, Behavior, Call, Crowd, Method, TestApp, advance, settle, until};

#[actix_web::test]
async fn one_process_runs_the_handler_for_all() {
    for local_ttl in LOCAL_TTLS {
        let backend = Backend::new();
        let mut processes = Vec::new();
        for name in ["one", "two", "three", "four", "five"] {
            let process = process(name, &backend).paused();
            processes
                .push(connect(process.cache(|cache| cache.local_ttl(Duration::from_secs(local_ttl)))).await);
        }
        let mut crowds = Vec::new();
        for process in &processes {
            crowds.push(Crowd::send(process.get("/page").times(4)).await);
            // Where the other processes wait, too.
            until("the process has looked the page up", || process.lookups() > 0).await;
        }
        let runs = || processes.iter().map(TestApp::runs).sum::<u64>();
        until("one handler runs", || runs() == 1).await;
        settle().await;
        assert_eq!((runs(), backend.leases()), (1, 1), "local_ttl {local_ttl}");
        for process in &processes {
            process.resume().await;
        }
        for crowd in crowds {
            assert_bodies(&in_time("the responses", crowd.responses()).await, "page 1 of one");
        }
        assert_eq!((runs(), backend.leases(), backend.entries()), (1, 0, 1), "local_ttl {local_ttl}");
        let count = |outcome| processes.iter().map(|process| process.count(outcome)).sum::<u64>();
        let outcomes = [Outcome::Stored, Outcome::RemoteHit, Outcome::Collapsed].map(count);
        // Without local memory, each request looks the page up.
        assert_eq!(outcomes, if local_ttl > 0 { [1, 4, 15] } else { [1, 19, 0] }, "local_ttl {local_ttl}");
    }
}

#[actix_web::test]
async fn without_coalescing_each_process_runs_the_handler() {
    let (backend, one, other) = two_processes_with(|cache| cache.coalesce_across_processes(false)).await;
    one.pause();
    other.pause();
    let first = Crowd::send(one.get("/page").times(2)).await;
    let second = Crowd::send(other.get("/page").times(2)).await;
    until("both handlers run", || (one.runs(), other.runs()) == (1, 1)).await;
    assert_eq!(backend.leases(), 0);
    one.resume().await;
    other.resume().await;
    assert_bodies(&first.responses().await, "page 1 of one");
    assert_bodies(&second.responses().await, "page 1 of other");
}

#[actix_web::test]
async fn without_coalescing_pages_are_shared() {
    let (_, one, other) = two_processes_with(|cache| cache.coalesce_across_processes(false)).await;
    one.fill(one.get("/page")).await;
    other.get("/page").await.assert_remote_hit();
}

/// Starts the processes `one` and `other`. The handler of `one` runs, and this number of requests of `other` waits for it.
async fn waiting_for_one(requests: usize) -> (Backend, [TestApp; 2], [Crowd; 2]) {
    let (backend, one, other) = two_processes().await;
    one.pause();
    let leader = Crowd::send([one.get("/page")]).await;
    until("the handler runs", || one.waiting() == [1]).await;
    let waiting = Crowd::send(other.get("/page").times(requests)).await;
    // The first lookup is before the process waits, and the second one makes sure that it misses nothing.
    until("the other process waits", || other.lookups() > 2).await;
    assert_eq!((waiting.answered(), other.runs()), (0, 0));
    (backend, [one, other], [leader, waiting])
}

async fn assert_other_runs_the_handler(waiting: Crowd) {
    let responses = in_time("the response of the other process", waiting.responses()).await;
    assert_bodies(&responses, "page 1 of other");
}

#[actix_web::test]
async fn page_of_the_leader_is_sent_to_the_waiting_process() {
    let (_backend, [one, other], [leader, waiting]) = waiting_for_one(3).await;
    one.resume().await;
    for crowd in [leader, waiting] {
        assert_bodies(&in_time("the responses", crowd.responses()).await, "page 1 of one");
    }
    assert_eq!(other.runs(), 0);
}

#[actix_web::test]
async fn disconnected_client_leaves_the_handler_to_another_process() {
    let (backend, _processes, [mut leader, waiting]) = waiting_for_one(1).await;
    leader.abort(0).await;
    assert_other_runs_the_handler(waiting).await;
    until("the lease ends", || backend.leases() == 0).await;
}

#[actix_web::test]
async fn handler_that_panics_leaves_the_run_to_another_process() {
    let (_backend, [one, _other], [leader, waiting]) = waiting_for_one(1).await;
    one.set_handler(|_: &Call| -> actix_web::HttpResponse { panic!("the handler panics on purpose") });
    one.resume().await;
    assert!(leader.results().await[0].is_none());
    assert_other_runs_the_handler(waiting).await;
}

#[actix_web::test]
async fn handler_that_fails_leaves_the_run_to_another_process() {
    let (_backend, [one, _other], [leader, waiting]) = waiting_for_one(1).await;
    one.set_handler(status(503));
    one.resume().await;
    leader.responses().await[0].assert_not_stored(Reason::Status).assert_status(503);
    assert_other_runs_the_handler(waiting).await;
}

/// The waiting process must not wait until the lease expires: the clock of the backend stands still.
async fn assert_not_waited_for(put: Behavior, remote_timeout: Duration) {
    let backend = Backend::new();
    let one = process("one", &backend).paused().cache(|cache| cache.remote_timeout(remote_timeout));
    let (one, other) = (connect(one).await, connect(process("other", &backend)).await);
    one.store().set_behavior(&[Method::Put], put);
    let leader = Crowd::send([one.get("/page")]).await;
    until("the process has the lease", || backend.leases() == 1).await;
    let waiting = Crowd::send([other.get("/page")]).await;
    until("the other process waits", || other.lookups() > 2).await;
    one.resume().await;
    assert!(leader.responses().await[0].is_stored());
    assert_other_runs_the_handler(waiting).await;
}

#[actix_web::test]
async fn page_that_the_store_rejects_is_not_waited_for() {
    assert_not_waited_for(Behavior::Rejects, Duration::from_secs(600)).await;
}

/// The timeout is long enough for the lookup, which takes the lease.
#[actix_web::test]
async fn page_whose_storing_times_out_is_not_waited_for() {
    assert_not_waited_for(Behavior::Hangs, Duration::from_secs(2)).await;
}

const COOKIE: &[(&str, &str)] = &[("set-cookie", "id=1")];

#[actix_web::test]
async fn uncacheable_response_is_not_waited_for() {
    let (backend, [one, other], [leader, waiting]) = waiting_for_one(2).await;
    one.set_handler(page_with("one", COOKIE));
    other.set_handler(page_with("other", COOKIE));
    other.pause();
    one.resume().await;
    leader.responses().await[0].assert_not_stored(Reason::SetCookie);
    // They run concurrently, and so do later requests.
    until("the waiting requests run the handler", || other.runs() == 2).await;
    let later = Crowd::send(other.get("/page").times(2)).await;
    until("later requests run the handler", || other.runs() == 4).await;
    other.resume().await;
    for crowd in [waiting, later] {
        for response in crowd.responses().await {
            response.assert_not_stored(Reason::SetCookie);
        }
    }
    assert_eq!(backend.entries(), 0);
}

#[actix_web::test]
async fn cacheable_response_after_an_uncacheable_one_is_shared() {
    let (backend, one, other) = two_processes().await;
    one.set_handler(page_with("one", COOKIE));
    one.get("/page").await.assert_not_stored(Reason::SetCookie);
    one.set_handler(page("one"));
    other.fill(other.get("/page")).await;
    // Until then, the process runs the handler for each request.
    advance(&backend, &[&one, &other], 31);
    one.get("/page").await.assert_remote_hit().assert_body("page 1 of other");
}

#[actix_web::test]
async fn disabled_cache_does_not_use_the_store() {
    let backend = Backend::new();
    let one = connect(process("one", &backend).cache(|cache| cache.enabled(false))).await;
    one.get("/page").await.assert_bypass(Reason::Disabled);
    assert_eq!((one.lookups(), backend.leases()), (0, 0));
}

#[actix_web::test]
async fn page_with_no_store_is_not_in_the_store() {
    let (backend, one, _other) = two_processes().await;
    one.set_handler(page_with("one", &[(TARGETED_FIELD, "no-store")]));
    one.get("/page").await.assert_not_stored(Reason::NoStore);
    assert_eq!(backend.entries(), 0);
}
