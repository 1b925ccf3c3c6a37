//! The identity of a handler in statistics and logs.

/// Identifies the handler of one [`Policy`](super::policy::Policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandlerId {
    /// A number that no other policy of the process has, from zero. `None` if the policy's options are invalid.
    pub(crate) index: Option<usize>,
    /// The name that statistics, metrics and logs show. Several handlers may have the same one.
    pub(crate) name: &'static str,
}
