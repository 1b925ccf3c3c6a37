//! Which App a request belongs to, for pages in the process-wide default cache.
//!
//! Two Apps of one process may run the same handler over different data; tests do so all the time. An author who puts a
//! `PageCache` into an App says which Apps share pages. Without one, pages are kept apart by App, whatever the handler
//! reads there: `web::Data` arguments, `HttpRequest::app_data`, an extractor of the user's own.
//!
//! * Behind an `HttpServer` on TCP, an App is known by its actix `System`, host name and socket address. All workers share
//!   its pages, even where each worker's factory call makes its own `web::Data`.
//! * An App without an address of its own (`test::init_service`, a Unix socket) is known by itself: its number is given out
//!   at its first request and never used again. actix-web offers no place to put it, so it goes with the address of the
//!   App's resource map, and a task of the worker's own runtime holds the App: no other can take the address meanwhile.
//!   Only so many are held; who comes back later gets another number, and new pages.
//! * Where there is neither (`#[tokio::test]`), nothing tells two Apps apart, and nothing is kept.

use std::{
    cell::RefCell,
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use actix_web::{
    HttpMessage as _, HttpRequest,
    dev::AppConfig,
    rt::{self, System, task::JoinHandle},
};

use crate::{key::builder::KeyBuilder, outcome::Reason};

thread_local! {
    /// A worker thread belongs to one System as long as it lives, and asking for the current one is not cheap.
    static SYSTEM: Option<usize> = System::try_current().map(|system| system.id());

    /// The Apps of this thread that have no address of their own.
    static ALONE: RefCell<VecDeque<UnaddressedApp>> = const { RefCell::new(VecDeque::new()) };
}

/// How many of them a thread holds.
const MOST_ALONE: usize = 8;

/// How long the first request of such an App may take to be answered.
const LONGEST_REQUEST: Duration = Duration::from_secs(60);

struct UnaddressedApp {
    /// Of its resource map.
    address: usize,
    number: u64,
    held: JoinHandle<()>,
}

/// Adds the App to the key, so that no other App finds its pages.
///
/// One that has no address is only known where the request may be held for a while.
pub(crate) fn identify(
    request: &HttpRequest,
    key: &mut KeyBuilder<'_>,
    may_hold: bool,
) -> Result<(), Reason> {
    let config = request.app_config();
    if request.peer_addr().is_some() && is_served(config) {
        key.record(&(
            SYSTEM.try_with(|system| *system).ok().flatten(),
            config.secure(),
            config.host(),
            config.local_addr(),
        ));
    } else {
        let number = if may_hold { number(request) } else { None };
        key.record(&number.ok_or(Reason::UnknownApp)?);
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
        ALONE.with_borrow(|apps| apps.iter().find(|app| app.address == address).map(|app| app.number));
    known.or_else(|| give_number(address, request.clone()))
}

fn give_number(address: usize, request: HttpRequest) -> Option<u64> {
    static NEXT: AtomicU64 = AtomicU64::new(0);

    let number = NEXT.fetch_add(1, Ordering::Relaxed);
    let held = hold(request, AppSlotGuard(number))?;
    let oldest = ALONE.with_borrow_mut(|apps| {
        apps.push_back(UnaddressedApp { address, number, held });
        if apps.len() > MOST_ALONE { apps.pop_front() } else { None }
    });
    if let Some(oldest) = oldest {
        oldest.held.abort();
    }
    Some(number)
}

/// Keeps an App until the runtime ends or the task is aborted; `None` where there is no actix runtime to keep it in.
fn hold(request: HttpRequest, place: AppSlotGuard) -> Option<JoinHandle<()>> {
    if !System::is_registered() {
        return None;
    }
    let held = async move {
        // Only the App is wanted. What was put into this one request may be scarce, and is nobody's after so long.
        rt::time::sleep(LONGEST_REQUEST).await;
        request.extensions_mut().clear();
        std::future::pending::<()>().await;
        drop((request, place));
    };
    // A System may have been here and be gone, and then `spawn` panics: nothing else tells.
    catch_unwind(AssertUnwindSafe(|| rt::spawn(held))).ok()
}

/// The place in `ALONE` of the App of that number, whose address is free for others once it is no longer held.
struct AppSlotGuard(u64);

impl Drop for AppSlotGuard {
    fn drop(&mut self) {
        // The thread may be ending, and the table with it; or the table is just being changed, which did it already.
        let _ = ALONE.try_with(|apps| {
            if let Ok(mut apps) = apps.try_borrow_mut() {
                apps.retain(|app| app.number != self.0);
            }
        });
    }
}
