//! One run of a handler.

pub(crate) mod background;
pub(crate) mod commit;
pub(crate) mod fallback;
pub(crate) mod fill;
pub(crate) mod publish;
pub(crate) mod remote_fetch;
pub(crate) mod request_handle;
pub(crate) mod response_headers;
pub(crate) mod revalidation;
pub(crate) mod tee_body;
