//! What `key_inputs!` generates calls of.

use actix_web::HttpRequest;

use super::builder::KeyBuilder;

/// Adds to the key with a function, as one argument.
pub fn input_by(key: &mut KeyBuilder<'_>, function: impl FnOnce(&HttpRequest, &mut KeyBuilder<'_>)) {
    function(key.request(), key);
    key.end_input();
}
