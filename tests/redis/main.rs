//! Several processes that share a Redis server, a cluster or a master with sentinels, and faults between them.
//!
//! The applications are processes that run this executable again, and the servers are real. Faults are injected by signals to
//! the server, or by a proxy in front of it. `cargo test --test redis --all-features` runs all tests, and `-- WORD` those whose
//! name contains the word. `CACHE_PAGE_REDIS_SECONDS` sets the duration of each fault (1 by default), and
//! `CACHE_PAGE_SERVER` the program to run instead of `redis-server`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod application;
mod bookkeeping;
#[cfg(feature = "redis-tls")]
mod certificates;
mod client;
#[cfg(feature = "redis-cluster")]
mod cluster;
mod coalescing;
mod conformance;
mod database;
mod directory;
mod eviction;
mod example;
mod faults;
mod load;
mod outages;
mod process;
mod proxy;
mod purges;
mod resp;
mod runner;
#[cfg(feature = "redis-sentinel")]
mod sentinel;
mod server;
mod sharing;
mod short_lived;
#[cfg(feature = "redis-cluster")]
mod slot_migration;
mod transports;
mod workers;

use runner::tests;

fn main() {
    if application::is_requested() {
        return application::run();
    }
    if short_lived::is_requested() {
        return short_lived::run();
    }
    if example::is_requested() {
        return example::run();
    }
    // These mostly wait, so they run in parallel.
    #[allow(unused_mut)]
    let mut parallel = tests![
        eviction::deleted_keys_restore_no_purged_page,
        eviction::evicted_rules_restore_no_purged_page,
        eviction::eviction_restores_no_purged_page,
        sharing::page_is_a_hit_in_another_process,
        sharing::remote_hit_has_the_stored_headers,
        sharing::age_of_a_remote_hit_grows,
        sharing::large_page_is_revalidated_and_not_sent_again,
        sharing::variants_are_shared_separately,
        sharing::other_key_prefix_shares_nothing,
        sharing::other_build_shares_purges_but_no_pages,
        sharing::other_build_with_the_same_prefix_shares_pages,
        sharing::url_selects_password_and_database,
        sharing::restricted_user_with_the_documented_commands_works,
        sharing::every_key_expires,
        sharing::corrupt_value_is_a_miss,
        sharing::page_stored_in_the_future_is_refreshed,
        transports::tcp_and_unix_sockets_share_pages,
        workers::connections_of_workers_are_used_and_replaced,
        workers::lookup_is_repeated_if_its_connection_ends,
        conformance::server_passes_the_conformance_suite,
        conformance::unknown_purges_reject_older_entries,
        coalescing::one_process_runs_the_handler_for_all,
        coalescing::uncacheable_response_is_not_waited_for,
        coalescing::killed_process_is_replaced_by_another,
        coalescing::without_coalescing_each_process_runs_the_handler,
        purges::purge_takes_effect_at_once_without_local_memory,
        purges::page_without_expiry_is_purged,
        purges::purge_reaches_local_memory_within_the_lag,
        purges::soft_purged_page_is_served_while_it_is_refreshed,
        purges::purged_page_is_never_served_without_local_memory,
        purges::purged_page_is_never_served_with_local_memory,
        purges::fill_in_flight_during_a_purge_is_not_stored,
        purges::stopped_process_does_not_serve_from_local_memory,
        purges::unrelated_purges_do_not_reject_a_page,
        purges::lookup_in_flight_is_not_shared_after_a_purge,
        purges::fill_in_flight_is_not_shared_while_disconnected,
        bookkeeping::overwritten_pages_and_leases_are_replaced,
        bookkeeping::overwritten_stamps_are_replaced,
        bookkeeping::overwritten_log_and_sequence_are_replaced,
        bookkeeping::process_starts_with_overwritten_keys,
        bookkeeping::record_of_the_run_is_kept,
        short_lived::purge_of_a_short_lived_process_is_delivered,
        short_lived::purge_with_a_wrong_prefix_or_url_is_an_error,
        example::example_shares_its_page_and_its_purge,
        outages::local_memory_is_served_without_a_server,
        outages::server_that_starts_late_is_used,
        outages::flushed_server_is_filled_again,
        outages::server_restored_from_a_snapshot_returns_no_purged_page,
        outages::purge_lost_by_a_restart_still_reaches_local_memory,
        outages::flushed_scripts_are_sent_again,
        outages::disconnected_replica_does_not_delay_requests,
        outages::full_server_does_not_delay_requests,
        outages::purge_while_disconnected_is_delivered_later,
    ];
    let sequential = tests![
        faults::pages_are_correct_after_the_server_was_killed,
        faults::pages_are_correct_while_the_server_is_stopped,
        faults::pages_are_correct_while_one_connection_stalls,
        faults::pages_are_correct_while_all_connections_stall,
        faults::pages_are_correct_while_one_connection_is_reset,
        faults::pages_are_correct_while_all_connections_are_reset,
        faults::pages_are_correct_while_one_connection_is_slow,
        faults::pages_are_correct_while_one_connection_is_corrupted,
        faults::pages_are_correct_while_all_connections_are_corrupted,
        faults::table,
    ];
    // The longest tests start first.
    #[cfg(feature = "redis-cluster")]
    parallel.splice(
        0..0,
        tests![
            cluster::cluster_passes_the_conformance_suite,
            cluster::cluster_shares_pages_and_purges,
            slot_migration::migrating_slot_restores_no_purged_page
        ],
    );
    #[cfg(feature = "redis-tls")]
    parallel.extend(tests![transports::tls_shares_pages_and_checks_certificates]);
    #[cfg(feature = "redis-sentinel")]
    parallel.splice(0..0, tests![sentinel::promoted_replica_is_used]);
    runner::run(&parallel, &sequential);
}
