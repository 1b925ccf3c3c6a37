//! The response of a finished run.

use super::{handler::Served, stream::StreamedResponse};

/// The response of a run, complete or with a body that is still streamed.
pub(crate) enum FinishedResponse {
    Buffered(Served),
    Streaming(StreamedResponse),
}

impl FinishedResponse {
    pub(super) fn into_served(self) -> Served {
        match self {
            Self::Buffered(served) => served,
            Self::Streaming(streamed) => Served::Response(streamed.into_response()),
        }
    }
}

impl From<Served> for FinishedResponse {
    fn from(served: Served) -> Self {
        Self::Buffered(served)
    }
}
