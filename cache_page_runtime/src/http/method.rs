//! Properties of request methods.

use actix_web::http::Method;

/// Returns whether a method is safe (RFC 9110 9.2.1), so that its requests change nothing.
pub(crate) fn is_safe(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS | Method::TRACE)
        || matches!(method.as_str(), "QUERY" | "PROPFIND" | "REPORT" | "SEARCH")
}
