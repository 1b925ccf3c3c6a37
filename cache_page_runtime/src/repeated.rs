//! Header values that differ from second to second, and not from hit to hit.
//!
//! Each worker keeps those that it wrote last, by their number, and writes one only if it is not there.

use std::{cell::RefCell, time::Duration};

use http::header::HeaderValue;

/// Pages of as many different ages take turns without any of them being written again.
const PLACES: u64 = 64;

type Places = RefCell<[Option<(u64, HeaderValue)>; PLACES as usize]>;

thread_local! {
    static AGES: Places = const { RefCell::new([const { None }; PLACES as usize]) };
    static HITS: Places = const { RefCell::new([const { None }; PLACES as usize]) };
}

/// `Age` in whole seconds.
pub(crate) fn age(age: Duration) -> HeaderValue {
    let seconds = age.as_secs();
    // A worker that is just ending has no places any more.
    let known = AGES.try_with(|places| lookup(places, seconds, || Some(HeaderValue::from(seconds))));
    known.ok().flatten().unwrap_or_else(|| HeaderValue::from(seconds))
}

/// `Cache-Status` of a hit with so many seconds left.
pub(crate) fn hit(ttl: u64, write: impl Fn() -> Option<HeaderValue>) -> Option<HeaderValue> {
    HITS.try_with(|places| lookup(places, ttl, &write)).unwrap_or_else(|_| write())
}

fn lookup(places: &Places, number: u64, write: impl FnOnce() -> Option<HeaderValue>) -> Option<HeaderValue> {
    let mut places = places.borrow_mut();
    let place = places.get_mut(usize::try_from(number % PLACES).ok()?)?;
    match place {
        Some((known, value)) if *known == number => Some(value.clone()),
        _ => {
            let value = write()?;
            *place = Some((number, value.clone()));
            Some(value)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_share_a_place_are_not_mixed_up() {
        for seconds in [0, 64, 1, 0, 65, u64::MAX, 64, 63] {
            assert_eq!(age(Duration::from_secs(seconds)), seconds.to_string());
            let write = || HeaderValue::try_from(format!("ttl={seconds}")).ok();
            assert_eq!(hit(seconds, write).unwrap(), format!("ttl={seconds}"));
        }
    }
}
