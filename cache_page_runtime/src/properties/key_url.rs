//! The URL of a key is the one of its request, whatever else is in the key.

use actix_web::{
    http::header::{HOST, HeaderName},
    test::TestRequest,
};
use proptest::{collection::vec, prelude::*, sample::select};

use crate::{
    KeyBuilder,
    http::{QueryRule, RequestOrigin},
    key::{HandlerType, KeyOptions, KeyedUrl},
};

const PATHS: [&str; 4] = ["/", "/posts/1", "/%C3%BC%F9", "/a/../b//c"];
const QUERIES: [Option<&str>; 6] =
    [None, Some(""), Some("a=1"), Some("a=1&b=2&a=3"), Some("a=%26%3D+x"), Some("b")];
const RULES: [QueryRule; 3] = [QueryRule::All, QueryRule::Only(&["a"]), QueryRule::Except(&["b"])];

async fn handler() {}

fn handler_type<T>(_: &impl Fn() -> T) -> HandlerType {
    HandlerType::of::<T>()
}

proptest! {
    #[test]
    fn url_is_read_back_from_the_key(
        path in select(&PATHS[..]),
        query in select(&QUERIES[..]),
        rule in select(&RULES[..]),
        host in select(&["a.example", "b.example:8080"][..]),
        inputs in vec(vec(any::<u8>(), 0..300), 0..4),
        varied in select(&["", "en", "\u{f9}"][..]),
        is_shared in any::<bool>(),
    ) {
        let uri = query.map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
        let request = TestRequest::get().uri(&uri).insert_header((HOST, host));
        let request = request.insert_header(("x-varied", varied.as_bytes())).to_http_request();
        let mut key = KeyBuilder::new(&request);
        let vary = [HeaderName::from_static("x-varied")];
        key.push_varied(&KeyOptions { query_rule: rule, cookies: &["c"], vary: [&vary, &[]] });
        for input in &inputs {
            key.bytes(input);
            key.value(input);
            key.end_input();
        }
        key.push_url(&RequestOrigin::of(&request), "prefix");
        if is_shared {
            key.parts.push_hashed(&7_u64);
        }
        key.push_handler(handler_type(&handler));

        let bytes = key.parts.key().unwrap().as_bytes().to_vec();
        let url = KeyedUrl::of(&bytes).unwrap();
        prop_assert_eq!((&*url.scheme, &*url.host), ("http", host));
        prop_assert_eq!(&url.host_lines[..], &[host][..]);
        let (found_path, found_query) = match url.path_and_query.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (&*url.path_and_query, None),
        };
        prop_assert_eq!(found_path, path);
        match rule {
            QueryRule::All => prop_assert_eq!(found_query, query),
            // Its parameters are those of the key.
            _ => prop_assert_eq!(
                rule.select(found_query.unwrap_or_default()),
                rule.select(query.unwrap_or_default())
            ),
        }

        // A key of a variant has the URL of its request.
        let variant = key.parts.key().unwrap().variant(&vary, request.headers()).unwrap();
        prop_assert_eq!(KeyedUrl::of(variant.as_slice()), Some(url));
        for end in 0..bytes.len() {
            // Never panics.
            let _ = KeyedUrl::of(&bytes[..end]);
        }
    }
}
