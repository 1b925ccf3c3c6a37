//! [`Held`]: for how long locks are held, in the processor time of the threads that hold them. What else the machine does changes it
//! little.

#![allow(clippy::unwrap_used)]

use std::{
    sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed},
    time::Duration,
};

use rustix::time::{ClockId, clock_gettime};

static IS_MEASURING: AtomicBool = AtomicBool::new(false);

/// The number of times that a lock was held, by the bits of the duration in microseconds.
static TIMES: [AtomicU64; 32] = [const { AtomicU64::new(0) }; 32];

/// The longest time in nanoseconds.
static LONGEST: AtomicU64 = AtomicU64::new(0);

/// A lock that is held until this is dropped.
pub(super) struct Held(Option<Duration>);

impl Held {
    pub(super) fn begin() -> Self {
        Self(IS_MEASURING.load(Relaxed).then(processor_time))
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let Some(begun) = self.0 else { return };
        let time = processor_time() - begun;
        LONGEST.fetch_max(u64::try_from(time.as_nanos()).unwrap(), Relaxed);
        let bits = u128::BITS - time.as_micros().leading_zeros();
        TIMES[bits as usize].fetch_add(1, Relaxed);
    }
}

fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap()
}

/// Prints for how long locks are held while `f` runs.
pub(super) fn measure(name: &str, f: impl FnOnce()) {
    LONGEST.store(0, Relaxed);
    TIMES.iter().for_each(|count| count.store(0, Relaxed));
    IS_MEASURING.store(true, Relaxed);
    f();
    IS_MEASURING.store(false, Relaxed);
    let counts: Vec<u64> = TIMES.iter().map(|count| count.load(Relaxed)).collect();
    let all: u64 = counts.iter().sum();
    let [above_63, above_255, above_1023] = [7, 9, 11].map(|bits| counts.iter().skip(bits).sum::<u64>());
    let longest = Duration::from_nanos(LONGEST.load(Relaxed));
    println!("{all:>10} {above_63:>8} {above_255:>8} {above_1023:>8} {longest:>10.1?}  {name}");
}
