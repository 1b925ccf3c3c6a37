//! Runs scenarios under shuttle.

use std::{
    cell::Cell,
    env,
    panic::{AssertUnwindSafe, catch_unwind, resume_unwind},
    sync::Arc,
};

use shuttle::{
    Config, Runner,
    rand::{Rng as _, thread_rng},
    scheduler::RandomScheduler,
};

thread_local! {
    static IS_SCHEDULED: Cell<bool> = const { Cell::new(false) };
}

/// Returns whether this thread runs a scenario. All tasks of a scenario are on one thread.
pub(crate) fn is_scheduled() -> bool {
    IS_SCHEDULED.get()
}

fn run_scheduled<T>(run: impl FnOnce() -> T) -> T {
    IS_SCHEDULED.set(true);
    let result = run();
    IS_SCHEDULED.set(false);
    result
}

/// Runs steps whose order is given, once.
pub(crate) fn once(steps: impl Fn() + Send + Sync + 'static) {
    run_scheduled(|| shuttle::check_random(steps, 1));
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
        let run = || run_scheduled(|| Runner::new(scheduler, Config::default()).run(move || scenario()));
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
