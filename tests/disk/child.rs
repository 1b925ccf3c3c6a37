//! A process that puts and purges entries until it is killed.

use std::{
    env,
    io::{BufRead as _, BufReader, Write as _, stdout},
    path::{Path, PathBuf},
    process::{Child as Process, Command, Stdio},
};

use actix_web::rt::System;
use cache_page::remote::RemoteStore as _;

use crate::support::{CAPACITY, open, purge_of, put};

const FOLDER: &str = "CACHE_PAGE_TEST_FOLDER";

/// Set for a process that flushes entries, instead of purging them.
const FLUSHES: &str = "CACHE_PAGE_TEST_FLUSHES";

/// The entries that the process puts over and over.
pub(crate) const ENTRIES: usize = 20;

pub(crate) fn is_requested() -> bool {
    env::var_os(FOLDER).is_some()
}

/// Puts each entry with a new content, and purges it now and then. The output is one line per confirmed purge: the name, and the
/// first content that may be found afterwards.
pub(crate) fn run() {
    let folder = PathBuf::from(env::var_os(FOLDER).unwrap());
    System::new().block_on(async {
        let store = open(&folder, CAPACITY).await;
        if env::var_os(FLUSHES).is_some() {
            for index in 0..ENTRIES {
                put(&store, &format!("page {index}"), content(index, 1)).await;
            }
            store.flush().await.unwrap();
            println!("0 1");
            stdout().flush().unwrap();
            std::future::pending::<()>().await;
        }
        let start = crate::support::sequence(&store).await;
        for round in start.. {
            for index in 0..ENTRIES {
                put(&store, &format!("page {index}"), content(index, round)).await;
            }
            let index = usize::try_from(round).unwrap() % ENTRIES;
            store.purge(purge_of(&format!("tag page {index}"), false)).await.unwrap();
            println!("{index} {}", round + 1);
            stdout().flush().unwrap();
        }
    });
}

/// A content that shows which one it is, and whether it is complete.
pub(crate) fn content(index: usize, round: u64) -> Vec<u8> {
    let line = format!("{index} {round}\n");
    line.repeat(1 + usize::try_from(round).unwrap() % 3000).into_bytes()
}

pub(crate) struct Child {
    process: Process,
    output: BufReader<std::process::ChildStdout>,
}

impl Child {
    /// Starts the process, and waits for its first purge.
    pub(crate) fn start(folder: &Path) -> Self {
        Self::spawn(Command::new(env::current_exe().unwrap()).env(FOLDER, folder))
    }

    /// Starts a process that puts each entry once, and waits until it has flushed them.
    pub(crate) fn start_flushing(folder: &Path) -> Self {
        Self::spawn(Command::new(env::current_exe().unwrap()).env(FOLDER, folder).env(FLUSHES, "1"))
    }

    fn spawn(command: &mut Command) -> Self {
        let mut process = command.stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        let mut child = Self { process, output };
        child.next_purge().expect("the process has ended");
        child
    }

    fn next_purge(&mut self) -> Option<(usize, u64)> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        let (index, round) = line.strip_suffix('\n')?.split_once(' ')?;
        Some((index.parse().unwrap(), round.parse().unwrap()))
    }

    /// Kills the process, and returns the purges that it had confirmed.
    pub(crate) fn kill(mut self) -> Vec<(usize, u64)> {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
        std::iter::from_fn(|| self.next_purge()).collect()
    }
}
