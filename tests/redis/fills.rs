//! One process makes a page for all others.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use crate::{
    application::Settings,
    basics::assert_all_keys_have_a_time,
    client::Answer,
    database::Database,
    process::{Process, settings, until, without_memory},
    server::Server,
};

/// All of them ask at once, some times each.
fn crowd(processes: &[Process], path: &str) -> Vec<Answer> {
    thread::scope(|scope| {
        let clients = processes.iter().flat_map(|process| (0..5).map(move |_| process));
        let asking: Vec<_> = clients.map(|process| scope.spawn(|| process.get(path))).collect();
        asking.into_iter().map(|asking| asking.join().unwrap()).collect()
    })
}

pub(crate) fn one_process_makes_a_page_for_all() {
    let (server, database) = (Server::start(), Database::new());
    // On a busy machine, an answer that comes too late has another process make the page too.
    let patient = |settings| Settings { deadline: Duration::from_secs(2), ..settings };
    for (number, settings) in
        [settings(&server, &database), without_memory(&server, &database)].into_iter().enumerate()
    {
        let settings = Settings { key_prefix: format!("test-{number}"), ..patient(settings) };
        let processes: Vec<Process> = (0..4).map(|_| Process::start(&settings)).collect();
        let path = format!("/slow/{number}");
        let answers = crowd(&processes, &path);
        assert!(answers.iter().all(|answer| answer.body == answers[0].body && answer.status == 200));
        assert_eq!(database.runs("slow", number as u64), 1);
        // Also what those were told who waited.
        assert_all_keys_have_a_time(&mut server.client());
    }
}

pub(crate) fn what_is_not_to_be_shared_is_not_waited_for() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { deadline: Duration::from_secs(2), ..settings(&server, &database) };
    let processes: Vec<Process> = (0..3).map(|_| Process::start(&settings)).collect();
    for _ in 0..2 {
        let before = database.runs("private", 1);
        let start = Instant::now();
        let answers = crowd(&processes, "/private/1");
        let makers: BTreeSet<u32> = answers.iter().map(|answer| answer.shown().by).collect();
        assert_eq!((answers.len() as u64, makers.len()), (database.runs("private", 1) - before, 3));
        // Two pages one after the other at most, and not one for each request.
        assert!(start.elapsed() < 4 * settings.slow, "{:?}", start.elapsed());
    }
}

pub(crate) fn a_process_that_is_killed_leaves_nobody_waiting() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { slow: Duration::from_millis(700), ..settings(&server, &database) };
    let mut first = Process::start(&settings);
    let others = [Process::start(&settings), Process::start(&settings)];
    let mut asking = first.client();
    let gone = thread::spawn(move || asking.ask("GET", "/slow/1", "", "").is_err());
    until("it makes the page", || database.runs("slow", 1) == 1);
    first.kill();
    let start = Instant::now();
    let waiting = crowd(&others, "/slow/1");
    assert!(gone.join().unwrap());
    assert!(waiting.iter().all(|answer| answer.status == 200));
    // Its turn is over long before anybody loses patience.
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
    let makers: BTreeSet<u32> = waiting.iter().map(|answer| answer.shown().by).collect();
    assert_eq!((makers.len(), database.runs("slow", 1)), (1, 2), "one of the others made it for both");
}

pub(crate) fn without_one_fill_for_all_each_process_makes_its_own() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { one_fill: false, ..settings(&server, &database) };
    let processes: Vec<Process> = (0..3).map(|_| Process::start(&settings)).collect();
    let answers = crowd(&processes, "/slow/1");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(database.runs("slow", 1), 3);
    assert!(server.client().keys_of("c").is_empty());
}
