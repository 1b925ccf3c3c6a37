//! Runs scenarios under shuttle.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use shuttle::{
    Config, Runner,
    rand::{Rng as _, thread_rng},
    scheduler::RandomScheduler,
};

use crate::sync::with_scheduled_locks;

/// Runs steps whose order is given, once.
pub(crate) fn once(steps: impl Fn() + Send + Sync + 'static) {
    with_scheduled_locks(|| shuttle::check_random(steps, 1));
}

/// Runs a scenario under random schedules. Shuttle fails if a task never ends.
pub(crate) fn under_random_schedules(scenario: impl Fn() + Send + Sync + 'static) {
    let variable = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let runs = variable("MODEL_RUNS").unwrap_or(1000);
    let first = variable("MODEL_SEED").unwrap_or(1);
    let scenario = Arc::new(scenario);
    for seed in first..first + runs {
        let scenario = Arc::clone(&scenario);
        let scheduler = RandomScheduler::new_from_seed(seed, 1);
        let run =
            || with_scheduled_locks(|| Runner::new(scheduler, Config::default()).run(move || scenario()));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            eprintln!("MODEL_SEED={seed} MODEL_RUNS=1 replays this schedule");
            resume_unwind(panic);
        }
    }
}

/// Returns `true` with a probability of one in `number`.
pub(crate) fn one_in(number: u32) -> bool {
    thread_rng().gen_range(0..number) == 0
}
