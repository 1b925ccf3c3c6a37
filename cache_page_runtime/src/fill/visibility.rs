//! Whom responses are for.

/// Which visitors the responses of a handler are for, as far as downstream caches have to know.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Visibility {
    /// They depend on a value that no request header shows, such as that of a `#[key]` argument.
    pub(crate) is_private: bool,
    /// Some visitors get the page, and others a response of their own: those who are logged in, or whom `bypass_if` names.
    pub(crate) varies_by_login: bool,
}
