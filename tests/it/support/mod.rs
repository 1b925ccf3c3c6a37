//! The fixture of the tests: an application with its own cache, clock and handler.
//!
//! ```ignore
//! let app = TestApp::new().await;
//! app.get("/").await.assert_stored().assert_ttl(60);
//! app.advance(60);
//! app.get("/").await.assert_miss();
//! assert_eq!(app.runs(), 2);
//! ```

mod any_header;
mod app;
mod backend;
mod body;
mod builder;
mod crowd;
#[path = "../../redis/directory.rs"]
mod directory;
mod events;
mod gate;
mod layers;
mod link_headers;
mod origin;
mod remote;
mod request;
mod response;
mod socket;

pub(crate) use any_header::AnyHeader;
pub(crate) use app::{TestApp, settle, until};
pub(crate) use backend::{Backend, Behavior, MemoryStore, Method};
pub(crate) use body::{BodyReader, BodySource, Next};
pub(crate) use builder::TestAppBuilder;
pub(crate) use crowd::Crowd;
pub(crate) use directory::Directory;
pub(crate) use events::Events;
pub(crate) use link_headers::LINK_HEADERS;
pub(crate) use origin::{Call, Origin, Reply, ok_with};
pub(crate) use remote::advance;
pub(crate) use request::{TestRequest, pipeline};
pub(crate) use response::TestResponse;
