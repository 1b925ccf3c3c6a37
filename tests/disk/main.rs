//! A cache on disk, and what happens to it: kills, damaged and full files, deploys.
//!
//! Processes that are killed run this executable again. `cargo test --test disk --features disk` runs all tests, and `-- WORD` those
//! whose name contains the word. `CACHE_PAGE_KILLS` sets how often a process is killed (20 by default).

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod child;
mod damage;
mod deploys;
#[path = "../redis/directory.rs"]
mod directory;
mod full;
mod kills;
mod restart;
#[path = "../redis/runner.rs"]
mod runner;
mod store;
mod support;

use runner::tests;

fn main() {
    if child::is_requested() {
        return child::run();
    }
    if full::is_requested() {
        return full::run();
    }
    let parallel = tests![
        store::disk_passes_the_conformance_suite,
        store::entry_survives_a_restart,
        store::purge_survives_a_restart,
        store::soft_purge_survives_a_restart,
        store::capacity_is_kept_by_evicting_the_oldest,
        store::entry_that_was_looked_up_is_evicted_later,
        store::forgotten_purges_restore_no_entry,
        store::folder_is_for_the_current_user_only,
        store::second_process_works_without_the_disk,
        deploys::same_version_uses_the_pages_of_the_last_build,
        deploys::versions_have_their_own_pages,
        deploys::purge_reaches_the_pages_of_all_versions,
        damage::truncated_file_loses_pages_and_heals,
        damage::flipped_bytes_restore_no_purged_page,
        damage::missing_purge_number_empties_the_folder,
        damage::older_file_restores_no_purged_page,
        damage::folder_that_cannot_be_created_is_a_miss,
        kills::flushed_entries_survive_a_kill,
        full::requests_are_answered_when_the_disk_is_full,
        restart::example_serves_the_pages_of_the_last_process,
    ];
    let sequential = tests![
        kills::killed_process_leaves_no_wrong_page,
        full::purged_pages_do_not_come_back_from_a_full_disk,
    ];
    runner::run(&parallel, &sequential);
}
