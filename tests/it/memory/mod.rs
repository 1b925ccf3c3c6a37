//! How many bytes the cache counts, which pages it evicts, and what else it retains.

use actix_web::HttpResponse;

use crate::support::{Call, TestApp};

mod apps;
mod budget;
mod eviction;
mod expired;
mod local_copies;
mod purges;
mod threads;
mod weight;

/// Returns a handler that sends a body of this length.
fn body_of(length: usize) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |_| HttpResponse::Ok().body(vec![b'x'; length])
}

/// Returns how many bytes the page counts that this handler makes.
async fn weight(uri: &str, handler: impl Fn(&Call) -> HttpResponse + Send + Sync + 'static) -> usize {
    let app = TestApp::with_handler(handler).await;
    app.get(uri).await.assert_stored();
    app.bytes()
}

/// A sequence of numbers without a pattern, the same in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        self.0 >> 33
    }
}
