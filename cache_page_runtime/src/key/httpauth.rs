//! `actix-web-httpauth`: its extractors read the `Authorization` header.

use actix_web::{HttpRequest, http::header::AUTHORIZATION};
use actix_web_httpauth::extractors::{basic::BasicAuth, bearer::BearerAuth};

use super::{builder::KeyBuilder, input::KeyInput};

/// Adds the credentials: one page per user, which only that user's browser may store.
#[diagnostic::do_not_recommend]
impl KeyInput for BearerAuth {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        push_authorization(key);
    }
}

/// Adds the credentials: one page per user, which only that user's browser may store.
#[diagnostic::do_not_recommend]
impl KeyInput for BasicAuth {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        push_authorization(key);
    }
}

fn push_authorization(key: &mut KeyBuilder<'_>) {
    key.push_header(AUTHORIZATION);
    key.parts.set_private();
}
