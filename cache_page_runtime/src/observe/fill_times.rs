//! [`FillTimes`]: how long the runs of a handler took, in buckets of a fixed number.

use std::{
    sync::atomic::{AtomicU32, Ordering},
    time::Duration,
};

/// Buckets between a time and its double. A bucket is at most a quarter of its lower end wide, so that its middle is wrong by at most an eighth.
const PER_DOUBLING: u64 = 4;

/// The binary logarithm of the microseconds below which all times share a bucket.
const MIN_LOG: u32 = 4;

/// The binary logarithm of the microseconds above which all times share a bucket: about two minutes.
const MAX_LOG: u32 = 27;

/// The buckets, with one for shorter times and one for longer ones.
const BUCKETS: usize = (MAX_LOG - MIN_LOG) as usize * PER_DOUBLING as usize + 2;

/// Counts of one thread.
pub(super) struct ThreadFillTimes([AtomicU32; BUCKETS]);

/// Sums of such counts.
#[derive(Clone)]
pub(super) struct FillTimes([u64; BUCKETS]);

impl ThreadFillTimes {
    pub(super) fn new() -> Self {
        Self([const { AtomicU32::new(0) }; BUCKETS])
    }

    /// Counts a run. Only the owning thread calls it.
    pub(super) fn add(&self, time: Duration) {
        let count = &self.0[bucket_of(time)];
        count.store(count.load(Ordering::Relaxed).saturating_add(1), Ordering::Relaxed);
    }
}

impl FillTimes {
    pub(super) const EMPTY: Self = Self([0; BUCKETS]);

    pub(super) fn add(&mut self, counts: &ThreadFillTimes) {
        for (sum, count) in self.0.iter_mut().zip(&counts.0) {
            *sum += u64::from(count.load(Ordering::Relaxed));
        }
    }

    /// Returns the time that this share of the runs did not exceed, or `None` without runs.
    #[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, clippy::cast_sign_loss)]
    pub(super) fn quantile(&self, share: f64) -> Option<Duration> {
        let runs: u64 = self.0.iter().sum();
        let rank = ((share.clamp(0.0, 1.0) * runs as f64).ceil() as u64).max(1);
        let mut seen = 0;
        let reaches = |count: &u64| {
            seen += count;
            seen >= rank
        };
        Some(middle_of(self.0.iter().position(reaches)?))
    }
}

fn bucket_of(time: Duration) -> usize {
    let micros = u64::try_from(time.as_micros()).unwrap_or(u64::MAX);
    let Some(log) = micros.checked_ilog2().filter(|log| *log >= MIN_LOG) else { return 0 };
    if log >= MAX_LOG {
        return BUCKETS - 1;
    }
    let quarter = (micros >> (log - 2)) - PER_DOUBLING;
    usize::try_from(u64::from(log - MIN_LOG) * PER_DOUBLING + quarter + 1).unwrap_or(BUCKETS - 1)
}

fn middle_of(bucket: usize) -> Duration {
    let Some(position) = bucket.checked_sub(1) else { return Duration::from_micros(1 << (MIN_LOG - 1)) };
    let (doublings, quarter) = (position as u64 / PER_DOUBLING, position as u64 % PER_DOUBLING);
    let width = 1_u64 << (doublings + u64::from(MIN_LOG) - 2);
    Duration::from_micros((PER_DOUBLING + quarter) * width + width / 2)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn middle_of_a_bucket_is_wrong_by_an_eighth_at_most(micros in 16_u64..(1 << 27)) {
            let middle = u64::try_from(middle_of(bucket_of(Duration::from_micros(micros))).as_micros()).unwrap();
            prop_assert!(middle.abs_diff(micros) * 8 <= micros, "{micros} µs: {middle} µs");
        }
    }

    #[test]
    fn every_time_has_a_bucket() {
        for micros in [0, 1, 15, 16, (1 << 27) - 1, 1 << 27, u64::MAX] {
            assert!(bucket_of(Duration::from_micros(micros)) < BUCKETS, "{micros}");
        }
        assert_eq!(bucket_of(Duration::MAX), BUCKETS - 1);
    }

    #[test]
    fn quantile_is_the_bucket_that_its_rank_is_in() {
        let (thread, mut times) = (ThreadFillTimes::new(), FillTimes::EMPTY);
        assert_eq!(times.quantile(0.5), None);
        for millis in [1; 98].into_iter().chain([1000, 1000]) {
            thread.add(Duration::from_millis(millis));
        }
        times.add(&thread);
        let millis = |share| times.quantile(share).unwrap().as_millis();
        assert!([0.0, 0.5, 0.98].map(millis).iter().all(|time| *time <= 1));
        assert!([0.99, 1.0, 7.0].map(millis).iter().all(|time| (875..=1125).contains(time)));
    }
}
