//! `actix-session`: a session is one visitor's.

use actix_session::Session;

use super::{anonymous::AnonymousValue, builder::KeyBuilder, input::KeyInput};

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "the cache key does not contain what `{Self}` has for this visitor",
    label = "visitors with different sessions would share a page",
    note = "`#[anonymous] session: Session` stores and serves pages only for visitors whose session is empty",
    note = "`#[key(by = |session| session.get::<String>(\"user\").ok().flatten())] session: Session` stores one page per value of an entry",
    note = "`#[unkeyed] session: Session` asserts that the response does not depend on the session"
)]
pub trait SameForAllSessions {}

impl KeyInput for Session where for<'a> Self: SameForAllSessions {}

/// Stores and serves pages for visitors whose session is empty.
#[diagnostic::do_not_recommend]
impl AnonymousValue for Session {
    fn add_to(&self, key: &mut KeyBuilder<'_>) {
        key.anonymous_if(self.entries().is_empty());
    }
}
