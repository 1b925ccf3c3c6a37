//! Runs of a scenario under shuttle.

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

use crate::sync::modelled;

/// Where no other order is possible.
pub(crate) fn once(steps: impl Fn() + Send + Sync + 'static) {
    modelled(|| shuttle::check_random(steps, 1));
}

/// In many orders. Shuttle itself tells if somebody never comes to an end.
pub(crate) fn many(scenario: impl Fn() + Send + Sync + 'static) {
    let number = |name: &str| env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let runs = number("MODEL_RUNS").unwrap_or(1000);
    let first = number("MODEL_SEED").unwrap_or(1);
    let scenario = Arc::new(scenario);
    for seed in first..first + runs {
        let scenario = Arc::clone(&scenario);
        let scheduler = RandomScheduler::new_from_seed(seed, 1);
        let run = || modelled(|| Runner::new(scheduler, Config::default()).run(move || scenario()));
        if let Err(panic) = catch_unwind(AssertUnwindSafe(run)) {
            eprintln!("MODEL_SEED={seed} MODEL_RUNS=1 plays this again");
            resume_unwind(panic);
        }
    }
}

pub(crate) fn one_in(number: u32) -> bool {
    thread_rng().gen_range(0..number) == 0
}
