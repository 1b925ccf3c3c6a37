//! The identity of a handler in statistics and logs.

/// Identifies the handler of one [`Policy`](super::Policy).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct HandlerId {
    /// The position of the policy among all policies of the process, from zero.
    pub(crate) index: usize,
    /// The name in statistics, metrics and logs. Several handlers may have the same name.
    pub(crate) name: &'static str,
}
