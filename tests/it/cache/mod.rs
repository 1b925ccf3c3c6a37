//! Options of a `PageCache` that concern all of its handlers.

use actix_web::web;
use cache_page::{PageCacheMiddleware, cache_page};

use crate::support::{Origin, TestApp, TestAppBuilder};

mod allowed_hosts;
mod disabled;
mod entries;
mod ignore_query;
mod key_prefix;
mod named;
mod per_worker;
mod unknown_name;
mod vary;
mod warm_up;

#[cache_page(60)]
async fn plain(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, cache = "big", name = "big")]
async fn big(origin: Origin) -> String {
    origin.count().to_string()
}

#[cache_page(60, cache = "big", key_prefix = "own")]
async fn prefixed(origin: Origin) -> String {
    origin.count().to_string()
}

async fn uncached(origin: Origin) -> String {
    origin.count().to_string()
}

/// An application whose pages show the number of the run. `/big`, `/prefixed` and `/site` use the cache named `big`.
fn builder() -> TestAppBuilder {
    TestApp::builder().route("/plain", plain).route("/big", big).route("/prefixed", prefixed).configure(
        |config| {
            let named = web::scope("/site").wrap(PageCacheMiddleware::new(60).cache("big"));
            config.service(named.default_service(web::to(uncached)));
            let own = web::scope("/own").wrap(PageCacheMiddleware::new(60));
            config.service(own.default_service(web::to(uncached)));
        },
    )
}
