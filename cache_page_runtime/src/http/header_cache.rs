//! Header values that differ from second to second, and not from request to request.
//!
//! Each worker keeps those that it wrote last, by their number, and writes one only if it is not there.

use std::{
    cell::RefCell,
    thread::LocalKey,
    time::{Duration, SystemTime},
};

use actix_web::http::header::{HttpDate, TryIntoHeaderValue as _};
use http::header::HeaderValue;

/// Pages of as many different ages take turns without any of them being written again.
const PLACES: usize = 128;

type Places = RefCell<[Option<(u64, HeaderValue)>; PLACES]>;

thread_local! {
    static AGES: Places = const { RefCell::new([const { None }; PLACES]) };
    static STATUSES: Places = const { RefCell::new([const { None }; PLACES]) };
    static DATES: Places = const { RefCell::new([const { None }; PLACES]) };
}

/// `Age` in whole seconds.
pub(crate) fn age(age: Duration) -> HeaderValue {
    let seconds = age.as_secs();
    let write = || Some(HeaderValue::from(seconds));
    lookup(&AGES, seconds, write).unwrap_or_else(|| HeaderValue::from(seconds))
}

/// `Cache-Status` of all reports of that number.
pub(crate) fn status(number: u64, write: impl Fn() -> Option<HeaderValue>) -> Option<HeaderValue> {
    lookup(&STATUSES, number, write)
}

/// `Date`, in whole seconds as well.
pub(crate) fn date(date: SystemTime) -> Option<HeaderValue> {
    let write = || HttpDate::from(date).try_into_value().ok();
    match date.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => lookup(&DATES, since.as_secs(), write),
        Err(_) => write(),
    }
}

fn lookup(
    places: &'static LocalKey<Places>,
    number: u64,
    write: impl Fn() -> Option<HeaderValue>,
) -> Option<HeaderValue> {
    let looked_up = places.try_with(|places| {
        let mut places = places.borrow_mut();
        // Numbers that are made of several things are that in their upper half.
        let place = usize::try_from((number ^ number >> 32) % PLACES as u64).unwrap_or(0);
        match &mut places[place] {
            Some((known, value)) if *known == number => Some(value.clone()),
            place => {
                let value = write()?;
                *place = Some((number, value.clone()));
                Some(value)
            }
        }
    });
    // A worker that is just ending has no places any more.
    looked_up.unwrap_or_else(|_| write())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_that_share_a_place_are_not_mixed_up() {
        for seconds in [0, 128, 1, 0, 129, 1 << 32, u64::MAX, 128, 127] {
            assert_eq!(age(Duration::from_secs(seconds)), seconds.to_string());
            let write = || HeaderValue::try_from(format!("ttl={seconds}")).ok();
            assert_eq!(status(seconds, write).unwrap(), format!("ttl={seconds}"));
        }
        for seconds in [784_111_777, 784_111_777 + 128, 784_111_777] {
            let then = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let written: HttpDate = date(then).unwrap().to_str().unwrap().parse().unwrap();
            assert_eq!(written, HttpDate::from(then));
        }
    }
}
