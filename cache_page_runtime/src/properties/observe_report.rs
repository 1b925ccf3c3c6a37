//! What `Cache-Status` says.

use std::time::Duration;

use http::StatusCode;
use proptest::{option, prelude::*, sample::select};

use crate::{
    observe::report::Report,
    outcome::{ForwardReason, Outcome},
};

proptest! {
    #[test]
    fn every_report_is_one_member_of_a_list(
        outcome in select(Outcome::all().collect::<Vec<_>>()),
        forward in option::of(select(&[ForwardReason::Miss, ForwardReason::VaryMiss, ForwardReason::Stale, ForwardReason::Request][..])),
        ttl in option::of(prop_oneof![
            any::<Duration>(),
            Just(Duration::MAX),
        ]),
        over in any::<Duration>(),
        answered in option::of((200..600_u16).prop_map(|code| StatusCode::from_u16(code).unwrap())),
    ) {
        let stale_for = matches!(outcome, Outcome::Stale(_)).then_some(over);
        let text = Report { forward, ttl, answered, stale_for, ..Report::of(outcome) }.to_string();
        prop_assert!(text.starts_with("cache_page; "));
        prop_assert!(text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b',' || byte == b' '));
        let told = text.split("; ").find_map(|parameter| parameter.strip_prefix("ttl="));
        if stale_for.is_some() {
            // Rounded down: what is over for less than a second has nothing left.
            prop_assert_eq!(told.unwrap().parse::<i128>().unwrap(), -i128::from(over.as_secs()));
            return Ok(());
        }
        match ttl {
            // Rounded up, so that it is zero only for what is over.
            Some(ttl) => {
                let told = told.unwrap().parse::<u128>().unwrap();
                prop_assert!(told == u128::from(u64::MAX) || told * 1_000_000_000 >= ttl.as_nanos());
            }
            None => prop_assert_eq!(told, None),
        }
    }
}
