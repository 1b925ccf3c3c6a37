//! Byte ranges.

use proptest::{option, prelude::*};

use crate::{
    http::{Selection, range},
    properties::{cased, soup},
};

/// Returns what RFC 9110 14.1.2 specifies, in numbers that do not overflow.
fn expected(first: Option<u128>, last: Option<u128>, body_len: u128) -> Selection {
    let (start, end) = match (first, last) {
        (Some(first), Some(last)) if first > last => return Selection::Full,
        (Some(first), last) => (first, last.map_or(body_len, |last| body_len.min(last + 1))),
        (None, Some(suffix_len)) => (body_len.saturating_sub(suffix_len), body_len),
        (None, None) => return Selection::Full,
    };
    if start >= end {
        return Selection::Unsatisfiable;
    }
    Selection::Partial(usize::try_from(start).unwrap()..usize::try_from(end).unwrap())
}

fn position() -> impl Strategy<Value = u128> {
    prop_oneof![4 => 0..12_u128, 1 => 0..u128::from(u32::MAX), 1 => u128::from(u64::MAX) - 2..u128::from(u64::MAX) * 4]
}

proptest! {
    #[test]
    fn single_range_selects_what_the_rfc_specifies(
        first in option::of(position()),
        last in option::of(position()),
        // An empty body is covered by the unit test.
        body_len in prop_oneof![4 => 1..12_usize, 1 => 1..usize::MAX],
        capitals: u64,
        zeros in "0{0,3}",
    ) {
        let text = |position: Option<u128>| position.map_or(String::new(), |position| format!("{zeros}{position}"));
        let value = format!("{}={}-{}", cased("bytes", capitals), text(first), text(last));
        // Positions above `usize::MAX` saturate, so their order is lost.
        let saturates = |position: Option<u128>| position.is_some_and(|position| position > usize::MAX as u128);
        prop_assume!(!(saturates(first) && saturates(last)));
        let selection = range::parse(value.as_bytes(), body_len);
        prop_assert_eq!(selection, expected(first, last, body_len as u128), "{}", value);
    }

    #[test]
    fn selected_range_is_not_empty_and_round_trips(
        value in soup(&["bytes=", "bytes=0-", "bytes=-", "1", "-", "99999999999999999999999", "0-0", "5"]),
        body_len in prop_oneof![0..12_usize, any::<usize>()],
    ) {
        if let Selection::Partial(range) = range::parse(value.as_bytes(), body_len) {
            prop_assert!(range.start < range.end && range.end <= body_len);
            let value = format!("bytes={}-{}", range.start, range.end - 1);
            prop_assert_eq!(range::parse(value.as_bytes(), body_len), Selection::Partial(range));
        }
    }
}
