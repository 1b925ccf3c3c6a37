//! Real engines, tried against the contract of a store.

use actix_web::rt::System;
use cache_page::{RedisStore, testing::conformance};

use crate::server::Server;

pub(crate) fn a_server_does_what_a_store_must() {
    let server = Server::start();
    check(|| RedisStore::open(server.url()).unwrap());
    assert!(!server.client().keys().is_empty(), "it was that server");
}

pub(crate) fn check(open: impl Fn() -> RedisStore) {
    System::new().block_on(conformance::run(open));
}
