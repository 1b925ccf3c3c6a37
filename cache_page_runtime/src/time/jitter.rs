//! Randomness that spreads expirations and refreshes over time.

use std::{
    hash::{BuildHasher as _, RandomState},
    time::Duration,
};

/// Shortens a duration by a random fraction of it, at most by `max_fraction`. The result is at least one nanosecond.
pub(crate) fn shorten_randomly(duration: Duration, max_fraction: f64) -> Duration {
    if max_fraction <= 0.0 {
        return duration;
    }
    let seconds = duration.as_secs_f64() * (1.0 - max_fraction * uniform_random());
    // The nearest `f64` to a very long duration may be longer than it, and longer than any duration.
    let shortened = Duration::try_from_secs_f64(seconds).unwrap_or(duration).min(duration);
    shortened.max(Duration::from_nanos(1))
}

/// Returns a random number in `(0, 1]`.
pub(crate) fn uniform_random() -> f64 {
    // The standard library seeds every `RandomState` differently, from random numbers of the system.
    let random = RandomState::new().hash_one(());
    // 53 bits fit into the fraction of an `f64`.
    #[allow(clippy::cast_precision_loss)]
    let fraction = ((random >> 11) + 1) as f64 / (1_u64 << 53) as f64;
    fraction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_shortened_at_most_by_the_fraction() {
        let minute = Duration::from_secs(60);
        assert_eq!(shorten_randomly(minute, 0.0), minute);
        for max_fraction in [0.1, 0.5, 1.0] {
            for _ in 0..100 {
                let shortened = shorten_randomly(minute, max_fraction);
                let min = minute.mul_f64(1.0 - max_fraction).max(Duration::from_nanos(1));
                assert!((min..minute).contains(&shortened), "{max_fraction} {shortened:?}");
            }
        }
    }

    #[test]
    fn longest_duration_is_shortened_by_any_fraction() {
        for max_fraction in [f64::MIN_POSITIVE, 1e-17, 0.5, 1.0] {
            for duration in [Duration::MAX, Duration::from_secs(u64::MAX), Duration::from_nanos(1)] {
                let shortened = shorten_randomly(duration, max_fraction);
                assert!(
                    (Duration::from_nanos(1)..=duration).contains(&shortened),
                    "{max_fraction} {duration:?}"
                );
            }
        }
    }
}
