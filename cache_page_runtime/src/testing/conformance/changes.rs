//! Changes: nobody misses a purge without being told so.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use crate::remote::{
    Change, ChangeBatch, GetRequest, Lease, LeaseStatus, PutRequest, PutResult, RemoteStore,
};
use crate::testing::conformance::{Bench, LIMIT, LONG, Process, SHORT, done, id, names, page, prefix};

pub(super) async fn all<S: RemoteStore>(bench: &Bench<'_, S>) {
    tell_what_was_told(bench).await;
    come_in_their_order(bench).await;
    tell_the_same_to_all(bench).await;
    say_which_purges_were_seen(bench).await;
    are_waited_for(bench).await;
    come_while_somebody_waits(bench).await;
    are_complete_or_say_that_they_are_not(bench).await;
    tell_of_no_other_pages(bench).await;
}

fn told(heard: &ChangeBatch) -> Vec<Vec<u8>> {
    let purged = |change: &Change| match change {
        Change::Purged(told) => Some(told.clone()),
        Change::Filled(_) => None,
    };
    heard.changes.iter().filter_map(purged).collect()
}

async fn tell_what_was_told<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let payloads =
        [b"told".to_vec(), vec![0], every_byte.clone(), every_byte.repeat(16), b"\r\n'\"\\%s".to_vec()];
    for (number, payload) in payloads.into_iter().enumerate() {
        let of = if number % 2 == 0 { names(&["a"]) } else { prefix("/p") };
        other.tell(of, number % 2 == 1, &payload).await;
        let heard = one.hear(Duration::ZERO).await;
        assert!(heard.complete, "nothing was missed");
        assert_eq!(told(&heard), [payload], "what was told, once");
        let heard = one.hear(Duration::ZERO).await;
        assert!(heard.complete && told(&heard).is_empty(), "what was heard already came again");
    }
}

async fn come_in_their_order<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, mut other) = bench.two().await;
    let all: Vec<Vec<u8>> = (0..50_u8).map(|number| vec![number]).collect();
    for (number, payload) in all.iter().enumerate() {
        let purger = if number % 3 == 0 { &one } else { &other };
        purger.tell(names(&["a"]), number % 2 == 1, payload).await;
    }
    for process in [&mut one, &mut other] {
        let heard = process.hear(Duration::ZERO).await;
        assert!(heard.complete, "nothing was missed");
        assert_eq!(told(&heard), all, "what was told, in its order, one's own as well");
    }
}

/// Nobody takes anything from others by hearing it.
async fn tell_the_same_to_all<S: RemoteStore>(bench: &Bench<'_, S>) {
    let own = bench.prefix();
    let mut processes = Vec::new();
    for _ in 0..4 {
        processes.push(bench.process(&own).await);
    }
    let early = processes[0].position.clone();
    for payload in [b"one", b"two"] {
        processes[3].tell(names(&["a"]), false, payload).await;
        for process in &mut processes {
            let heard = process.hear(Duration::ZERO).await;
            assert!(heard.complete, "nothing was missed");
            assert_eq!(told(&heard), [payload.to_vec()], "what was told, to each of four");
        }
    }
    processes[1].position = early;
    let heard = processes[1].hear(Duration::ZERO).await;
    let is_so = !heard.complete || told(&heard) == [b"one".to_vec(), b"two".to_vec()];
    assert!(is_so, "from a position that is known from before, everything is told, or that it is not");
    let late = bench.process(&own).await;
    assert!(late.number >= processes[0].number, "one that comes later knows the number of the last purge");
}

async fn say_which_purges_were_seen<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, mut other) = bench.two().await;
    let before = one.number;
    other.purge(names(&["a"])).await;
    let heard = one.hear(Duration::ZERO).await;
    assert_eq!(told(&heard).len(), 1, "one purge");
    assert!(heard.sequence > before, "the number is that of a purge which was told");
    let taken = one.put(page(id("page"), &["a"], heard.sequence)).await;
    assert_eq!(taken, PutResult::Stored, "what begins after a purge was heard of has seen it");
    assert_eq!(other.now().await, heard.sequence, "both have heard of the same purges");
    let again = one.hear(Duration::ZERO).await;
    assert_eq!(again.sequence, heard.sequence, "nothing was purged since");
}

