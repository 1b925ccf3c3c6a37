//! Which App a request belongs to, for pages in the process-wide default cache.
//!
//! Two Apps of one process may run the same handler over different data; tests do so all the time. An author who puts a
//! `PageCache` into an App says which Apps share pages. Without one, pages are kept apart by App, whatever the handler
//! reads there: `web::Data` arguments, `HttpRequest::app_data`, an extractor of the user's own.
//!
//! * Behind an `HttpServer`, an App is known by its actix `System`, host name and socket address. All workers share its
//!   pages, even where each worker's factory call makes its own `web::Data`.
//! * An App without a server (`test::init_service`) is known by itself: its number is given out at its first request and
//!   never used again. actix-web offers no place to put it, so it goes with the address of the App's resource map, and a
//!   task of the test's own runtime holds the App until that runtime ends: no other App can take the address meanwhile.
//! * Where there is neither (`#[tokio::test]`), nothing tells two Apps apart, and nothing is kept.

use std::{
    cell::RefCell,
    sync::atomic::{AtomicU64, Ordering},
};

use actix_web::{
    HttpRequest,
    dev::AppConfig,
    rt::{self, System},
};

use crate::{key::KeyBuilder, outcome::Reason};

thread_local! {
    /// A worker thread belongs to one System as long as it lives, and asking for the current one is not cheap.
    static SYSTEM: Option<usize> = System::try_current().map(|system| system.id());

    /// The Apps without a server on this thread: address and number.
    static ALONE: RefCell<Vec<(usize, u64)>> = const { RefCell::new(Vec::new()) };
}

/// Adds the App to the key, so that no other App finds its pages.
pub(crate) fn identify(request: &HttpRequest, key: &mut KeyBuilder<'_>) -> Result<(), Reason> {
    let config = request.app_config();
    if is_served(config) {
        key.value(&(
            SYSTEM.try_with(|system| *system).ok().flatten(),
            config.secure(),
            config.host(),
            config.local_addr(),
        ));
    } else {
        key.value(&number(request).ok_or(Reason::UnknownApp)?);
    }
    Ok(())
}

/// Whether a server wrote this configuration; else it is the one that actix-web makes up for an App without a server.
fn is_served(config: &AppConfig) -> bool {
    config.secure()
        || config.host() != "localhost:8080"
        || config.local_addr() != ([127, 0, 0, 1], 8080).into()
}

fn number(request: &HttpRequest) -> Option<u64> {
    let address = std::ptr::from_ref(request.resource_map()).addr();
    let known =
        ALONE.with_borrow(|apps| apps.iter().find(|(at, _)| *at == address).map(|(_, number)| *number));
    known.or_else(|| System::is_registered().then(|| give_number(address, request.clone())))
}

fn give_number(address: usize, held: HttpRequest) -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);

    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    ALONE.with_borrow_mut(|apps| apps.push((address, number)));
    let place = Place(address);
    rt::spawn(async move {
        let _both_until_the_runtime_ends = (held, place);
        std::future::pending::<()>().await;
    });
    number
}

/// An address in `ALONE`, which is free again once the App there is no longer held.
struct Place(usize);

impl Drop for Place {
    fn drop(&mut self) {
        // The thread may be ending, and the table with it.
        let _ = ALONE.try_with(|apps| apps.borrow_mut().retain(|(at, _)| *at != self.0));
    }
}
