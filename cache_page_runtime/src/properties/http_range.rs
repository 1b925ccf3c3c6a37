//! One part of a body.

use proptest::{option, prelude::*};

use crate::http::range::{self, Selection};
use crate::properties::{cased, soup};

/// What RFC 9110 14.1.2 says, with numbers that are large enough for every case.
fn meant(first: Option<u128>, last: Option<u128>, length: u128) -> Selection {
    let (start, end) = match (first, last) {
        (Some(first), Some(last)) if first > last => return Selection::Full,
        (Some(first), last) => (first, last.map_or(length, |last| length.min(last + 1))),
        (None, Some(suffix)) => (length.saturating_sub(suffix), length),
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
    fn one_range_is_what_the_rfc_says(
        first in option::of(position()),
        last in option::of(position()),
        // Of nothing there are no parts: see the module's own test.
        length in prop_oneof![4 => 1..12_usize, 1 => 1..usize::MAX],
        capitals: u64,
        zeros in "0{0,3}",
    ) {
        let text = |position: Option<u128>| position.map_or(String::new(), |position| format!("{zeros}{position}"));
        let line = format!("{}={}-{}", cased("bytes", capitals), text(first), text(last));
        // Positions beyond what a machine can count are the last one there is: order among those is lost.
        let beyond = |position: Option<u128>| position.is_some_and(|position| position > usize::MAX as u128);
        prop_assume!(!(beyond(first) && beyond(last)));
        prop_assert_eq!(range::parse(line.as_bytes(), length), meant(first, last, length as u128), "{}", line);
    }

    #[test]
    fn a_part_is_a_part(
        line in soup(&["bytes=", "bytes=0-", "bytes=-", "1", "-", "99999999999999999999999", "0-0", "5"]),
        length in prop_oneof![0..12_usize, any::<usize>()],
    ) {
        if let Selection::Partial(part) = range::parse(line.as_bytes(), length) {
            prop_assert!(part.start < part.end && part.end <= length);
            let again = format!("bytes={}-{}", part.start, part.end - 1);
            prop_assert_eq!(range::parse(again.as_bytes(), length), Selection::Partial(part));
        }
    }
}
