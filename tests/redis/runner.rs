//! The test runner: some tests run in parallel, and those that measure run in sequence.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    process::exit,
    sync::Mutex,
    thread,
    time::Instant,
};

pub(crate) type Test = (&'static str, fn());

/// The number of tests that run in parallel.
const PARALLEL_TESTS: usize = 3;

macro_rules! list {
    ($($module:ident::$test:ident),+ $(,)?) => {
        vec![$((concat!(stringify!($module), "::", stringify!($test)), crate::$module::$test as fn())),+]
    };
}

pub(crate) use list as tests;

/// Runs all tests, and exits with a failure if one has failed.
pub(crate) fn run(parallel: &[Test], sequential: &[Test]) {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let matches = |test: &&Test| words.is_empty() || words.iter().any(|word| test.0.contains(word.as_str()));
    let (start, failed) = (Instant::now(), Mutex::new(Vec::new()));
    let next = Mutex::new(parallel.iter().filter(matches));
    thread::scope(|scope| {
        for _ in 0..PARALLEL_TESTS {
            scope.spawn(|| {
                loop {
                    let Some(test) = next.lock().unwrap().next() else { return };
                    run_test(test, &failed);
                }
            });
        }
    });
    sequential.iter().filter(matches).for_each(|test| run_test(test, &failed));
    let number = parallel.iter().chain(sequential).filter(matches).count();
    let failed = failed.into_inner().unwrap();
    println!("{} passed, {} failed, {:.0?}", number - failed.len(), failed.len(), start.elapsed());
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
        exit(1);
    }
}

fn run_test(&(name, test): &Test, failed: &Mutex<Vec<&'static str>>) {
    let start = Instant::now();
    // A panic prints the name of its thread.
    let thread = thread::Builder::new().name(name.to_owned());
    let run = thread.spawn(move || catch_unwind(AssertUnwindSafe(test))).unwrap();
    let is_ok = matches!(run.join(), Ok(Ok(())));
    println!("test {name} ... {} ({:.0?})", if is_ok { "ok" } else { "FAILED" }, start.elapsed());
    if !is_ok {
        failed.lock().unwrap().push(name);
    }
}
