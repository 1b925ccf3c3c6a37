//! Coalescing: one process runs the handler for all.

use std::{
    collections::BTreeSet,
    thread,
    time::{Duration, Instant},
};

use crate::{
    application::Settings,
    client::Answer,
    database::Database,
    process::{Process, remote_only, settings, wait_until},
    server::Server,
    sharing::assert_all_keys_expire,
};

/// Sends five concurrent requests to each process.
fn crowd(processes: &[Process], path: &str) -> Vec<Answer> {
    thread::scope(|scope| {
        let clients = processes.iter().flat_map(|process| (0..5).map(move |_| process));
        let requests: Vec<_> = clients.map(|process| scope.spawn(|| process.get(path))).collect();
        requests.into_iter().map(|requests| requests.join().unwrap()).collect()
    })
}

pub(crate) fn one_process_runs_the_handler_for_all() {
    let (server, database) = (Server::start(), Database::new());
    for (number, settings) in
        [settings(&server, &database), remote_only(&server, &database)].into_iter().enumerate()
    {
        let settings = Settings { key_prefix: format!("test-{number}"), ..settings };
        let processes: Vec<Process> = (0..4).map(|_| Process::start(&settings)).collect();
        let path = format!("/slow/{number}");
        let answers = crowd(&processes, &path);
        assert!(answers.iter().all(|answer| answer.body == answers[0].body && answer.status == 200));
        assert_eq!(database.runs("slow", number as u64), 1);
        // The log has a TTL, too.
        assert_all_keys_expire(&mut server.client());
    }
}

pub(crate) fn uncacheable_response_is_not_waited_for() {
    let (server, database) = (Server::start(), Database::new());
    // Fifteen runs in sequence would take more than 20 seconds.
    let settings = Settings { handler_time: Duration::from_millis(1500), ..settings(&server, &database) };
    let processes: Vec<Process> = (0..3).map(|_| Process::start(&settings)).collect();
    for _ in 0..2 {
        let before = database.runs("private", 1);
        let start = Instant::now();
        let answers = crowd(&processes, "/private/1");
        let generators: BTreeSet<u32> = answers.iter().map(|answer| answer.content().process_id).collect();
        assert_eq!((answers.len() as u64, generators.len()), (database.runs("private", 1) - before, 3));
        // There are at most two in sequence, and some time for a slow machine.
        assert!(start.elapsed() < 10 * settings.handler_time, "{:?}", start.elapsed());
    }
}

pub(crate) fn killed_process_is_replaced_by_another() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { handler_time: Duration::from_millis(700), ..settings(&server, &database) };
    let mut first = Process::start(&settings);
    let others = [Process::start(&settings), Process::start(&settings)];
    let mut requests = first.client();
    let gone = thread::spawn(move || requests.send("GET", "/slow/1", "", "").is_err());
    wait_until("the handler runs", || database.runs("slow", 1) == 1);
    first.kill();
    let waiting = crowd(&others, "/slow/1");
    assert!(gone.join().unwrap());
    assert!(waiting.iter().all(|answer| answer.status == 200));
    // The lease has expired. After the coalesce timeout, both processes would run the handler.
    let generators: BTreeSet<u32> = waiting.iter().map(|answer| answer.content().process_id).collect();
    assert_eq!((generators.len(), database.runs("slow", 1)), (1, 2), "runs of the handler");
}

pub(crate) fn without_coalescing_each_process_runs_the_handler() {
    let (server, database) = (Server::start(), Database::new());
    let settings = Settings { coalesce_across_processes: false, ..settings(&server, &database) };
    let processes: Vec<Process> = (0..3).map(|_| Process::start(&settings)).collect();
    let answers = crowd(&processes, "/slow/1");
    assert!(answers.iter().all(|answer| answer.status == 200));
    assert_eq!(database.runs("slow", 1), 3);
    assert!(server.client().keys_of("c").is_empty());
}
