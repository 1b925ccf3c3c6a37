//! Freshness lifetime and age.

use std::time::Duration;

use actix_web::http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};
use proptest::{collection::vec, option, prelude::*};

use crate::{
    http::{
        cache_control::CacheControl,
        freshness::{freshness_lifetime, initial_age},
        syntax::parse_date,
    },
    properties::{any_value, at, date_value, headers, http_cache_control::DIRECTIVES, second, soup, value},
};

proptest! {
    #[test]
    fn malformed_fields_do_not_panic(
        control in vec(soup(DIRECTIVES), 0..2),
        malformed in vec(any_value(), 4),
        (expires, date) in (option::of(second()), option::of(second())),
        now in second(),
    ) {
        let dates = expires.map(|expires| (EXPIRES, date_value(expires))).into_iter()
            .chain(date.map(|date| (DATE, date_value(date))));
        let malformed = [EXPIRES, DATE, AGE, AGE].into_iter().zip(malformed);
        let control = control.into_iter().map(|value| (CACHE_CONTROL, value));
        let map = headers(control.chain(dates).chain(malformed));
        let cache_control = CacheControl::parse(map.get_all(CACHE_CONTROL));
        let lifetime = freshness_lifetime(&map, &cache_control, at(now));
        prop_assert!(lifetime.is_some(), "`Expires` is present");
        let _ = initial_age(&map, at(now));
    }

    #[test]
    fn s_maxage_wins_over_max_age_and_max_age_over_expires(
        s_maxage in option::of(any::<u64>()),
        max_age in option::of(any::<u64>()),
        (expires, date, now) in (option::of(second()), option::of(second()), second()),
    ) {
        let map = headers(
            s_maxage.map(|seconds| (CACHE_CONTROL, value(format!("s-maxage={seconds}").as_bytes()))).into_iter()
                .chain(max_age.map(|seconds| (CACHE_CONTROL, value(format!("max-age={seconds}").as_bytes()))))
                .chain(expires.map(|expires| (EXPIRES, date_value(expires))))
                .chain(date.map(|date| (DATE, date_value(date)))),
        );
        let cache_control = CacheControl::parse(map.get_all(CACHE_CONTROL));
        let until_expires = expires.map(|expires| expires.saturating_sub(date.unwrap_or(now)));
        let expected = s_maxage.or(max_age).or(until_expires).map(Duration::from_secs);
        prop_assert_eq!(freshness_lifetime(&map, &cache_control, at(now)), expected);
    }

    #[test]
    fn initial_age_is_the_larger_of_age_and_time_since_date(
        ages in vec(any::<u64>(), 0..3),
        others in vec(any_value(), 0..2),
        (date, now) in (option::of(second()), second()),
    ) {
        let fields = |ages: &[u64]| -> Vec<_> {
            let ages = ages.iter().map(|age| (AGE, value(age.to_string().as_bytes())));
            ages.chain(date.map(|date| (DATE, date_value(date)))).collect()
        };
        let apparent_age = now.saturating_sub(date.unwrap_or(now));
        let expected = Duration::from_secs(ages.first().map_or(apparent_age, |age| apparent_age.max(*age)));
        prop_assert_eq!(initial_age(&headers(fields(&ages)), at(now)), expected);
        if !ages.is_empty() {
            let others = others.into_iter().map(|value| (AGE, value));
            prop_assert_eq!(initial_age(&headers(fields(&ages).into_iter().chain(others)), at(now)), expected);
        }
        let list = ages.iter().map(u64::to_string).collect::<Vec<_>>().join(" , ");
        let joined = headers([(AGE, value(list.as_bytes())), (DATE, date_value(date.unwrap_or(now)))]);
        prop_assert_eq!(initial_age(&joined, at(now)), expected);
    }

    #[test]
    fn dates_round_trip(second in second(), malformed in any_value()) {
        let date = date_value(second);
        for spelling in [date.as_bytes().to_vec(), date.as_bytes().to_ascii_lowercase(), date.as_bytes().to_ascii_uppercase()] {
            prop_assert_eq!(parse_date(&spelling), Some(at(second)));
        }
        let _ = parse_date(malformed.as_bytes());
    }
}
