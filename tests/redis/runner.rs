//! Runs tests by their names: some side by side, and those that measure one after the other.

use std::{
    env,
    panic::{AssertUnwindSafe, catch_unwind},
    process::exit,
    sync::Mutex,
    thread,
    time::Instant,
};

pub(crate) type Test = (&'static str, fn());

/// So many at a time.
const BESIDE: usize = 3;

macro_rules! list {
    ($($module:ident::$test:ident),+ $(,)?) => {
        vec![$((concat!(stringify!($module), "::", stringify!($test)), crate::$module::$test as fn())),+]
    };
}

pub(crate) use list as tests;

/// Ends the program with a failure if one of them failed; those that come behind it are run all the same.
pub(crate) fn run(side_by_side: &[Test], alone: &[Test]) {
    let words: Vec<String> = env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let is_meant = |test: &&Test| words.is_empty() || words.iter().any(|word| test.0.contains(word.as_str()));
    let (start, failed) = (Instant::now(), Mutex::new(Vec::new()));
    let next = Mutex::new(side_by_side.iter().filter(is_meant));
    thread::scope(|scope| {
        for _ in 0..BESIDE {
            scope.spawn(|| {
                loop {
                    let Some(test) = next.lock().unwrap().next() else { return };
                    one(test, &failed);
                }
            });
        }
    });
    alone.iter().filter(is_meant).for_each(|test| one(test, &failed));
    let number = side_by_side.iter().chain(alone).filter(is_meant).count();
    let failed = failed.into_inner().unwrap();
    println!("{} passed, {} failed, {:.0?}", number - failed.len(), failed.len(), start.elapsed());
    if !failed.is_empty() {
        println!("failed: {}", failed.join(", "));
        exit(1);
    }
}

fn one(&(name, test): &Test, failed: &Mutex<Vec<&'static str>>) {
    let start = Instant::now();
    // In a thread that is called like it: a panic tells the name.
    let thread = thread::Builder::new().name(name.to_owned());
    let run = thread.spawn(move || catch_unwind(AssertUnwindSafe(test))).unwrap();
    let is_ok = matches!(run.join(), Ok(Ok(())));
    println!("test {name} ... {} ({:.0?})", if is_ok { "ok" } else { "FAILED" }, start.elapsed());
    if !is_ok {
        failed.lock().unwrap().push(name);
    }
}
