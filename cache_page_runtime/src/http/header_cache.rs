//! Per-worker caches of header values that change from second to second, but are the same for many requests, and of names.

use std::{
    cell::RefCell,
    thread::LocalKey,
    time::{Duration, SystemTime},
};

use actix_web::http::header::{HttpDate, TryIntoHeaderValue as _};
use http::header::{HeaderName, HeaderValue};

/// The number of values in each cache. Pages of up to as many different ages do not evict each other's values.
const SLOTS: usize = 128;

/// The number of names.
const NAME_SLOTS: usize = 32;

/// The number of values of `Vary`, of which an application has few.
const VARY_VALUES: usize = 8;

/// The length of the longest value of `Vary` that is remembered.
const MAX_VARY_LEN: usize = 512;

/// The length of the longest name that is remembered.
const MAX_NAME_LEN: usize = 64;

/// Each value is in the slot that is derived from its key. Another value in that slot is replaced.
type Slots = RefCell<[Option<(u64, HeaderValue)>; SLOTS]>;

thread_local! {
    static AGES: Slots = const { RefCell::new([const { None }; SLOTS]) };
    static CACHE_STATUSES: Slots = const { RefCell::new([const { None }; SLOTS]) };
    static NAMES: RefCell<[Option<HeaderName>; NAME_SLOTS]> = const { RefCell::new([const { None }; NAME_SLOTS]) };
    static VARIES: RefCell<Vec<(Box<[HeaderName]>, HeaderValue)>> = const { RefCell::new(Vec::new()) };
    static DATES: Slots = const { RefCell::new([const { None }; SLOTS]) };
}

/// Returns a header name. It need not be parsed again for the next request.
pub(crate) fn name(text: &str) -> Option<HeaderName> {
    let parse = || HeaderName::from_bytes(text.as_bytes()).ok();
    let index = text.bytes().last().map_or(0, usize::from) ^ text.len();
    let name = NAMES.try_with(|names| {
        let slot = &mut names.borrow_mut()[index % NAME_SLOTS];
        match slot {
            Some(name) if name.as_str() == text => Some(name.clone()),
            slot => {
                let name = parse()?;
                // A client must not fill memory, if an argument gets its names from the request.
                if text.len() <= MAX_NAME_LEN {
                    *slot = Some(name.clone());
                }
                Some(name)
            }
        }
    });
    name.unwrap_or_else(|_| parse())
}

/// Returns the value of `Vary` with these names, each of them once. `None` if there are none.
pub(crate) fn vary<'n>(names: impl Iterator<Item = &'n HeaderName> + Clone) -> Option<HeaderValue> {
    let first = names.clone().next()?;
    if names.size_hint().1 == Some(1) {
        return Some(HeaderValue::from_name(first.clone()));
    }
    // By internal iteration, since the callers' iterators consist of several.
    let is_known = |known: &[HeaderName]| {
        let mut rest = known.iter();
        names.clone().all(|name| rest.next() == Some(name)) && rest.as_slice().is_empty()
    };
    let value = VARIES.try_with(|values| {
        let mut values = values.borrow_mut();
        match values.iter().find(|(known, _)| is_known(known)) {
            Some((_, value)) => Some(value.clone()),
            None => remember_vary(&mut values, names.clone()),
        }
    });
    value.unwrap_or_else(|_| join_names(names))
}

#[cold]
fn remember_vary<'n>(
    values: &mut Vec<(Box<[HeaderName]>, HeaderValue)>,
    names: impl Iterator<Item = &'n HeaderName> + Clone,
) -> Option<HeaderValue> {
    let value = join_names(names.clone())?;
    // A client must not fill memory, if an argument gets its names from the request.
    if value.len() > MAX_VARY_LEN || names.clone().count() > MAX_VARY_LEN {
        return Some(value);
    }
    if values.len() == VARY_VALUES {
        values.remove(0);
    }
    values.push((names.cloned().collect(), value.clone()));
    Some(value)
}

