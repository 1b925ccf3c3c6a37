//! `actix-identity`: an identity is one visitor's.

use actix_identity::Identity;

use super::input::KeyInput;

/// Implemented by nothing.
#[diagnostic::on_unimplemented(
    message = "the cache key does not contain the user of `{Self}`",
    label = "users would share a page",
    note = "`#[anonymous] user: Option<Identity>` stores and serves pages only for visitors who are not logged in",
    note = "`#[key(by = |user| user.id().ok())] user: Identity` stores one page per user",
    note = "`#[unkeyed] user: Identity` asserts that the response is the same for every user"
)]
pub trait SameForAllUsers {}

impl KeyInput for Identity where for<'a> Self: SameForAllUsers {}
