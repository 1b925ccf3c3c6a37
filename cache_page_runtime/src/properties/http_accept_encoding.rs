//! `Accept-Encoding`, against a slow reference implementation of RFC 9110 12.5.3.

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    http::{PreferredCodings, accept_encoding::normalized, content_coding},
    properties::{any_value, cased, headers, padding, soup, value},
};

const WORDS: &[&str] = &[
    "gzip", "br", "zstd", "deflate", "identity", "*", "x-gzip", "q", "q=0", "q=0.5", "q=1", "0.3", "compress",
];
const CODINGS: &[&str] = &["gzip", "br", "zstd", "deflate", "identity", "*", "x-gzip", "compress", "dcb"];
const WEIGHTS: &[&str] = &[
    "",
    ";q=1",
    ";q=1.0",
    ";q=0.5",
    " ; q=0.501",
    ";Q=0.05",
    ";q=0",
    ";q=0.000",
    ";q=0.0001",
    ";q=1.1",
    ";q",
    ";q=1;a=b",
];

/// Returns the weight of a coding: the lowest one of its members, and that of `*` without any.
fn reference_weight(text: &str, coding: &str) -> Option<f64> {
    let mut weights = Vec::new();
    for member in text.split(',') {
        let mut parts = member.split(';').map(|part| part.trim_matches([' ', '\t']).to_ascii_lowercase());
        let name = parts.next().unwrap();
        let is_older_name = CODINGS.contains(&coding) && !["*", "identity"].contains(&coding);
        if name != coding && !(is_older_name && name == format!("x-{coding}")) {
            continue;
        }
        let parameters: Vec<String> = parts.collect();
        weights.push(match &parameters[..] {
            [] => 1.0,
            parameters => parameters.iter().map(|parameter| reference_parse(parameter)).fold(1.0, f64::min),
        });
    }
    weights.into_iter().reduce(f64::min)
}

fn reference_parse(parameter: &str) -> f64 {
    let Some(text) = parameter.strip_prefix("q=") else { return 0.0 };
    let is_valid = match text.split_once('.') {
        None => text.len() == 1,
        Some((whole, decimals)) => whole.len() == 1 && decimals.len() <= 3,
    };
    let is_number = text.chars().all(|letter| letter.is_ascii_digit() || letter == '.');
    match text.trim_end_matches('.').parse::<f64>() {
        Ok(weight) if is_valid && is_number && weight <= 1.0 => weight,
        _ => 0.0,
    }
}

/// Returns the codings that are no worse than the identity, the best ones first.
fn reference(values: &[HeaderValue]) -> Vec<&'static str> {
    let text: Vec<String> =
        values.iter().map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned()).collect();
    let text = text.join(",");
    let any = reference_weight(&text, "*");
    let weight = |coding| reference_weight(&text, coding).or(any).unwrap_or(0.0);
    let mut codings = vec!["br", "zstd", "gzip"];
    codings.retain(|coding| weight(coding) > 0.0 && weight(coding) >= weight("identity"));
    codings.sort_by(|one, other| weight(other).total_cmp(&weight(one)));
    codings
}

fn request(values: &[HeaderValue]) -> HeaderMap {
    headers(values.iter().map(|value| (ACCEPT_ENCODING, value.clone())))
}

fn preferred(request: &HeaderMap) -> Vec<&'static str> {
    PreferredCodings::of_request(request).as_slice().iter().map(|coding| coding.name()).collect()
}

prop_compose! {
    fn member()(
        coding in select(CODINGS), weight in select(WEIGHTS), capitals: u64, before in padding(), after in padding(),
    ) -> String {
        format!("{before}{}{weight}{after}", cased(coding, capitals))
    }
}

fn field() -> impl Strategy<Value = Vec<HeaderValue>> {
    let members = vec(member(), 0..6).prop_map(|members| value(members.join(",").as_bytes()));
    vec(prop_oneof![6 => members, 1 => soup(WORDS), 1 => any_value()], 0..3)
}

proptest! {
    #[test]
    fn preferences_are_those_of_the_reference(values in field()) {
        prop_assert_eq!(preferred(&request(&values)), reference(&values));
    }

    #[test]
    fn preferred_codings_are_accepted(values in field()) {
        let request = request(&values);
        for coding in preferred(&request) {
            let coding = HeaderValue::from_static(coding);
            prop_assert!(content_coding::accepts(&request, [&coding].into_iter()), "{:?}", coding);
        }
    }

    /// A service that reads the normal form chooses among the same codings.
    #[test]
    fn normal_form_has_the_same_codings_and_no_other_form(values in field()) {
        let before = request(&values);
        let Some(normal) = normalized(&before) else { return Ok(()) };
        let after = request(&[normal]);
        let sorted = |mut codings: Vec<&'static str>| { codings.sort_unstable(); codings };
        prop_assert_eq!(sorted(preferred(&after)), sorted(preferred(&before)));
        prop_assert_eq!(normalized(&after), None);
    }
}
