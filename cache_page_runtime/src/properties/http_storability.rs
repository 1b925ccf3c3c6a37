//! Which responses are stored, and which requests may use the cache: nothing that forbids it ever permits more.

use std::time::Duration;

use actix_web::http::{
    StatusCode,
    header::{
        AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY,
        CONTENT_TYPE, COOKIE, DATE, EXPIRES, HeaderMap, HeaderName, HeaderValue, PRAGMA, SET_COOKIE, UPGRADE,
    },
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use crate::{
    http::{CachingHeaders, CredentialHeaders, RequestDirectives, ResponseView, StaleWindows, Ttl},
    outcome::Reason,
    properties::{
        any_value, at, cased, date_value, headers, http_cache_control::DIRECTIVES, second, soup, value,
    },
};

/// A TTL, with `None` for no expiry, or why the response is not stored.
type Decision = Result<Option<Duration>, Reason>;

#[derive(Clone, Debug)]
struct Response {
    status: StatusCode,
    fields: Vec<(HeaderName, HeaderValue)>,
    default_ttl: Option<Option<Duration>>,
    now: u64,
}

impl Response {
    fn ttl(&self) -> Decision {
        let headers = headers(self.fields.clone());
        let caching_headers = &CachingHeaders::from_headers(&headers);
        ResponseView { status: self.status, headers: &headers, caching_headers, is_upgrade: false }
            .storage_decision(None, self.default_ttl.map(Ttl), StaleWindows::default(), at(self.now))
            .map(|decision| decision.ttl)
    }

    fn with(&self, index: usize, name: HeaderName, value: HeaderValue) -> Self {
        let mut changed = self.clone();
        changed.fields.insert(index % (self.fields.len() + 1), (name, value));
        changed
    }
}

prop_compose! {
    fn response()(
        status in prop_oneof![
            4 => Just(200), 2 => select(&[204, 206, 301, 304, 308, 404, 412, 416, 500][..]), 1 => 100..1000_u16,
        ],
        control in vec(soup(DIRECTIVES), 0..3),
        valid in option::of(select(&["max-age=60", "s-maxage=5, max-age=7", "public", "must-understand"][..])),
        (age, expires, date) in (option::of(0..100_u64), option::of(second()), option::of(second())),
        malformed in vec((select(&[AGE, DATE, EXPIRES, CONTENT_TYPE, CONTENT_SECURITY_POLICY]), any_value()), 0..2),
        default_ttl in option::of(option::of((1..100_u64).prop_map(Duration::from_secs))),
        now in second(),
    ) -> Response {
        let fields = control.into_iter().map(|value| (CACHE_CONTROL, value))
            .chain(valid.map(|value| (CACHE_CONTROL, HeaderValue::from_static(value))))
            .chain(age.map(|age| (AGE, HeaderValue::from(age))))
            .chain(expires.map(|expires| (EXPIRES, date_value(expires))))
            .chain(date.map(|date| (DATE, date_value(date))))
            .chain(malformed)
            .collect();
        Response { status: StatusCode::from_u16(status).unwrap(), fields, default_ttl, now }
    }
}

fn is_no_longer(before: Decision, after: Decision) -> bool {
    // No expiry is longer than every TTL.
    let rank = |ttl: Option<Duration>| (ttl.is_none(), ttl);
    match (before, after) {
        (_, Err(_)) => true,
        (Err(_), Ok(_)) => false,
        (Ok(before), Ok(after)) => rank(after) <= rank(before),
    }
}

proptest! {
    #[test]
    fn restrictive_directives_never_extend_the_ttl(
        response in response(),
        directive in select(&[
            "no-store", "no-cache", "private", "private=\"x\"", "no-cache=\"set-cookie\"", "max-age=0", "s-maxage=0",
            "private, s-maxage=600", "max-age=600, no-cache",
        ][..]),
        capitals: u64,
        index: usize,
    ) {
        let restricted = response.with(index, CACHE_CONTROL, value(cased(directive, capitals).as_bytes()));
        prop_assert!(is_no_longer(response.ttl(), restricted.ttl()), "{:?}", restricted.ttl());
        // `must-understand` may override `no-store`, and `s-maxage` may override `max-age`.
        if !["no-store", "max-age=0"].contains(&directive) {
            prop_assert!(restricted.ttl().is_err());
        }
    }

    #[test]
    fn user_specific_responses_are_never_stored(
        response in response(),
        any in any_value(),
        text in "[a-z ';]{0,8}",
        index: usize,
    ) {
        prop_assert!(response.with(index, SET_COOKIE, any.clone()).ttl().is_err());
        prop_assert!(response.with(index, UPGRADE, any).ttl().is_err());
        for name in [CONTENT_SECURITY_POLICY, CONTENT_SECURITY_POLICY_REPORT_ONLY] {
            let policy = value(format!("{text}NoNce-{text}").as_bytes());
            prop_assert!(response.with(index, name, policy).ttl().is_err());
        }
        let event_stream = value(format!(" Text/Event-Stream ;{text}").as_bytes());
        prop_assert!(response.with(index, CONTENT_TYPE, event_stream).ttl().is_err());
    }

    #[test]
    fn older_responses_are_stored_no_longer(
        response in response(),
        age: u64,
        years in 0..50_u64,
        index: usize,
    ) {
        let aged = response.with(index, AGE, HeaderValue::from(age));
        prop_assert!(is_no_longer(response.ttl(), aged.ttl()));
        // An earlier `Date` also extends the lifetime that `Expires` specifies.
        let earlier = date_value(response.now.saturating_sub(years * 31_556_952));
        if !response.fields.iter().any(|(name, _)| [DATE, EXPIRES].contains(name)) {
            prop_assert!(is_no_longer(response.ttl(), response.with(0, DATE, earlier).ttl()));
        }
    }

    #[test]
    fn stored_responses_are_final_and_fresh(response in response()) {
        if let Ok(ttl) = response.ttl() {
            prop_assert_ne!(ttl, Some(Duration::ZERO));
            prop_assert!(response.status.as_u16() >= 200);
            prop_assert!(!matches!(response.status.as_u16(), 206 | 304 | 412 | 416));
            if response.default_ttl.is_none() {
                prop_assert!(ttl.is_some(), "only a configured TTL can be without expiry");
            }
        }
    }

    #[test]
    fn credentials_only_ever_exclude_requests(
        present in vec(select(&[COOKIE, AUTHORIZATION, AGE]), 0..3),
        credentials in vec(select(&[COOKIE, AGE]), 0..3),
        keyed in vec(select(&[COOKIE, AUTHORIZATION, AGE]), 0..2),
        added in select(&[COOKIE, AUTHORIZATION, AGE]),
    ) {
        let request = |names: &[HeaderName]| -> HeaderMap {
            headers(names.iter().map(|name| (name.clone(), HeaderValue::from_static("x"))))
        };
        let with = |names: &[HeaderName]| [names, std::slice::from_ref(&added)].concat();
        let is_accepted = |present: &[_], credentials: &[_], keyed: &[_]| {
            let mut headers = CredentialHeaders::default();
            credentials.iter().for_each(|name: &HeaderName| headers.add(name.clone()));
            headers.check(&request(present), |name| keyed.contains(name), &[], |_| {}).is_ok()
        };
        let before = is_accepted(&present, &credentials, &keyed);
        prop_assert!(before || !is_accepted(&with(&present), &credentials, &keyed));
        prop_assert!(before || !is_accepted(&present, &with(&credentials), &keyed));
        prop_assert!(!before || is_accepted(&present, &credentials, &with(&keyed)));
    }

    #[test]
    fn more_request_directives_never_accept_more(
        values in vec(soup(DIRECTIVES), 1..3),
        added in soup(DIRECTIVES),
        (age, ttl) in (0..100_u64, option::of(0..100_u64)),
    ) {
        let request = |values: &[HeaderValue]| {
            headers(values.iter().map(|value| (CACHE_CONTROL, value.clone())).chain([(PRAGMA, added.clone())]))
        };
        let accepts = |values: &[_]| {
            RequestDirectives::from_headers(&request(values)).is_none_or(|directives| {
                let ttl = ttl.map(Duration::from_secs);
                !directives.no_store() && directives.accepts(Duration::from_secs(age), ttl)
            })
        };
        prop_assert!(accepts(&values) || !accepts(&[values.clone(), vec![added.clone()]].concat()));
    }
}

#[test]
fn must_understand_forbids_statuses_that_are_not_understood() {
    let ttl = |status: u16, cache_control: &'static str| {
        let fields = vec![(CACHE_CONTROL, HeaderValue::from_static(cache_control))];
        Response { status: StatusCode::from_u16(status).unwrap(), fields, default_ttl: None, now: 0 }.ttl()
    };
    let minute = Ok(Some(Duration::from_secs(60)));
    assert_eq!(ttl(200, "must-understand, max-age=60"), minute);
    assert_eq!(ttl(200, "must-understand, no-store, max-age=60"), minute);
    assert_eq!(ttl(299, "max-age=60"), minute);
    assert_eq!(ttl(299, "must-understand, max-age=60"), Err(Reason::Status));
    assert_eq!(ttl(299, "must-understand, no-store, max-age=60"), Err(Reason::NoStore));
}
