//! Several processes that share one cache: real servers, real sockets, and what goes wrong between them.
//!
//! Applications are processes of their own, which are this program once more; so are the servers. What goes wrong is done to the
//! server itself or by a proxy before it. `cargo test --test redis --all-features` runs all of it, and a word behind `--`
//! those whose name has that word in it. `CACHE_PAGE_REDIS_SECONDS` is how long each fault lasts (1), and `CACHE_PAGE_SERVER` what to run instead
//! of `redis-server`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod application;
mod basics;
mod client;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod contract;
mod database;
mod directory;
mod eviction;
mod faults;
mod fills;
mod load;
mod process;
mod proxy;
mod purges;
mod reach;
mod resp;
mod runner;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod server;
#[cfg(feature = "redis-cluster")]
mod slots;
mod ways;

use runner::tests;

fn main() {
    if application::is_asked_for() {
        return application::run();
    }
    // Most of what these do is to wait.
    #[allow(unused_mut)]
    let mut side_by_side = tests![
        eviction::no_purged_page_is_sent_whatever_goes_missing,
        eviction::prefixes_that_were_forgotten_do_not_bring_pages_back,
        eviction::no_purged_page_is_sent_by_a_server_that_evicts,
        basics::a_page_of_one_process_is_a_hit_in_another,
        basics::all_headers_are_those_that_were_sent_first,
        basics::a_big_page_is_shared,
        basics::variants_are_shared_each_on_its_own,
        basics::another_prefix_sees_nothing,
        basics::another_build_shares_no_pages_and_hears_of_purges,
        basics::another_build_with_the_same_prefix_shares_pages,
        basics::a_password_and_a_database_are_in_the_url,
        basics::a_user_who_may_do_only_what_is_needed_will_do,
        basics::every_key_has_a_time_and_goes,
        basics::garbage_under_the_key_of_a_page_is_a_miss,
        basics::a_page_from_later_than_now_is_made_anew,
        ways::a_port_and_a_socket_lead_to_one_cache,
        contract::a_server_does_what_a_store_must,
        contract::more_purges_than_are_remembered_keep_what_is_older_out,
        fills::one_process_makes_a_page_for_all,
        fills::what_is_not_to_be_shared_is_not_waited_for,
        fills::a_process_that_is_killed_leaves_nobody_waiting,
        fills::without_one_fill_for_all_each_process_makes_its_own,
        purges::each_verb_holds_in_other_processes_at_once_without_memory,
        purges::pages_without_an_end_are_purged_too,
        purges::each_verb_is_heard_of_by_other_processes_with_memory,
        purges::expired_pages_stand_in_while_they_are_made_anew,
        purges::a_purged_page_never_comes_back_without_memory,
        purges::a_purged_page_never_comes_back_with_memory,
        purges::what_was_being_made_is_not_kept,
        purges::a_process_that_was_stopped_does_not_trust_its_memory,
        purges::what_is_purged_elsewhere_keeps_no_page_from_being_shared,
        purges::who_comes_after_a_purge_is_not_given_what_was_asked_for_before_it,
        purges::who_comes_after_a_purge_is_not_given_what_was_begun_before_it_out_of_reach,
        reach::without_a_server_pages_are_served_from_memory,
        reach::a_server_that_comes_late_is_found,
        reach::a_server_that_was_emptied_is_filled_again,
        reach::a_server_that_comes_back_with_what_it_had_long_ago_brings_no_page_back,
        reach::what_a_server_forgot_before_others_heard_of_it_is_not_sent_from_memory,
        reach::scripts_that_were_flushed_are_sent_again,
        reach::a_replica_without_its_master_keeps_nobody_waiting,
        reach::a_full_server_that_evicts_nothing_keeps_nobody_waiting,
        reach::what_was_purged_out_of_reach_is_purged_when_it_is_back,
    ];
    let alone = tests![
        faults::server_killed_and_back_empty,
        faults::server_stopped,
        faults::stalled_for_one_process,
        faults::stalled_for_both,
        faults::reset_for_one_process,
        faults::reset_for_both,
        faults::slow_for_one_process,
        faults::corrupted_for_one_process,
        faults::corrupted_for_both,
        faults::table,
    ];
    // These take longest, so they come first.
    #[cfg(feature = "redis-cluster")]
    side_by_side.splice(
        0..0,
        tests![
            cluster::a_cluster_does_what_a_store_must,
            cluster::a_cluster_is_one_cache,
            slots::a_slot_that_moves_brings_no_purged_page_back
        ],
    );
    #[cfg(feature = "redis-tls")]
    side_by_side.extend(tests![ways::a_port_with_tls_leads_to_the_same_cache]);
    #[cfg(feature = "redis-sentinel")]
    side_by_side.splice(0..0, tests![sentinel::a_replica_takes_the_place_of_its_master]);
    runner::run(&side_by_side, &alone);
}
