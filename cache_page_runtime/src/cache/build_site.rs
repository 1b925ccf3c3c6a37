//! Where a cache was built, to find one that was built in each worker.
//!
//! `HttpServer::new` calls its closure in each worker. A cache that is built in the closure is a cache of that worker alone: a purge
//! reaches only the worker whose handler requests it.

use std::{
    net::SocketAddr,
    panic::Location,
    sync::{
        Arc, Mutex, Weak,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, ThreadId},
};

use actix_web::HttpRequest;

use crate::sync::lock;

/// Where a cache was built, and whether a request has reached it.
#[derive(Debug)]
pub(super) struct BuildSite {
    location: &'static Location<'static>,
    /// Each worker is a thread, in which it calls the closure of `HttpServer::new`.
    thread: ThreadId,
    is_checked: AtomicBool,
    /// Is dropped with the cache.
    cache: Arc<()>,
}

/// A cache that serves an address.
struct Server {
    built_at: &'static Location<'static>,
    built_by: ThreadId,
    address: SocketAddr,
    cache: Weak<()>,
}

static SERVERS: Mutex<Vec<Server>> = Mutex::new(Vec::new());

impl BuildSite {
    #[track_caller]
    pub(super) fn caller() -> Self {
        Self {
            location: Location::caller(),
            thread: thread::current().id(),
            is_checked: AtomicBool::new(false),
            cache: Arc::new(()),
        }
    }

    /// Logs an error if another thread has built a cache at the same place that serves the same address. Only the first request of a cache is
    /// looked at.
    #[inline]
    pub(super) fn check(&self, request: &HttpRequest) {
        if !self.is_checked.load(Ordering::Relaxed) {
            self.log_if_per_worker(request);
        }
    }

    #[cold]
    fn log_if_per_worker(&self, request: &HttpRequest) {
        // Tests without a socket have an address too, which all of them share.
        if self.is_checked.swap(true, Ordering::Relaxed) || request.peer_addr().is_none() {
            return;
        }
        let address = request.app_config().local_addr();
        let is_one_of_several = {
            let mut servers = lock(&SERVERS);
            servers.retain(|server| server.cache.strong_count() > 0);
            let is_other = |other: &&Server| {
                other.built_at == self.location && other.built_by != self.thread && other.address == address
            };
            let is_second = servers.iter().filter(is_other).count() == 1;
            servers.push(Server {
                built_at: self.location,
                built_by: self.thread,
                address,
                cache: Arc::downgrade(&self.cache),
            });
            is_second
        };
        if is_one_of_several {
            tracing::error!(
                target: "cache_page",
                %address,
                "each worker has a cache of its own, and a purge reaches only one of them, because the cache is built in \
                 the closure of `HttpServer::new`, at {}; build it before that, and add a clone to each App: \
                 `.app_data(cache.clone())`",
                self.location
            );
        }
    }
}
