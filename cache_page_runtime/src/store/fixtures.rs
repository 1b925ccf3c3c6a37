//! Stores, entries and keys for tests.

use std::{cell::Cell, sync::Arc, time::Duration};

use actix_web::{
    HttpRequest,
    http::{
        StatusCode,
        header::{ETAG, HeaderMap, HeaderName, HeaderValue},
    },
    test::TestRequest,
    web::Bytes,
};

use super::{
    entry::{Entry, Lifetime},
    store::Store,
};
use crate::{
    KeyBuilder, Policy,
    http::{StaleWindows, VaryNames},
    key::CacheKey,
    outcome::Reason,
    page::{LinesOwner, Page, ResponseHead},
    policy::HandlerPolicy,
    purge::{LocalSelector, PurgeKeys, PurgeSeq, RequestSubject, StableIds, Tag},
    time::{Clock, Instant},
};

/// Large numbers are divided by this. Miri runs a test some thousand times slower.
pub(super) const SCALE: u32 = if cfg!(miri) { 20 } else { 1 };

/// A budget with many shards.
pub(super) const LARGE_BUDGET: usize = if cfg!(miri) { 4 << 20 } else { 1 << 30 };

/// The number of different headers that pages share.
pub(super) const KINDS: usize = 4;

thread_local! {
    /// The store whose pages this thread creates.
    static LINES_OWNER: Cell<LinesOwner> = Cell::new(LinesOwner::new());
}

/// Creates a store. The pages that this thread creates from now on share header lines in it.
pub(super) fn new_store(max_bytes: usize) -> Store {
    let store = Store::new(max_bytes);
    share_lines_in(&store);
    store
}

/// Lets the pages that this thread creates from now on share header lines in a store.
pub(super) fn share_lines_in(store: &Store) {
    LINES_OWNER.set(store.lines_owner());
}

pub(super) fn purge_keys(tags: &[Tag]) -> Arc<PurgeKeys> {
    with_request(|request| keys_of_request(request, tags))
}

pub(super) fn purge_keys_of(path: &str, tags: &[Tag]) -> Arc<PurgeKeys> {
    keys_of_request(&TestRequest::with_uri(path).to_http_request(), tags)
}

fn keys_of_request(request: &HttpRequest, tags: &[Tag]) -> Arc<PurgeKeys> {
    static POLICY: HandlerPolicy = Policy::with_ttl(None).for_handler("model");
    RequestSubject::new(request, POLICY.purge_subject(None), PurgeSeq::now(), StableIds::Omit).with_tags(tags)
}

/// Calls `f` with a request, which this thread creates once.
pub(super) fn with_request<T>(f: impl FnOnce(&HttpRequest) -> T) -> T {
    thread_local! {
        static REQUEST: HttpRequest = TestRequest::with_uri("/page").to_http_request();
    }
    REQUEST.with(f)
}

/// Half of the entries stay after they have expired.
pub(super) fn is_revalidatable(body_len: usize) -> bool {
    body_len.is_multiple_of(2)
}

pub(super) fn entry(body: Bytes, created_at: Instant, ttl: Option<Duration>, tags: &[Tag]) -> Arc<Entry> {
    let is_revalidatable = is_revalidatable(body.len());
    let entry = Entry::new(page(body), lifetime(created_at, ttl), purge_keys(tags));
    Arc::new(entry.revalidatable(is_revalidatable))
}

pub(super) fn lifetime(created_at: Instant, ttl: Option<Duration>) -> Lifetime {
    Lifetime {
        created_at,
        initial_age: Duration::ZERO,
        ttl,
        stale: StaleWindows::default(),
        fill_time: Duration::ZERO,
    }
}

pub(super) fn page(body: Bytes) -> Page {
    let headers = HeaderMap::new();
    let head = ResponseHead {
        status: StatusCode::OK,
        reason: None,
        headers: &headers,
        has_unstored: false,
        unstored: &[],
    };
    let kind = HeaderName::from_static("x-kind");
    let generated =
        [(ETAG, HeaderValue::from_static("W/\"1\"")), (kind, HeaderValue::from(body.len() % KINDS))];
    Page::from_response(head, &generated, Some(body), LINES_OWNER.get())
}

pub(super) fn entry_without_expiry() -> Arc<Entry> {
    entry(Bytes::from_static(b"page"), Clock::System.now(), None, &[])
}

/// Stores pages under the numbers from 0, without room for all.
pub(super) fn store_of(pages: u32, max_bytes: usize) -> Arc<Store> {
    let store = Arc::new(new_store(max_bytes));
    for number in 0..pages {
        put(&store, number);
    }
    store
}

pub(super) fn with_key<T>(number: u32, f: impl FnOnce(CacheKey<'_>) -> T) -> T {
    with_request(|request| {
        let mut builder = KeyBuilder::new(request);
        builder.bytes(&number.to_le_bytes());
        f(builder.parts.key().unwrap())
    })
}

pub(super) fn put(store: &Store, number: u32) {
    try_put(store, number).unwrap();
}

pub(super) fn try_put(store: &Store, number: u32) -> Result<(), Reason> {
    put_entry(store, number, entry_without_expiry())
}

pub(super) fn put_entry(store: &Store, number: u32, entry: Arc<Entry>) -> Result<(), Reason> {
    with_key(number, |key| store.put(key, VaryNames::new(), &HeaderMap::new(), entry))
}

pub(super) fn get(store: &Store, number: u32) -> Option<Arc<Entry>> {
    with_key(number, |key| store.get(key, &HeaderMap::new(), Clock::System.now())).ok()
}

/// The selectors of `entry_without_expiry`: by a pass over all pages, and by the index.
pub(super) fn selectors() -> [LocalSelector; 3] {
    let key = entry_without_expiry().purge_keys().handler_key();
    [LocalSelector::All, LocalSelector::Prefix("/pa".into()), LocalSelector::Handler(key)]
}
