//! Why a command failed, and the exit code that tells.

use std::fmt;

/// The kinds of failures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum FailureKind {
    /// Anything else, such as a damaged file.
    Other,
    /// The arguments are wrong.
    Usage,
    /// There was no answer, or no confirmation, in time.
    Unreachable,
    /// The target has nothing of this name: no cache, no page, no inspector.
    NothingThere,
    /// The target does not allow it.
    Refused,
    /// This program, or this target, cannot do it.
    Unsupported,
}

/// Why a command failed, and what to do about it.
#[derive(Debug)]
pub(crate) struct Failure {
    pub(crate) kind: FailureKind,
    pub(crate) message: String,
    pub(crate) hint: Option<String>,
}

impl FailureKind {
    pub(crate) fn exit_code(self) -> u8 {
        match self {
            Self::Other => 1,
            Self::Usage => 2,
            Self::Unreachable => 3,
            Self::NothingThere => 4,
            Self::Refused => 5,
            Self::Unsupported => 6,
        }
    }

    /// Returns the word for it in the JSON output.
    pub(crate) fn code(self) -> &'static str {
        match self {
            Self::Other => "failed",
            Self::Usage => "usage",
            Self::Unreachable => "unreachable",
            Self::NothingThere => "nothing-there",
            Self::Refused => "refused",
            Self::Unsupported => "unsupported",
        }
    }
}

impl Failure {
    fn new(kind: FailureKind, message: impl fmt::Display) -> Self {
        Self { kind, message: message.to_string(), hint: None }
    }

    pub(crate) fn other(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Other, message)
    }

    pub(crate) fn usage(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Usage, message)
    }

    /// The failure for a purge with an invalid argument. The message names the methods of `PageCache`.
    pub(crate) fn invalid_purge(message: impl fmt::Display) -> Self {
        let failure = Self::usage(message);
        if failure.message.contains("`purge_all`") {
            failure.hint("Here, that is: cache-page purge all, or cache-page purge --soft all")
        } else if failure.message.contains("`purge_url`") {
            failure.hint("Here, that is: cache-page purge url URL")
        } else {
            failure
        }
    }

    pub(crate) fn unreachable(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Unreachable, message)
    }

    pub(crate) fn nothing_there(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::NothingThere, message)
    }

    pub(crate) fn refused(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Refused, message)
    }

    pub(crate) fn unsupported(message: impl fmt::Display) -> Self {
        Self::new(FailureKind::Unsupported, message)
    }

    /// Adds what to do about it.
    pub(crate) fn hint(mut self, hint: impl fmt::Display) -> Self {
        self.hint = Some(hint.to_string());
        self
    }
}
