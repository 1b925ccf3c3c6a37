//! A process that is killed while it writes.

use std::{collections::HashMap, env, thread, time::Duration};

use actix_web::rt::System;

use crate::{
    child::{Child, ENTRIES, content},
    directory::Directory,
    support::{CAPACITY, bytes, open},
};

pub(crate) fn killed_process_leaves_no_wrong_page() {
    let kills = env::var("CACHE_PAGE_KILLS").map_or(20, |kills| kills.parse().unwrap());
    let directory = Directory::new();
    let (mut first_valid, mut found) = (HashMap::new(), 0);
    for kill in 0..kills {
        let child = Child::start(directory.path());
        thread::sleep(Duration::from_millis(kill * 37 % 250));
        first_valid.extend(child.kill());
        System::new().block_on(async {
            let store = open(directory.path(), CAPACITY).await;
            for index in 0..ENTRIES {
                let Some(bytes) = bytes(&store, &format!("page {index}")).await else { continue };
                found += 1;
                let line = String::from_utf8(bytes.clone()).unwrap();
                let (_, round) = line.lines().next().unwrap().split_once(' ').unwrap();
                let round = round.parse().unwrap();
                assert!(bytes == content(index, round), "a torn entry after kill {kill}");
                let first_valid = first_valid.get(&index).copied().unwrap_or(0);
                assert!(round >= first_valid, "a purged entry after kill {kill}");
            }
        });
    }
    assert!(found > kills as usize, "{found} entries were found after {kills} kills");
}

pub(crate) fn flushed_entries_survive_a_kill() {
    let directory = Directory::new();
    Child::start_flushing(directory.path()).kill();
    System::new().block_on(async {
        let store = open(directory.path(), CAPACITY).await;
        for index in 0..ENTRIES {
            assert_eq!(bytes(&store, &format!("page {index}")).await, Some(content(index, 1)));
        }
    });
}
