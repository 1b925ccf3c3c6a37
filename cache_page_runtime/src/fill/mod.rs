//! One run of a handler: its response is admitted, stored, shared with its followers and published, or rejected.

mod abandon_guard;
mod admission;
mod background;
mod bypass;
mod commit;
mod context;
mod fallback;
mod fill;
mod finish;
mod finished_response;
mod handler;
mod participation;
mod publish;
mod remote_fetch;
mod reporter;
mod request_handle;
mod response_headers;
mod revalidation;
mod run;
mod run_control;
mod session;
mod stream;
mod tee_body;
mod uncacheable_run;
mod visibility;

pub(crate) use self::{
    abandon_guard::AbandonGuard,
    background::spawn,
    bypass::{Bypass, BypassRun},
    context::{Context, ContextRef, KeyedParts},
    fill::{Fill, RemoteHit, Start},
    handler::{Handled, Handler, Served},
    participation::FillRole,
    publish::encoded_put_request,
    reporter::{Audience, Reporter},
    request_handle::RequestHandle,
    run_control::{EntryPoint, RunControl},
    session::SessionBefore,
    uncacheable_run::{AdmittedResponse, UncacheableRun},
    visibility::Visibility,
};
