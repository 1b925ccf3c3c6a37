//! Deadlines of the system clock.

use std::time::Duration;

/// The longest time that is waited for: 30 years.
const MAX: Duration = Duration::from_secs(30 * 365 * 24 * 60 * 60);

/// Returns a time that sums and products of a few such times cannot exceed. An application that wants no limit passes `Duration::MAX`.
pub(crate) fn bounded(time: Duration) -> Duration {
    time.min(MAX)
}

/// Returns the deadline after a time.
pub(crate) fn deadline_after(time: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + bounded(time)
}