async fn are_waited_for<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, _other) = bench.two().await;
    for wait in [Duration::ZERO, SHORT, SHORT * 4] {
        let began = Instant::now();
        let heard = one.hear(wait).await;
        assert!(heard.complete && heard.changes.is_empty(), "nothing happened");
        // Asked over and over again, one that answers at once keeps a processor busy.
        assert!(began.elapsed() >= wait / 2, "nothing happened, and {wait:?} were not waited for that");
    }
}

async fn come_while_somebody_waits<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    for round in 0..5 {
        let (store, position) = (Arc::clone(&one.store), one.position.clone());
        let wait = Duration::from_secs(2);
        let heard =
            tokio::spawn(async move { done("changes", store.poll_changes(Some(position), wait)).await });
        if round > 0 {
            tokio::time::sleep(SHORT).await;
        }
        // A store is asked by others meanwhile.
        let since = one.number;
        one.put(page(id("page"), &["a"], since)).await;
        assert!(one.get(id("page")).await.is_some(), "a page is sent while somebody waits for changes");
        other.tell(names(&["a"]), false, b"told").await;
        let heard = heard.await;
        assert!(heard.is_ok(), "`changes` comes to an end");
        if let Ok(heard) = heard {
            one.position = heard.cursor.clone();
            one.number = heard.sequence;
            assert!(heard.complete, "nothing was missed");
            // It may have been on its way back when that happened.
            let mut all = told(&heard);
            if all.is_empty() {
                all = told(&one.hear(Duration::ZERO).await);
            }
            assert_eq!(all, [b"told".to_vec()], "what was told while somebody waited");
        }
    }
}

/// However long ago that position was.
async fn are_complete_or_say_that_they_are_not<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let first = one.position.clone();
    let mut all: Vec<Vec<u8>> = Vec::new();
    for most in [1, 30, 300, 5000] {
        while all.len() < most {
            let payload = all.len().to_le_bytes().to_vec();
            other.tell(names(&["a"]), false, &payload).await;
            all.push(payload);
        }
        one.position = first.clone();
        let heard = one.hear(Duration::ZERO).await;
        let is_so = !heard.complete || told(&heard) == all;
        assert!(is_so, "{most} purges after a position, {} were told as if that was all", told(&heard).len());
        other.tell(names(&["a"]), false, b"one more").await;
        all.push(b"one more".to_vec());
        let heard = one.hear(Duration::ZERO).await;
        assert!(heard.complete, "one that heard everything, or that it did not, goes on from there");
        assert_eq!(told(&heard), [b"one more".to_vec()], "what was told after that");
    }
}

async fn tell_of_no_other_pages<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, mut other) = bench.two().await;
    let since = one.now().await;
    let claim = async |process: &Process<S>, holder| {
        let claim = Some(Lease { owner: id(holder), ttl: LONG });
        done(
            "get",
            process.store.get(GetRequest {
                key: id("page"),
                if_version: None,
                purge_keys: Vec::new(),
                lease: claim,
            }),
        )
        .await
    };
    assert_eq!(claim(&one, "one").await.lease, LeaseStatus::Acquired, "nobody is at it");
    assert_eq!(claim(&other, "other").await.lease, LeaseStatus::Held, "another one is at it");
    one.put(PutRequest { owner: Some(id("one")), ..page(id("page"), &["a"], since) }).await;
    one.put(page(id("another"), &["a"], since)).await;
    let began = Instant::now();
    while claim(&other, "other").await.entry.is_none() {
        assert!(began.elapsed() < LIMIT, "whoever waited for a page finds it, told of it or not");
    }
    let heard = other.hear(Duration::ZERO).await;
    assert!(heard.complete && told(&heard).is_empty(), "nothing was purged");
    let others = heard.changes.iter().any(|change| *change != Change::Filled(id("page")));
    assert!(!others, "nobody waited for anything but one page: {:?}", heard.changes);
}
