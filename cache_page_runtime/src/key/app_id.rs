//! The identity of the App that a request belongs to, for the process-wide default cache.
//!
//! Two Apps of one process may run the same handler over different data, as tests do all the time. A `PageCache` in the App's data
//! determines which Apps share pages. Without one, each App has its own pages, whatever its handlers read: `web::Data` arguments,
//! `HttpRequest::app_data` or custom extractors.
//!
//! The addresses of the `web::Data` arguments do not identify an App. Most factories create a `web::Data` for each worker, so that each
//! worker would have its own pages. And a handler may read other data, through its `HttpRequest` or a custom extractor.
//!
//! * Behind an `HttpServer` on TCP, an App is identified by its actix `System`, host name and socket address. All workers share its
//!   pages, even if the factory of each worker creates its own `web::Data`.
//! * An App without an address (`test::init_service`, a Unix socket) is identified by a number that is allocated at its first request
//!   and never reused. actix-web offers no place to store it, so a table maps the address of the App's resource map to the number, and
//!   a task on the worker's runtime retains the App, so that no other App is allocated at that address. Each thread retains at most
//!   [`MAX_UNADDRESSED`] Apps. An App that was dropped from the table gets a new number, and so new pages.
//! * Without an address and a runtime (`#[tokio::test]`), the App cannot be identified and its responses are not cached.
//!
//! Some Apps of one `System` are not distinguished: those of two servers that share a listener or use one address after the other.
//! Neither are two scopes of an App on one path that only a guard on a header separates.

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

use super::cache_key::KeyParts;
use crate::outcome::Reason;

thread_local! {
    /// The id of this thread's System. A worker thread belongs to one System for its lifetime, and the lookup is not cheap.
    static SYSTEM: Option<usize> = System::try_current().map(|system| system.id());

    /// The Apps of this thread that have no address.
    static UNADDRESSED: RefCell<VecDeque<UnaddressedApp>> = const { RefCell::new(VecDeque::new()) };
}

/// How many Apps without an address a thread retains.
const MAX_UNADDRESSED: usize = 8;

/// How long the extensions of the request that retains an App are left in place, for its handler.
const MAX_REQUEST_TIME: Duration = Duration::from_secs(60);

/// Whether an App without an address may be retained by cloning the request.
///
/// Middleware must not hold a clone of a request that it passes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum AppRetention {
    Allowed,
    Forbidden,
}

struct UnaddressedApp {
    resource_map: usize,
    app_id: u64,
    retention: JoinHandle<()>,
}

/// Appends the identity of the request's App to the key.
///
/// # Errors
///
/// Fails if the App has no address and cannot be retained.
pub(crate) fn push_app_identity(
    key: &mut KeyParts,
    request: &HttpRequest,
    retention: AppRetention,
) -> Result<(), Reason> {
    let config = request.app_config();
    if request.peer_addr().is_some() && is_served(config) {
        key.push_hashed(&(
            SYSTEM.try_with(|system| *system).ok().flatten(),
            config.secure(),
            config.host(),
            config.local_addr(),
        ));
    } else {
        let app_id = match retention {
            AppRetention::Allowed => app_id(request),
            AppRetention::Forbidden => None,
        };
        key.push_hashed(&app_id.ok_or(Reason::UnknownApp)?);
    }
    Ok(())
}

/// Returns whether a server created this configuration. Without a server, actix-web uses a default one.
fn is_served(config: &AppConfig) -> bool {
    config.secure()
        || config.host() != "localhost:8080"
        || config.local_addr() != ([127, 0, 0, 1], 8080).into()
}

fn app_id(request: &HttpRequest) -> Option<u64> {
    let resource_map = std::ptr::from_ref(request.resource_map()).addr();
    let known = UNADDRESSED
        .with_borrow(|apps| apps.iter().find(|app| app.resource_map == resource_map).map(|app| app.app_id));
    known.or_else(|| allocate_app_id(resource_map, request.clone()))
}

fn allocate_app_id(resource_map: usize, request: HttpRequest) -> Option<u64> {
    static NEXT: AtomicU64 = AtomicU64::new(0);

    let app_id = NEXT.fetch_add(1, Ordering::Relaxed);
    let retention = retain_app(request, AppSlotGuard(app_id))?;
    let oldest = UNADDRESSED.with_borrow_mut(|apps| {
        apps.push_back(UnaddressedApp { resource_map, app_id, retention });
        if apps.len() > MAX_UNADDRESSED { apps.pop_front() } else { None }
    });
    if let Some(oldest) = oldest {
        oldest.retention.abort();
    }
    Some(app_id)
}

/// Retains an App until its runtime ends or the returned task is aborted. Returns `None` if there is no actix runtime.
fn retain_app(request: HttpRequest, slot: AppSlotGuard) -> Option<JoinHandle<()>> {
    if !System::is_registered() {
        return None;
    }
    let retention = async move {
        // Only the App must be retained. The extensions of the request may hold scarce resources.
        rt::time::sleep(MAX_REQUEST_TIME).await;
        request.extensions_mut().clear();
        std::future::pending::<()>().await;
        drop((request, slot));
    };
    // `spawn` panics if the System has stopped, and there is no other way to detect that.
    catch_unwind(AssertUnwindSafe(|| rt::spawn(retention))).ok()
}

/// Removes the App from the table when it is no longer retained, because another App may be allocated at its address.
struct AppSlotGuard(u64);

impl Drop for AppSlotGuard {
    fn drop(&mut self) {
        // The table is gone if the thread ends. It is borrowed if the App is being removed from it already.
        let _ = UNADDRESSED.try_with(|apps| {
            if let Ok(mut apps) = apps.try_borrow_mut() {
                apps.retain(|app| app.app_id != self.0);
            }
        });
    }
}
