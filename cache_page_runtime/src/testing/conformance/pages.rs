//! Pages: what was put is what comes back, until its time is over.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout};

use crate::remote::{GetRequest, PurgeRequest, PutRequest, PutResult, ReleaseReason, RemoteStore};
use crate::testing::conformance::{Bench, LIMIT, LONG, SHORT, eventually, id, is_of, names, page, reach};

pub(super) async fn all<S: RemoteStore>(bench: &Bench<'_, S>) {
    comes_back_byte_for_byte(bench).await;
    has_an_age(bench).await;
    takes_the_place_of_another(bench).await;
    goes_with_its_time(bench).await;
    leaves_names_to_others(bench).await;
    does_not_replace_a_later_one(bench).await;
    is_seen_by_its_prefix_alone(bench).await;
    stays_where_the_store_is_renewed(bench).await;
    bears_to_be_dropped(bench).await;
}

async fn comes_back_byte_for_byte<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    assert!(!other.has(id("none")).await, "there is a page that nobody put");
    let every_byte: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 20).collect();
    for (number, bytes) in
        [Vec::new(), vec![0], b"\r\n$1\r\n\0'\"\\%".to_vec(), every_byte].into_iter().enumerate()
    {
        let at = id(&format!("page {number}"));
        let offered = PutRequest { bytes: bytes.clone(), ..page(at, &["a", "b"], since) };
        assert_eq!(one.put(offered).await, PutResult::Stored, "a page that has seen all purges is kept");
        for process in [&one, &other] {
            let kept = process.get(at).await;
            assert!(kept.is_some(), "a page of {} bytes that was put is not there", bytes.len());
            let is_same = is_of(kept.as_ref(), &bytes) && kept.is_some_and(|kept| kept.expired.is_none());
            assert!(is_same, "a page of {} bytes came back with others, or as expired", bytes.len());
        }
    }
}

async fn has_an_age<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    let began = Instant::now();
    one.put(page(id("page"), &["a"], since)).await;
    sleep(SHORT).await;
    let age = other.get(id("page")).await.map(|kept| kept.age).unwrap_or_default();
    // The engine's clock may be a coarse one, and is not this one.
    assert!(age >= SHORT / 2, "{SHORT:?} after it was put, the age of a page is {age:?}");
    let most = began.elapsed() + Duration::from_secs(1);
    assert!(age <= most, "the age of a page is {age:?}, and it was put within the last {most:?}");
}

async fn takes_the_place_of_another<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    for bytes in [b"the first".to_vec(), b"the second one".to_vec(), b"3".to_vec()] {
        let offered = PutRequest { bytes: bytes.clone(), ..page(id("page"), &["a"], since) };
        assert_eq!(
            one.put(offered).await,
            PutResult::Stored,
            "a page takes the place of one that was begun before it"
        );
        let kept = other.get(id("page")).await;
        assert!(is_of(kept.as_ref(), &bytes), "the page that was put last is not there");
    }
}

async fn goes_with_its_time<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(PutRequest { ttl: SHORT, ..page(id("short"), &["a"], since) }).await;
    one.put(PutRequest { fresh_for: None, ..page(id("long"), &["a"], since) }).await;
    eventually("a page goes when its time is over", async || !other.has(id("short")).await).await;
    assert!(other.has(id("long")).await, "a page went with another one of the same name");
    assert!(!one.has(id("short")).await, "a page that was gone is there again");
}

/// What is known of a name lives as long as the longest of its pages.
async fn leaves_names_to_others<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(PutRequest { ttl: SHORT, ..page(id("first"), &["a"], since) }).await;
    one.put(page(id("long"), &["a"], since)).await;
    one.put(PutRequest { ttl: SHORT, ..page(id("last"), &["a"], since) }).await;
    eventually("pages go when their time is over", async || {
        !other.has(id("first")).await && !other.has(id("last")).await
    })
    .await;
    assert!(other.has(id("long")).await, "a page went with others of the same name");
    one.purge(names(&["a"])).await;
    assert!(!other.has(id("long")).await, "a name is not purged any more since one of its pages went");
}

