//! Cookies, query and origin in the key: equal to what a handler reads.

use std::collections::BTreeMap;

use actix_web::{
    cookie::Cookie,
    http::header::{COOKIE, FORWARDED, HOST, HeaderName, HeaderValue},
    test::TestRequest,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::http::{QueryRule, RequestOrigin, cookies};
use crate::properties::{any_value, soup, value};

/// White space that actix-web trims, most of it outside of ASCII.
const SPACES: &[&str] = &["\u{a0}", "\u{3000}", "\u{85}", " "];

fn cookie_line() -> impl Strategy<Value = HeaderValue> {
    const WORDS: &[&str] = &[
        "theme",
        "th%65me",
        "theme=dark",
        "theme=light; ",
        "THEME",
        "=",
        ";",
        "%ff",
        "\u{e9}",
        "\u{a0}",
        "\u{3000}",
    ];
    let pair =
        (select(SPACES), select(&["theme", "th%65me", "x", "%ff"][..]), select(SPACES), "[a-c%\"]{0,2}")
            .prop_map(|(before, name, after, text)| {
                value(format!("{before}{name}{after}={before}{text}{after};").as_bytes())
            });
    prop_oneof![soup(WORDS), pair]
}

fn text(length: usize) -> impl Strategy<Value = String> {
    vec(select(&["a", "b", "=", "&", "+", " ", "%", ";", "\u{e9}", "*"][..]), 0..length)
        .prop_map(|parts| parts.concat())
}

/// Encodes a name or a value, either where necessary or every byte.
fn encoded(text: &str, encode_all: bool) -> String {
    match encode_all {
        true => text.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        false => form_urlencoded::byte_serialize(text.as_bytes()).collect(),
    }
}

type Pairs = Vec<(String, String)>;

fn selected(parameters: QueryRule, query: &str) -> Pairs {
    let picked = parameters.select(query).unwrap();
    picked.into_iter().map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}

fn pairs() -> impl Strategy<Value = Vec<(String, String, bool)>> {
    let name = prop_oneof![
        text(3),
        select(&["page", "utm_", "utm_source", "ref", "refs"][..]).prop_map(str::to_owned)
    ];
    vec((name, text(3), any::<bool>()), 0..6)
}

proptest! {
    #[test]
    fn keyed_cookies_determine_handler_cookies(lines in vec(cookie_line(), 0..3)) {
        let mut request = TestRequest::default();
        for line in &lines {
            request = request.append_header((COOKIE, line.clone()));
        }
        let request = request.to_http_request();
        let keyed: Vec<_> = cookies::values(request.headers(), "theme").collect();
        // The handler's views are functions of the keyed values.
        let raw = keyed.iter().enumerate().filter(|&(position, value)| {
            *value != cookies::ENCODED_NAME && (position == 0 || keyed[position - 1] != cookies::ENCODED_NAME)
        });
        let raw: Option<Vec<&str>> = raw.map(|(_, value)| std::str::from_utf8(value).ok()).collect();
        // Without the quotes around them.
        let raw: Option<Vec<String>> = raw.map(|values| {
            let found = values.iter().filter_map(|value| Cookie::parse(format!("theme={value}")).ok());
            found.map(|cookie| cookie.value().to_owned()).collect()
        });
        let seen_raw: Option<Vec<String>> = request.cookies_raw().ok().map(|cookies| {
            cookies.iter().filter(|cookie| cookie.name() == "theme").map(|cookie| cookie.value().to_owned()).collect()
        });
        prop_assert_eq!(raw, seen_raw);
        let keyed: Vec<_> = keyed.into_iter().filter(|value| *value != cookies::ENCODED_NAME).collect();
        let from_key: Option<Vec<_>> = keyed.iter().map(|bytes| std::str::from_utf8(bytes).ok()).collect();
        let from_key: Option<Vec<String>> = from_key.map(|values| {
            let found = values.iter().filter_map(|value| Cookie::parse_encoded(format!("theme={value}")).ok());
            found.map(|cookie| cookie.value().to_owned()).collect()
        });
        let seen: Option<Vec<String>> = request.cookies().ok().map(|cookies| {
            cookies.iter().filter(|cookie| cookie.name() == "theme").map(|cookie| cookie.value().to_owned()).collect()
        });
        prop_assert_eq!(from_key, seen);
    }

    #[test]
    fn selected_parameters_equal_handler_parameters(pairs in pairs(), junk in text(6), rotation: usize) {
        const ONLY: &[&str] = &["page", "a", ""];
        const EXCEPT: &[&str] = &["utm_*", "ref"];
        let query = |pairs: &[(String, String, bool)]| {
            let fields = pairs.iter().map(|(name, value, all)| format!("{}={}", encoded(name, *all), encoded(value, *all)));
            fields.collect::<Vec<_>>().join("&")
        };
        let sent: Pairs = pairs.iter().map(|(name, value, _)| (name.clone(), value.clone())).collect();
        let expected = |counts: &dyn Fn(&str) -> bool| -> Pairs {
            let mut by_name: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
            for (name, value) in sent.iter().filter(|(name, _)| counts(name)) {
                by_name.entry(name).or_default().push(value);
            }
            let flat = by_name.into_iter().flat_map(|(name, values)| values.into_iter().map(move |value| (name, value)));
            flat.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
        };
        prop_assert_eq!(selected(QueryRule::Only(ONLY), &query(&pairs)), expected(&|name| ONLY.contains(&name)));
        let without = |name: &str| !name.starts_with("utm_") && name != "ref";
        prop_assert_eq!(selected(QueryRule::Except(EXCEPT), &query(&pairs)), expected(&without));

        // The order of different names is ignored.
        let mut rotated = pairs.clone();
        rotated.rotate_left(rotation % pairs.len().max(1));
        let mut names: Vec<_> = pairs.iter().map(|(name, ..)| name).collect();
        names.sort_unstable();
        if names.windows(2).all(|two| two[0] != two[1]) {
            prop_assert_eq!(selected(QueryRule::Except(&[]), &query(&rotated)), selected(QueryRule::Except(&[]), &query(&pairs)));
        }

        // For any query, a rule removes the ignored names and nothing else.
        let all = selected(QueryRule::Except(&[]), &junk);
        let rest: Pairs = all.into_iter().filter(|(name, _)| without(name)).collect();
        prop_assert_eq!(selected(QueryRule::Except(EXCEPT), &junk), rest);

        // What services in a middleware read is what the key has, and nothing else.
        for rule in [QueryRule::Only(ONLY), QueryRule::Except(EXCEPT)] {
            for query in [query(&pairs), junk.clone()] {
                let common = rule.common_query(&query).unwrap();
                prop_assert!(common.is_ascii());
                prop_assert_eq!(selected(QueryRule::Except(&[]), &common), selected(rule, &query));
                prop_assert_eq!(rule.common_query(&common), Some(common.clone()));
            }
        }
    }

    #[test]
    fn origin_equals_connection_info(
        lines in vec((
            select(vec![
                FORWARDED, HOST, HeaderName::from_static("x-forwarded-host"), HeaderName::from_static("x-forwarded-proto"),
            ]),
            prop_oneof![
                4 => soup(&["host=a", "proto=https", "HOST=\"b\"", "for=c", "host", "proto", "a.example", "by=d", "http"]),
                1 => any_value(),
            ],
        ), 0..5),
        target in select(&["/", "http://t.example:81/p", "https://u:p@t.example/", "*", "/a?b=http://x/"][..]),
    ) {
        let mut request = TestRequest::with_uri(target);
        for (name, line) in &lines {
            request = request.append_header((name.clone(), line.clone()));
        }
        let request = request.to_http_request();
        let info = request.connection_info();
        let origin = RequestOrigin::of(&request);
        prop_assert_eq!((origin.scheme, origin.host), (info.scheme(), info.host()));
    }
}
