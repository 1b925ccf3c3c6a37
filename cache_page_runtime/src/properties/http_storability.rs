//! What may be kept: nothing that forbids it ever helps.

use std::time::Duration;

use actix_web::http::{
    StatusCode,
    header::{
        AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY,
        CONTENT_TYPE, COOKIE, DATE, EXPIRES, HeaderMap, HeaderName, HeaderValue, PRAGMA, SET_COOKIE, UPGRADE,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::properties::{
    at, cased, date_line, headers, http_cache_control::WORDS, line, second, soup, value,
};
use crate::{
    http::{
        freshness::StaleWindows,
        storability::{self, CachingHeaders, RequestDirectives, ResponseView, Ttl},
    },
    outcome::Reason,
};

#[derive(Clone, Debug)]
struct Answer {
    status: StatusCode,
    lines: Vec<(HeaderName, HeaderValue)>,
    ttl: Option<Option<Duration>>,
    now: u64,
}

impl Answer {
    fn keep_for(&self) -> Result<Option<Duration>, Reason> {
        let headers = headers(self.lines.clone());
        let said = &CachingHeaders::by(&headers);
        let response = ResponseView { status: self.status, headers: &headers, said, upgrade: false };
        response
            .keep_for(None, self.ttl.map(Ttl), StaleWindows::default(), at(self.now))
            .map(|kept| kept.fresh)
    }

    fn with(&self, place: usize, name: HeaderName, line: HeaderValue) -> Self {
        let mut changed = self.clone();
        changed.lines.insert(place % (self.lines.len() + 1), (name, line));
        changed
    }
}

prop_compose! {
    fn answer()(
        status in prop_oneof![
            4 => Just(200), 2 => select(&[204, 206, 301, 304, 308, 404, 412, 416, 500][..]), 1 => 100..1000_u16,
        ],
        control in vec(soup(WORDS), 0..3),
        plain in option::of(select(&["max-age=60", "s-maxage=5, max-age=7", "public", "must-understand"][..])),
        (age, expires, made) in (option::of(0..100_u64), option::of(second()), option::of(second())),
        odd in vec((select(&[AGE, DATE, EXPIRES, CONTENT_TYPE, CONTENT_SECURITY_POLICY]), line()), 0..2),
        ttl in option::of(option::of((1..100_u64).prop_map(Duration::from_secs))),
        now in second(),
    ) -> Answer {
        let lines = control.into_iter().map(|line| (CACHE_CONTROL, line))
            .chain(plain.map(|line| (CACHE_CONTROL, HeaderValue::from_static(line))))
            .chain(age.map(|age| (AGE, HeaderValue::from(age))))
            .chain(expires.map(|expires| (EXPIRES, date_line(expires))))
            .chain(made.map(|made| (DATE, date_line(made))))
            .chain(odd)
            .collect();
        Answer { status: StatusCode::from_u16(status).unwrap(), lines, ttl, now }
    }
}

/// Longest last, with for ever after all of them.
fn rank(kept_for: Option<Duration>) -> (bool, Option<Duration>) {
    (kept_for.is_none(), kept_for)
}

fn no_longer(before: Result<Option<Duration>, Reason>, after: Result<Option<Duration>, Reason>) -> bool {
    match (before, after) {
        (_, Err(_)) => true,
        (Err(_), Ok(_)) => false,
        (Ok(before), Ok(after)) => rank(after) <= rank(before),
    }
}

proptest! {
    #[test]
    fn what_forbids_keeping_never_helps(
        answer in answer(),
        directive in select(&[
            "no-store", "no-cache", "private", "private=\"x\"", "no-cache=\"set-cookie\"", "max-age=0", "s-maxage=0",
            "private, s-maxage=600", "max-age=600, no-cache",
        ][..]),
        capitals: u64,
        place: usize,
    ) {
        let line = value(cased(directive, capitals).as_bytes());
        let forbidden = answer.with(place, CACHE_CONTROL, line);
        prop_assert!(no_longer(answer.keep_for(), forbidden.keep_for()), "{:?}", forbidden.keep_for());
        // `must-understand` alone can take the place of `no-store`, and `s-maxage` that of `max-age`.
        if !["no-store", "max-age=0"].contains(&directive) {
            prop_assert!(forbidden.keep_for().is_err());
        }
    }

    #[test]
    fn what_is_for_one_visitor_is_never_kept(answer in answer(), any in line(), nonce in "[a-z ';]{0,8}", place: usize) {
        prop_assert!(answer.with(place, SET_COOKIE, any.clone()).keep_for().is_err());
        prop_assert!(answer.with(place, UPGRADE, any).keep_for().is_err());
        for name in [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY] {
            let line = value(format!("{nonce}NoNce-{nonce}").as_bytes());
            prop_assert!(answer.with(place, name, line).keep_for().is_err());
        }
        let stream = value(format!(" Text/Event-Stream ;{nonce}").as_bytes());
        prop_assert!(answer.with(place, CONTENT_TYPE, stream).keep_for().is_err());
    }

    #[test]
    fn an_older_response_is_kept_no_longer(answer in answer(), age: u64, years in 0..50_u64, place: usize) {
        let aged = answer.with(place, AGE, HeaderValue::from(age));
        prop_assert!(no_longer(answer.keep_for(), aged.keep_for()));
        // The first `Date` is the one that counts; `Expires` counts from there, so that it only moves both ends.
        let earlier = date_line(answer.now.saturating_sub(years * 31_556_952));
        if !answer.lines.iter().any(|(name, _)| [DATE, EXPIRES].contains(name)) {
            prop_assert!(no_longer(answer.keep_for(), answer.with(0, DATE, earlier).keep_for()));
        }
    }

    #[test]
    fn what_is_kept_is_a_final_answer_with_time_left(answer in answer()) {
        if let Ok(kept_for) = answer.keep_for() {
            prop_assert_ne!(kept_for, Some(Duration::ZERO));
            prop_assert!(answer.status.as_u16() >= 200);
            prop_assert!(!matches!(answer.status.as_u16(), 206 | 304 | 412 | 416));
            if answer.ttl.is_none() {
                prop_assert!(kept_for.is_some(), "nobody said for ever");
            }
        }
    }

    #[test]
    fn credentials_only_ever_shut_out(
        present in vec(select(&[COOKIE, AUTHORIZATION, AGE]), 0..3),
        credentials in vec(select(&[COOKIE, AUTHORIZATION]), 0..3),
        covered in vec(select(&[COOKIE, AUTHORIZATION, AGE]), 0..2),
        more in select(&[COOKIE, AUTHORIZATION, AGE]),
    ) {
        let request = |names: &[HeaderName]| -> HeaderMap {
            headers(names.iter().map(|name| (name.clone(), HeaderValue::from_static("x"))))
        };
        let with = |names: &[HeaderName]| [names, std::slice::from_ref(&more)].concat();
        let open = |present: &[_], credentials: &[_], covered: &[_]| {
            storability::open(&request(present), credentials, |name| covered.contains(name)).is_ok()
        };
        let before = open(&present, &credentials, &covered);
        prop_assert!(before || !open(&with(&present), &credentials, &covered));
        prop_assert!(before || !open(&present, &with(&credentials), &covered));
        prop_assert!(!before || open(&present, &credentials, &with(&covered)));
    }

    #[test]
    fn more_wishes_are_harder_to_meet(
        lines in vec(soup(WORDS), 1..3),
        more in soup(WORDS),
        (age, ttl) in (0..100_u64, option::of(0..100_u64)),
    ) {
        let request = |lines: &[HeaderValue]| {
            headers(lines.iter().map(|line| (CACHE_CONTROL, line.clone())).chain([(PRAGMA, more.clone())]))
        };
        let takes = |lines: &[_]| {
            let takes = |wishes: RequestDirectives| {
                !wishes.no_store() && wishes.take(Duration::from_secs(age), ttl.map(Duration::from_secs))
            };
            RequestDirectives::of(&request(lines)).is_none_or(takes)
        };
        prop_assert!(takes(&lines) || !takes(&[lines.clone(), vec![more.clone()]].concat()));
    }
}

#[test]
fn a_status_that_must_be_understood_and_is_not_is_not_kept() {
    let kept = |status: u16, line: &'static str| {
        let lines = vec![(CACHE_CONTROL, HeaderValue::from_static(line))];
        Answer { status: StatusCode::from_u16(status).unwrap(), lines, ttl: None, now: 0 }.keep_for()
    };
    let minute = Ok(Some(Duration::from_secs(60)));
    assert_eq!(kept(200, "must-understand, max-age=60"), minute);
    assert_eq!(kept(200, "must-understand, no-store, max-age=60"), minute);
    assert_eq!(kept(299, "max-age=60"), minute);
    assert_eq!(kept(299, "must-understand, max-age=60"), Err(Reason::Status));
    assert_eq!(kept(299, "must-understand, no-store, max-age=60"), Err(Reason::NoStore));
}
