//! The conformance suite, with real servers.

use std::time::Duration;

use actix_web::rt::System;
use cache_page::{
    RedisStore,
    remote::{ChangeBatch, Id, PurgeRequest, PurgeScope, PutRequest, PutResult, RemoteStore as _},
    testing::conformance,
};

use crate::server::Server;

pub(crate) fn server_passes_the_conformance_suite() {
    let server = Server::start();
    check(|| RedisStore::open(server.url()).unwrap());
    assert!(!server.client().keys().is_empty(), "the store has used another server");
}

pub(crate) fn check(open: impl Fn() -> RedisStore) {
    System::new().block_on(conformance::run(open));
}

/// The server records the most recent purges. Earlier ones count as matching every page.
pub(crate) fn unknown_purges_reject_older_entries() {
    let server = Server::start();
    System::new().block_on(async {
        let store = RedisStore::open(server.url()).unwrap();
        store.set_namespace("many");
        let sequence = async || loop {
            if let Ok(ChangeBatch { sequence, .. }) = store.poll_changes(None, Duration::ZERO).await {
                return sequence;
            }
        };
        let purge = async |keys: Vec<Id>| {
            let purge = PurgeRequest {
                min_sequence: 0,
                expire: false,
                scope: PurgeScope::Keys(keys),
                message: Vec::new(),
            };
            store.purge(purge).await.unwrap();
        };
        let put = async |key: Id, purge_seq: u64| {
            let page = PutRequest {
                key,
                bytes: b"a page".to_vec(),
                purge_keys: vec![key],
                path: "/".to_owned(),
                purge_seq,
                started: Duration::ZERO,
                fresh_for: None,
                ttl: Duration::from_secs(60),
                owner: None,
            };
            store.put(page).await.unwrap()
        };
        let id = |number: u128| Id(number.to_le_bytes());
        let start = sequence().await;
        purge(vec![id(1)]).await;
        let between = sequence().await;
        // These purge keys were not purged.
        assert_eq!(put(id(2), start).await, PutResult::Stored);
        assert_eq!(put(id(3), between).await, PutResult::Stored);
        // This purge key was purged in between.
        assert_eq!(put(id(1), start).await, PutResult::Purged);
        for first in (1_000..6_000).step_by(100) {
            purge((first..first + 100).map(id).collect()).await;
        }
        let now = sequence().await;
        for (purge_seq, result) in
            [(start, PutResult::Purged), (between, PutResult::Purged), (now, PutResult::Stored)]
        {
            for key in [1, 4] {
                assert_eq!(put(id(key), purge_seq).await, result, "{key}");
            }
        }
        // The last purges are still recorded.
        let late = put(id(1_000), now).await;
        purge(vec![id(5_000)]).await;
        assert_eq!(
            (late, put(id(5_999), now).await, put(id(5_000), now).await),
            (PutResult::Stored, PutResult::Stored, PutResult::Purged)
        );
        let mut client = server.client();
        let recent = client.keys_of("r").remove(0);
        let recorded = client.try_command(&[b"ZCARD", &recent]).unwrap().number();
        assert!((3_000..=4_096).contains(&recorded), "{recorded}");
    });
}
