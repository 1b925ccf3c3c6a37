//! How long, and how old.

use std::time::Duration;

use actix_web::http::header::{AGE, CACHE_CONTROL, DATE, EXPIRES};
use proptest::{collection::vec, option, prelude::*};

use crate::http::{
    cache_control::CacheControl,
    freshness::{explicit_lifetime, initial_age},
    syntax::parse_date,
};
use crate::properties::{at, date_line, headers, http_cache_control::WORDS, line, second, soup, value};

proptest! {
    #[test]
    fn anything_has_a_lifetime_and_an_age(
        control in vec(soup(WORDS), 0..2),
        odd in vec(line(), 4),
        (expires, made) in (option::of(second()), option::of(second())),
        now in second(),
    ) {
        let dates = expires.map(|expires| (EXPIRES, date_line(expires))).into_iter()
            .chain(made.map(|made| (DATE, date_line(made))));
        let odd = [EXPIRES, DATE, AGE, AGE].into_iter().zip(odd);
        let map = headers(control.iter().map(|line| (CACHE_CONTROL, line.clone())).chain(dates).chain(odd));
        let directives = CacheControl::parse(map.get_all(CACHE_CONTROL));
        let lifetime = explicit_lifetime(&map, &directives, at(now));
        prop_assert!(lifetime.is_some(), "there is an `Expires`");
        let _ = initial_age(&map, at(now));
    }

    #[test]
    fn the_most_specific_word_counts(
        s_maxage in option::of(any::<u64>()),
        max_age in option::of(any::<u64>()),
        (expires, made, now) in (option::of(second()), option::of(second()), second()),
    ) {
        let map = headers(
            s_maxage.map(|seconds| (CACHE_CONTROL, value(format!("s-maxage={seconds}").as_bytes()))).into_iter()
                .chain(max_age.map(|seconds| (CACHE_CONTROL, value(format!("max-age={seconds}").as_bytes()))))
                .chain(expires.map(|expires| (EXPIRES, date_line(expires))))
                .chain(made.map(|made| (DATE, date_line(made)))),
        );
        let directives = CacheControl::parse(map.get_all(CACHE_CONTROL));
        let until = expires.map(|expires| expires.saturating_sub(made.unwrap_or(now)));
        let meant = s_maxage.or(max_age).or(until).map(Duration::from_secs);
        prop_assert_eq!(explicit_lifetime(&map, &directives, at(now)), meant);
    }

    #[test]
    fn the_age_is_the_largest_that_anything_says(
        ages in vec(any::<u64>(), 0..3),
        odd in vec(line(), 0..2),
        (made, now) in (option::of(second()), second()),
    ) {
        let lines = |ages: &[u64]| -> Vec<_> {
            let ages = ages.iter().map(|age| (AGE, value(age.to_string().as_bytes())));
            ages.chain(made.map(|made| (DATE, date_line(made)))).collect()
        };
        let shown = now.saturating_sub(made.unwrap_or(now));
        let meant = ages.iter().copied().chain([shown]).max().unwrap();
        prop_assert_eq!(initial_age(&headers(lines(&ages)), at(now)), Duration::from_secs(meant));
        let with_odd = headers(lines(&ages).into_iter().chain(odd.into_iter().map(|line| (AGE, line))));
        prop_assert!(initial_age(&with_odd, at(now)) >= Duration::from_secs(meant));
        let listed = ages.iter().map(u64::to_string).collect::<Vec<_>>().join(" , ");
        let listed = headers([(AGE, value(listed.as_bytes())), (DATE, date_line(made.unwrap_or(now)))]);
        prop_assert_eq!(initial_age(&listed, at(now)), Duration::from_secs(meant));
    }

    #[test]
    fn dates_are_read_back(second in second(), odd in line()) {
        prop_assert_eq!(parse_date(date_line(second).as_bytes()), Some(at(second)));
        let _ = parse_date(odd.as_bytes());
    }
}
