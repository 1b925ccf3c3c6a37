//! Tests of the store with many entries, and with concurrent requests.

use actix_web::{test::TestRequest, web::Bytes};

use super::{model::entry, *};
use crate::{KeyBuilder, time::Clock};

fn entry_without_expiry() -> Arc<Entry> {
    entry(Bytes::from_static(b"page"), Clock::System.now(), None, &[])
}

/// A client may send any number of keys.
#[test]
fn budget_holds_for_a_million_keys() {
    const BUDGET: usize = 1 << 20;
    let store = Store::new(BUDGET);
    let request = TestRequest::default().to_http_request();
    let entry = entry_without_expiry();
    let mut max_bytes = 0;
    for number in 0..1_000_000_u32 {
        let mut builder = KeyBuilder::new(&request);
        builder.bytes(&number.to_le_bytes());
        let key = builder.parts.key().unwrap();
        store.put(key, VaryNames::new(), request.headers(), Arc::clone(&entry)).unwrap();
        let state = store.state();
        assert!(state.bytes() <= BUDGET);
        let max_nodes = 10 * BUDGET / EntryNode::weight_of_key(&[]);
        assert!(number % 1000 > 0 || state.eviction.nodes().count() < max_nodes);
        max_bytes = max_bytes.max(state.bytes());
    }
    assert!(max_bytes > BUDGET * 9 / 10, "the budget is used");
    assert_eq!(store.entry_count(), store.map.len());
}

/// A lookup concurrent with a replacement finds the old entry or the new one.
#[test]
fn entry_being_replaced_is_never_missing() {
    let store = Store::new(1 << 20);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let request = TestRequest::default().to_http_request();
            let builder = KeyBuilder::new(&request);
            for _ in 0..50_000 {
                let key = builder.parts.key().unwrap();
                store.put(key, VaryNames::new(), request.headers(), entry_without_expiry()).unwrap();
            }
        });
        let request = TestRequest::default().to_http_request();
        let builder = KeyBuilder::new(&request);
        let get = || store.get(builder.parts.key().unwrap(), request.headers(), Clock::System.now());
        while get().is_err() && !writer.is_finished() {}
        let mut lookups = 0;
        while !writer.is_finished() {
            assert!(get().is_ok());
            lookups += 1;
        }
        assert!(lookups > 0, "no lookup was concurrent");
    });
    assert_eq!((store.entry_count(), store.map.len()), (1, 1));
}