#[cold]
fn join_names<'n>(names: impl Iterator<Item = &'n HeaderName>) -> Option<HeaderValue> {
    let mut unique: Vec<&str> = Vec::new();
    for name in names.map(HeaderName::as_str) {
        if !unique.contains(&name) {
            unique.push(name);
        }
    }
    HeaderValue::try_from(unique.join(", ")).ok()
}

/// Returns the value of `Age`, in whole seconds.
pub(crate) fn age(age: Duration) -> HeaderValue {
    let seconds = age.as_secs();
    let format = || Some(HeaderValue::from(seconds));
    get_or_insert_with(&AGES, seconds, format).unwrap_or_else(|| HeaderValue::from(seconds))
}

/// Returns the value of `Cache-Status` that `format` returns. `key` identifies the value.
pub(crate) fn cache_status(key: u64, format: impl Fn() -> Option<HeaderValue>) -> Option<HeaderValue> {
    get_or_insert_with(&CACHE_STATUSES, key, format)
}

/// Returns the value of `Date`, in whole seconds.
pub(crate) fn date(date: SystemTime) -> Option<HeaderValue> {
    let format = || HttpDate::from(date).try_into_value().ok();
    match date.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since_epoch) => get_or_insert_with(&DATES, since_epoch.as_secs(), format),
        Err(_) => format(),
    }
}

fn get_or_insert_with(
    slots: &'static LocalKey<Slots>,
    key: u64,
    format: impl Fn() -> Option<HeaderValue>,
) -> Option<HeaderValue> {
    let value = slots.try_with(|slots| {
        let mut slots = slots.borrow_mut();
        // Keys that consist of several numbers differ in the upper half too.
        let index = usize::try_from((key ^ key >> 32) % SLOTS as u64).unwrap_or(0);
        match &mut slots[index] {
            Some((cached_key, value)) if *cached_key == key => Some(value.clone()),
            slot => {
                let value = format()?;
                *slot = Some((key, value.clone()));
                Some(value)
            }
        }
    });
    // Thread-local storage is not available while the thread exits.
    value.unwrap_or_else(|_| format())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn vary_has_the_names_in_their_order() {
        let names: Vec<HeaderName> =
            (0..20).map(|number| HeaderName::try_from(format!("x-{number}")).unwrap()).collect();
        for _ in 0..2 {
            assert_eq!(vary([].into_iter()), None);
            for (first, second) in names.iter().zip(&names[1..]) {
                let vary = |names: &[&HeaderName]| vary(names.iter().copied()).unwrap();
                assert_eq!(vary(&[first, second]), format!("{first}, {second}"));
                assert_eq!(vary(&[second, first]), format!("{second}, {first}"));
                assert_eq!(vary(&[second, first, second, first]), format!("{second}, {first}"));
                assert_eq!(vary(&[first]), first.as_str());
            }
        }
    }

    #[test]
    fn names_that_share_a_slot_are_told_apart() {
        for text in ["accept", "Accept", "x-t", "x-at", "a\u{e9}", "", "x t", "accept", "accept-language"] {
            assert_eq!(name(text), HeaderName::from_bytes(text.as_bytes()).ok(), "{text}");
        }
        let long = "a".repeat(MAX_NAME_LEN + 1);
        assert_eq!(name(&long).unwrap().as_str(), long);
    }

    #[test]
    fn keys_that_share_a_slot_have_their_own_values() {
        for seconds in [0, 128, 1, 0, 129, 1 << 32, u64::MAX, 128, 127] {
            assert_eq!(age(Duration::from_secs(seconds)), seconds.to_string());
            let format = || HeaderValue::try_from(format!("ttl={seconds}")).ok();
            assert_eq!(cache_status(seconds, format).unwrap(), format!("ttl={seconds}"));
        }
        for seconds in [784_111_777, 784_111_777 + 128, 784_111_777] {
            let time = SystemTime::UNIX_EPOCH + Duration::from_secs(seconds);
            let parsed: HttpDate = date(time).unwrap().to_str().unwrap().parse().unwrap();
            assert_eq!(parsed, HttpDate::from(time));
        }
    }
}
