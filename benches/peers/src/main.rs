//! An axum server with one worker, whose pages are cached by one library each: `cache_page_peers ADDRESS`.
//!
//! The libraries have their default settings and the lifetime of the page.

use std::{
    convert::Infallible,
    env,
    error::Error,
    future::ready,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use axum::{
    BoxError, Router,
    body::{Body, Bytes},
    error_handling::HandleErrorLayer,
    extract::{Path, Request, State},
    http::{HeaderValue, Response, StatusCode, header::CACHE_CONTROL},
    routing::{get, get_service},
};
use http_body_util::Full;
use tokio::net::TcpListener;
use tower::{ServiceBuilder, service_fn};
use tower_http_cache::prelude::{CacheLayer, InMemoryBackend};

const LENGTHS: [usize; 2] = [1024, 65_536];

const LIFETIME: Duration = Duration::from_secs(3600);

/// The pages of one route.
struct Pages {
    bodies: [Bytes; 2],
    /// Whether the handler has run for a length.
    has_run: [AtomicBool; 2],
    /// Whether the handler may run once per length only, because its responses are stored.
    is_cached: bool,
}

impl Pages {
    fn new(is_cached: bool) -> Arc<Self> {
        let bodies = LENGTHS.map(|length| Bytes::from(vec![b'x'; length]));
        Arc::new(Self { bodies, has_run: Default::default(), is_cached })
    }

    /// Returns the page of a length, or an error where a second run shows that the first response was not stored.
    fn page(&self, length: usize) -> Response<Full<Bytes>> {
        let index = usize::from(length == LENGTHS[1]);
        let mut response = Response::new(Full::new(self.bodies[index].clone()));
        response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("max-age=3600"));
        if self.is_cached && self.has_run[index].swap(true, Ordering::Relaxed) {
            *response.status_mut() = StatusCode::INTERNAL_SERVER_ERROR;
        }
        response
    }
}

async fn page(Path(length): Path<usize>, State(pages): State<Arc<Pages>>) -> Response<Body> {
    pages.page(length).map(Body::new)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let address = env::args().nth(1).ok_or("usage: cache_page_peers ADDRESS")?;
    let axum_response_cache = axum_response_cache::CacheLayer::with_lifespan(LIFETIME);
    // The layer asks for a body that is `Sync`. That of axum's handlers is not, so the page comes from a service of tower.
    let pages = Pages::new(true);
    let tower_http_cache = ServiceBuilder::new()
        .layer(HandleErrorLayer::new(|_: BoxError| ready(StatusCode::INTERNAL_SERVER_ERROR)))
        .layer(CacheLayer::builder(InMemoryBackend::new(1000)).ttl(LIFETIME).build())
        .service(service_fn(move |request: Request| {
            let length = request.uri().path().rsplit('/').next().and_then(|length| length.parse().ok());
            ready(Ok::<_, Infallible>(pages.page(length.unwrap_or_default())))
        }));
    let router = Router::new()
        .route("/plain/{length}", get(page).with_state(Pages::new(false)))
        .route(
            "/axum-response-cache/{length}",
            get(page).with_state(Pages::new(true)).layer(axum_response_cache),
        )
        .route("/tower-http-cache/{length}", get_service(tower_http_cache));
    axum::serve(TcpListener::bind(address).await?, router).await?;
    Ok(())
}
