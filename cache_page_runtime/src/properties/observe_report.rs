//! The format of the `Cache-Status` header.

use std::time::Duration;

use http::StatusCode;
use proptest::{option, prelude::*, sample::select};

use crate::{
    observe::Report,
    outcome::{ForwardReason, Outcome},
};

/// The largest integer of a structured field (RFC 9651 3.3.1).
const MAX_INTEGER: i128 = 999_999_999_999_999;

const FORWARD_REASONS: [ForwardReason; 4] =
    [ForwardReason::Miss, ForwardReason::VaryMiss, ForwardReason::Stale, ForwardReason::Request];

proptest! {
    #[test]
    fn report_is_one_list_member(
        outcome in select(Outcome::all().collect::<Vec<_>>()),
        forward_reason in option::of(select(&FORWARD_REASONS[..])),
        ttl in option::of(prop_oneof![
            any::<Duration>(),
            Just(Duration::MAX),
        ]),
        time_since_expiry in any::<Duration>(),
        upstream_status in option::of((200..600_u16).prop_map(|code| StatusCode::from_u16(code).unwrap())),
    ) {
        let staleness = matches!(outcome, Outcome::Stale(_)).then_some(time_since_expiry);
        let report = Report { forward_reason, ttl, upstream_status, staleness, ..Report::of(outcome) };
        let text = report.to_string();
        prop_assert!(text.starts_with("cache_page; "));
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' || byte == b' '));
        let written_ttl = text.split("; ").find_map(|parameter| parameter.strip_prefix("ttl="));
        if staleness.is_some() {
            // Staleness is rounded down: a page that expired less than a second ago has a TTL of zero.
            let expected = -i128::from(time_since_expiry.as_secs()).min(MAX_INTEGER);
            prop_assert_eq!(written_ttl.unwrap().parse::<i128>().unwrap(), expected);
            return Ok(());
        }
        match ttl {
            // A TTL is rounded up, so that only an expired page has a TTL of zero.
            Some(ttl) => {
                let written = written_ttl.unwrap().parse::<i128>().unwrap();
                prop_assert!(written <= MAX_INTEGER);
                prop_assert!(written == MAX_INTEGER || written * 1_000_000_000 >= ttl.as_nanos() as i128);
            }
            None => prop_assert_eq!(written_ttl, None),
        }
    }
}