async fn does_not_replace_a_later_one<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    let begun = Duration::from_secs(20);
    let fresh = [Some(LONG), None];
    for (number, fresh) in fresh.into_iter().enumerate() {
        let at = id(&format!("page {number}"));
        let later = PutRequest {
            started: begun,
            fresh_for: fresh,
            bytes: b"later".to_vec(),
            ..page(at, &["a"], since)
        };
        one.put(later).await;
        let earlier =
            || PutRequest { started: begun * 2, bytes: b"earlier".to_vec(), ..page(at, &["a"], since) };
        let taken = other.put(earlier()).await;
        assert_eq!(taken, PutResult::Superseded, "a page that was begun before the fresh one which is there");
        let kept = other.get(at).await;
        assert!(is_of(kept.as_ref(), b"later"), "it took its place all the same");
        let latest = PutRequest { started: begun / 2, ..page(at, &["a"], since) };
        assert_eq!(
            other.put(latest).await,
            PutResult::Stored,
            "a page that was begun after the one which is there"
        );
    }
    // One that is not fresh any more has nothing to say.
    one.put(PutRequest { fresh_for: Some(Duration::ZERO), ..page(id("stale"), &["a"], since) }).await;
    let earlier = PutRequest { started: begun, ..page(id("stale"), &["a"], since) };
    assert_eq!(other.put(earlier).await, PutResult::Stored, "the page that is there is stale");
}

/// Prefixes that are easily mixed up where they are put together with something else.
async fn is_seen_by_its_prefix_alone<S: RemoteStore>(bench: &Bench<'_, S>) {
    let base = bench.prefix();
    let prefixes = ["", ":", "}", "{", "%", "*", "_", "ü", "-longer"].map(|end| format!("{base}{end}"));
    let mut processes = Vec::new();
    for prefix in &prefixes {
        processes.push(bench.process(prefix).await);
    }
    for number in 0..processes.len() {
        let since = processes[number].now().await;
        for (other, process) in processes.iter().enumerate() {
            let has = process.has(id("page")).await;
            assert_eq!(
                has,
                other < number,
                "a page under {:?}, as {:?} sees it",
                prefixes[number],
                prefixes[other]
            );
        }
        processes[number].put(page(id("page"), &["a"], since)).await;
    }
    processes[0].tell(names(&["a"]), false, b"told").await;
    for (number, process) in processes.iter_mut().enumerate() {
        let prefix = &prefixes[number];
        assert_eq!(process.has(id("page")).await, number > 0, "{prefix:?}, after a purge under {base:?}");
        let heard = process.hear(Duration::ZERO).await;
        assert_eq!(heard.changes.is_empty(), number > 0, "{prefix:?} is told of a purge under {base:?}");
        assert!(heard.complete, "{prefix:?} has missed nothing");
    }
}

async fn stays_where_the_store_is_renewed<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    one.put(page(id("page"), &["a"], since)).await;
    one.store.reset_connections();
    let heard = reach(&*one.store, Some(one.position.clone())).await;
    assert!(heard.complete, "nothing was missed while the store was renewed");
    assert!(
        one.has(id("page")).await && other.has(id("page")).await,
        "a page went when the store was renewed"
    );
}

/// The cache drops what takes too long, at any point.
async fn bears_to_be_dropped<S: RemoteStore>(bench: &Bench<'_, S>) {
    let (mut one, other) = bench.two().await;
    let since = one.now().await;
    for number in 0..20 {
        let at = id(&format!("page {number}"));
        let store = &*one.store;
        let wanted = GetRequest { key: at, if_version: None, purge_keys: Vec::new(), lease: None };
        let purge = PurgeRequest {
            min_sequence: since,
            expire: false,
            scope: names(&["other"]),
            message: b"other".to_vec(),
        };
        // Each a little later than the one before.
        let time = Duration::from_micros(number * 50);
        let _ = timeout(time, store.get(wanted)).await;
        let _ = timeout(time, store.put(page(at, &["a"], since))).await;
        let _ = timeout(time, store.release(at, id("one"), ReleaseReason::Retry)).await;
        let _ = timeout(time, store.purge(purge)).await;
        let _ = timeout(time, store.poll_changes(Some(one.position.clone()), SHORT)).await;
    }
    let heard = reach(&*one.store, Some(one.position.clone())).await;
    let offered = PutRequest { bytes: b"the last".to_vec(), ..page(id("last"), &["a"], heard.sequence) };
    // What was dropped may be done all the same, and later.
    let began = Instant::now();
    loop {
        let since = one.now().await;
        if one.put(PutRequest { purge_seq: since, ..offered.clone() }).await == PutResult::Stored {
            break;
        }
        assert!(began.elapsed() < LIMIT, "since questions were dropped, nothing is kept any more");
    }
    let kept = other.get(id("last")).await;
    assert!(is_of(kept.as_ref(), b"the last"), "an answer to a question that was dropped");
    let kept = one.get(id("last")).await;
    assert!(is_of(kept.as_ref(), b"the last"), "an answer to a question that was dropped");
}
