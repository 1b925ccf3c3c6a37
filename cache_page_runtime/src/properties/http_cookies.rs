//! Which cookies identify a client: what is found in a header is what handlers read.

use actix_web::{
    HttpRequest,
    cookie::Cookie,
    http::header::{COOKIE, HeaderValue},
    test::TestRequest,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::http::{CookieRule, cookies};
use crate::properties::{soup, value};

fn line() -> impl Strategy<Value = HeaderValue> {
    const WORDS: &[&str] = &[
        "_ga", "_gid", "_ga_1", "id", "%69d", "i%64", "theme", "th%65me", "x", "=", "=", ";", "; ", "; ",
        ",", "\"", " ", "%00", "%ff", "%3b", "%3d", "\u{a0}", "\u{e9}", "_GA", "$Version",
    ];
    const PAIRS: &[&str] = &[
        "_ga=1",
        "_gid=a=b",
        "id=7",
        "%69d=7",
        "theme=a",
        "th%65me=b",
        "x=y",
        " _ga = 1 ",
        "",
        "_ga=1,id=2",
        "_ga=\"a\"",
    ];
    let pairs = vec(select(PAIRS), 0..5).prop_map(|pairs| value(pairs.join(";").as_bytes()));
    prop_oneof![soup(WORDS), pairs]
}

fn request(lines: impl IntoIterator<Item = HeaderValue>) -> HttpRequest {
    let mut request = TestRequest::default();
    for line in lines {
        request = request.append_header((COOKIE, line));
    }
    request.to_http_request()
}

/// Returns the names and values of all cookies that a handler reads, decoded and raw.
fn read(request: &HttpRequest) -> Option<[Vec<(String, String)>; 2]> {
    let decoded = request.cookies().ok()?.clone();
    let raw = request.cookies_raw().ok()?.clone();
    let pair = |cookie: &Cookie<'_>| (cookie.name().to_owned(), cookie.value().to_owned());
    Some([decoded, raw].map(|cookies| cookies.iter().map(pair).collect()))
}

fn rules() -> [CookieRule; 3] {
    let mut rules = [CookieRule::default(), CookieRule::default(), CookieRule::default()];
    rules[1].add_session("id").unwrap();
    rules[2].add_ignored("x").unwrap();
    rules
}

proptest! {
    #[test]
    fn anonymous_request_has_no_cookie_that_identifies(lines in vec(line(), 0..3), rule in 0..3_usize, is_keyed: bool) {
        let rule = &rules()[rule];
        let keyed: &[&str] = if is_keyed { &["theme"] } else { &[] };
        let all = request(lines);
        if rule.is_anonymous(all.headers(), keyed) {
            let read = read(&all).expect("a field that cannot be parsed is a credential");
            for (name, _) in read.iter().flatten() {
                prop_assert!(keyed.contains(&&**name) || !rule.identifies(name), "{name}");
            }
        }
    }

    #[test]
    fn removal_leaves_what_the_key_has(lines in vec(line(), 0..3), rule in 0..3_usize) {
        let all = request(lines);
        prop_assume!(rules()[rule].is_anonymous(all.headers(), &["theme"]));
        let kept = match cookies::common_field(all.headers(), &["theme"]) {
            Some(field) => request((!field.is_empty()).then(|| value(&field))),
            None => all.clone(),
        };
        let expected = read(&all).unwrap().map(|cookies| {
            cookies.into_iter().filter(|(name, _)| name == "theme").collect::<Vec<_>>()
        });
        prop_assert_eq!(read(&kept).unwrap(), expected);
        let values = |request: &HttpRequest| -> Vec<_> {
            cookies::values(request.headers(), "theme").map(<[u8]>::to_vec).collect()
        };
        prop_assert_eq!(values(&kept), values(&all));
        prop_assert!(cookies::common_field(kept.headers(), &["theme"]).is_none(), "{:?}", kept.headers());
    }

    /// A cookie that counts is seen wherever it is among ignored ones.
    #[test]
    fn cookie_that_identifies_is_found_anywhere(before in 0..120_usize, after in 0..3_usize, name in select(&["id", "%69d"][..])) {
        for rule in rules() {
            let ignored = |count| "_ga=1; ".repeat(count);
            let line = format!("{}{name}=1; {}", ignored(before), ignored(after));
            let with = request([value(line.as_bytes())]);
            prop_assert!(!rule.is_anonymous(with.headers(), &[]));
            let without = request([value(ignored(before + after).as_bytes())]);
            prop_assert!(rule.is_anonymous(without.headers(), &[]));
        }
    }
}
