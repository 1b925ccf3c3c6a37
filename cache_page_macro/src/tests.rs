//! Snapshots of generated code, and the number of errors in invalid input.
//!
//! `snapshots/NAME.in.rs` is the input, `snapshots/NAME.rs` the output. `UPDATE_EXPECT=1 cargo test -p cache_page_macro`
//! rewrites the outputs.

use std::{panic::catch_unwind, time::Duration};

use cache_page::Policy;
use expect_test::expect_file;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Meta, parse::ParseStream, parse::Parser as _};

macro_rules! snapshots {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let expanded = expand(include_str!(concat!("snapshots/", stringify!($name), ".in.rs")));
            let file = syn::parse2(expanded).expect("the generated code is valid Rust");
            expect_file![concat!("snapshots/", stringify!($name), ".rs")].assert_eq(&prettyplease::unparse(&file));
        }
    )*};
}
snapshots! {
    hello
    post
    classified
    patterns
    generic
    cfg_argument
    sixteen_arguments
    inner_attributes
    get_below
    constant
    arithmetic
    no_expiry
    sub_second
    options
    all_options
    stale
    status_ttls
    no_parameters
    invalid
    tags
    uncached
    purge
    purge_post_below
    purge_options
    purge_uncached
    purge_invalid
    policy
    policy_options
    original
    generic_ttl
}

#[test]
fn instrument_err_below_is_an_error() {
    let above = "#[instrument(err)] #[cache_page(60)] async fn page() -> Result<String, Error> {}";
    assert_eq!(error_count(above), 0);
    let below =
        "#[cache_page(60)] #[tracing::instrument(skip_all, err)] async fn page() -> Result<String, Error> {}";
    assert_eq!(error_count(below), 1);
    let silent = "#[cache_page(60)] #[instrument(skip_all)] async fn page() -> Result<String, Error> {}";
    assert_eq!(error_count(silent), 0);
}

#[test]
fn writing_method_of_another_crate_is_ignored() {
    assert_eq!(error_count("#[cache_page(60)] #[query(\"/\")] async fn page() -> String {}"), 1);
    assert_eq!(error_count("#[cache_page(60)] #[actix_web::query(\"/\")] async fn page() -> String {}"), 1);
    assert_eq!(error_count("#[cache_page(60)] #[openapi::post(\"/\")] async fn page() -> String {}"), 0);
    assert_eq!(error_count("#[cache_page(60)] #[post] async fn page() -> String {}"), 0);
}

#[test]
fn integer_with_a_type_suffix_is_seconds() {
    assert_eq!(error_count("#[cache_page(60u32)] async fn page() -> String {}"), 0);
    assert_eq!(error_count("#[cache_page(60_i64)] async fn page() -> String {}"), 0);
    assert_eq!(error_count("#[cache_page(60s)] async fn page() -> String {}"), 1);
}

#[test]
fn unknown_route_parameter_is_an_error() {
    let below = |route: &str, tag: &str| {
        error_count(&format!("#[cache_page(60, tags = [{tag:?}])] {route} async fn page() -> String {{}}"))
    };
    assert_eq!(below("", "{id}"), 0);
    assert_eq!(below("#[get(\"/{id}\")]", "post:{id}"), 0);
    assert_eq!(below("#[get(\"/{id}\")]", "post:{slug}:{x}"), 2);
    assert_eq!(below("#[actix_web::get(\"/\")]", "{id}"), 1);
    assert_eq!(below("#[head(\"/\")]", "{id}"), 1);
    assert_eq!(below(r#"#[get(r"/{id:\d{4}}/{tail}*")]"#, "{id}{tail}"), 0);
    assert_eq!(below(r#"#[get(r"/{id:\d{4}}")]"#, "{4}"), 1);
    assert_eq!(below("#[routes] #[get(\"/\")] #[get(\"/{id}\")]", "{id}"), 0);
    assert_eq!(below("#[route(\"/{id}\", method = \"GET\", name = \"{x}\")]", "{id}{x}"), 1);
    assert_eq!(below("#[get(PATH)]", "{id}"), 0);
    assert_eq!(below("#[cfg_attr(web, get(\"/{id}\"))] #[head(\"/\")]", "{id}"), 0);
}

#[test]
fn invalid_tag_is_an_error() {
    let tags = |tags: &[String]| {
        error_count(&format!("#[purge_page(tags = {tags:?})] async fn page() -> String {{}}"))
    };
    let numbered = |count: usize| (0..count).map(|tag| tag.to_string()).collect::<Vec<_>>();
    assert_eq!(tags(&numbered(32)), 0);
    assert_eq!(tags(&numbered(40)), 1);
    assert_eq!(tags(&["a".repeat(256)]), 0);
    assert_eq!(tags(&["a".repeat(257)]), 1);
    for invalid in ["", " ", " a", "a\n", "{", "}", "{}", "{ }", "{a b}", "{a{b}}", "{a}}", "{id:x}", "{:x}"]
    {
        assert_eq!(tags(&[invalid.to_owned()]), 1, "{invalid:?}");
    }
    for valid in ["a b", "é", "a:{b}{c-d}_{e_1}", "{a}{a}"] {
        assert_eq!(tags(&[valid.to_owned()]), 0, "{valid:?}");
    }
}

#[test]
fn invalid_path_is_an_error() {
    let path = |path: &str| {
        error_count(&format!("#[purge_page(paths = [{path:?}])] async fn page() -> String {{}}"))
    };
    for valid in ["/", "/posts", "/posts/{id}", "/a*b"] {
        assert_eq!(path(valid), 0, "{valid:?}");
    }
    let invalid = [
        "",
        "posts",
        "https://a/b",
        "/a?b",
        "/a#b",
        "/posts/*",
        "/*",
        "/*/a",
        "/{tail}*",
        "/{",
        "/posts ",
        "*",
    ];
    for invalid in invalid {
        assert_eq!(path(invalid), 1, "{invalid:?}");
    }
    assert_eq!(path(&format!("/{}", "a".repeat(2047))), 0);
    assert_eq!(path(&format!("/{}", "a".repeat(2048))), 1);
}

#[test]
fn uncached_is_the_only_argument() {
    let first = |first: &str| error_count(&format!("#[cache_page({first})] async fn page() -> String {{}}"));
    for valid in ["uncached", "uncached,", "uncached, crate = web::cache", "UNCACHED", "OFF", "off::TTL"] {
        assert_eq!(first(valid), 0, "{valid}");
    }
    let invalid = [
        "Uncached",
        "\"uncached\"",
        "off",
        "Off",
        "\"off\"",
        "false",
        "none",
        "uncached = true",
        "off = true",
        "60, uncached",
        "60, off",
        "uncached, 60",
        "uncached, tags = [\"a\"]",
    ];
    for invalid in invalid {
        assert_eq!(first(invalid), 1, "{invalid}");
    }
}

#[test]
fn ttl_may_be_that_of_a_policy() {
    let arguments =
        |arguments: &str| error_count(&format!("#[cache_page({arguments})] async fn page() -> String {{}}"));
    for valid in [
        "policy = P",
        "policy = a::P",
        "policy = Policy::new(60)",
        "60, policy = P",
        "None, policy = P",
        "policy = P, tags = [\"a\"]",
    ] {
        assert_eq!(arguments(valid), 0, "{valid}");
    }
    for invalid in ["", "policy = \"P\"", "policy = P, 60", "policy = P, policy = P", "0, policy = P"] {
        assert_eq!(arguments(invalid), 1, "{invalid}");
    }
}

#[test]
fn header_in_vary_may_have_a_function() {
    let vary =
        |list: &str| error_count(&format!("#[cache_page(60, vary = {list})] async fn page() -> String {{}}"));
    for valid in [
        "[\"accept\" => media_type]",
        "[\"accept\" => headers::media_type::<2>, \"x-theme\"]",
        "[\"x-theme\", \"accept\" => |accept| accept.map(str::len),]",
    ] {
        assert_eq!(vary(valid), 0, "{valid}");
    }
    for invalid in [
        "[\"accept\" =>]",
        "[\"accept\" => \"json\"]",
        "[\"accept\" => media_type()]",
        "[\"accept\" = media_type]",
        "[accept => media_type]",
        "[\"accpet\" => media_type]",
        "[\"accept\" => media_type, \"Accept\"]",
        "\"accept\" => media_type",
    ] {
        assert_eq!(vary(invalid), 1, "{invalid}");
    }
}

#[test]
fn name_of_the_original_function_is_a_name() {
    let name = |name: &str| {
        error_count(&format!("#[cache_page(60, uncached = {name})] async fn page() -> String {{}}"))
    };
    assert_eq!(name("original_page"), 0);
    for invalid in ["\"original_page\"", "true", "a::b", "", "a b"] {
        assert_eq!(name(invalid), 1, "{invalid}");
    }
}

#[test]
fn status_may_have_a_ttl_of_its_own() {
    let statuses = |list: &str| {
        error_count(&format!("#[cache_page(60, statuses = {list})] async fn page() -> String {{}}"))
    };
    for valid in ["[404 => \"5s\"]", "[404 => 5, 410]", "[410, 404 => TTL, 403 => None,]", "[404 => 60 * 5]"]
    {
        assert_eq!(statuses(valid), 0, "{valid}");
    }
    for (invalid, errors) in [
        ("[404 => 0]", 1),
        ("[404 => \"5\", 206 => \"5s\", 404]", 3),
        ("[404 => -1, 404 => 1.5]", 3),
        ("[206 => 0]", 2),
        ("[404 =>]", 1),
        ("[404 =>, 206 =>]", 3),
        ("[=> 5]", 1),
        ("[404 = 5]", 1),
        ("[404 => 5 410]", 1),
        ("{404 => 5}", 1),
    ] {
        assert_eq!(statuses(invalid), errors, "{invalid}");
    }
    let policy =
        |ttls: &'static [(u16, Option<Duration>)]| catch_unwind(|| Policy::new(60).status_ttls(ttls));
    assert!(policy(const { &[(404, Some(Duration::from_secs(5))), (410, None)] }).is_ok());
    assert!(policy(&[(404, Some(Duration::ZERO))]).is_err());
    assert!(policy(&[(206, None)]).is_err());
}

#[test]
fn misnamed_argument_attribute_is_one_error() {
    let argument =
        |argument: &str| error_count(&format!("#[cache_page(60)] async fn page({argument}) -> String {{}}"));
    assert_eq!(argument("#[vary] a: A"), 1);
    assert_eq!(argument("#[shared] a: A"), 1);
    assert_eq!(argument("#[shared] #[key] a: A"), 1);
    assert_eq!(argument("#[other::vary] a: A"), 0);
}

/// The attribute checks the elements of lists again, because its errors point at the element.
#[test]
fn attribute_and_policy_reject_the_same_elements() {
    let attribute =
        |option: String| error_count(&format!("#[cache_page(60, {option})] async fn page() -> String {{}}"));
    for status in 100..=600_u16 {
        let statuses: &[u16] = Box::leak(Box::new([status]));
        let policy = catch_unwind(|| Policy::new(60).statuses(statuses));
        assert_eq!(attribute(format!("statuses = [{status}]")), usize::from(policy.is_err()), "{status}");
    }
    for name in ["accept", "x_y", "*", "", "Accept", "a b", "a:b", "é", "`|~!#$%&'+-.^"] {
        let names: &[&str] = Box::leak(Box::new([name]));
        let policy = catch_unwind(|| Policy::new(60).vary(names));
        assert_eq!(attribute(format!("vary = [{name:?}]")), usize::from(policy.is_err()), "{name:?}");
    }
}

/// The middleware and named policies take lists that no attribute has checked.
#[test]
fn attribute_and_policy_reject_the_same_parameters() {
    let attribute = |option: String| {
        error_count(&format!("#[cache_page(60, {option})] async fn page() -> String {}", "{}"))
    };
    for name in ["page", "utm_*", "*", "a*b", "", "**"] {
        let names: &[&str] = Box::leak(Box::new([name]));
        let ignore = catch_unwind(|| Policy::new(60).ignore_query(names));
        assert_eq!(attribute(format!("ignore_query = [{name:?}]")), usize::from(ignore.is_err()), "{name:?}");
        let query = catch_unwind(|| Policy::new(60).query(names));
        assert_eq!(attribute(format!("query = [{name:?}]")), usize::from(query.is_err()), "{name:?}");
    }
}

#[test]
fn conflicting_attributes_are_an_error() {
    let both =
        |attributes: &str| error_count(&format!("{attributes} async fn page(#[key] a: A) -> String {{}}"));
    assert_eq!(both("#[cache_page(60)] #[purge_page(tags = [\"a\"])]"), 1);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[cache_page(60)]"), 1);
    let both = |attributes: &str| error_count(&format!("{attributes} async fn page() -> String {{}}"));
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[cache_page(uncached)]"), 0);
    assert_eq!(both("#[cache_page(uncached)] #[purge_page(tags = [\"a\"])]"), 0);
    assert_eq!(both("#[cache_page(uncached)] #[cache_page(uncached)]"), 1);
    assert_eq!(both("#[cache_page(uncached)] #[cache_page(60)]"), 1);
    assert_eq!(both("#[cache_page(60)] #[cache_page(uncached)]"), 1);
    assert_eq!(both("#[cache_page(uncached)] #[post(\"/\")]"), 0);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[get(\"/\")]"), 0);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[purge_page(tags = [\"a\"])]"), 1);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[instrument(err)]"), 1);
}

/// An attribute that was imported under another name is recognized once it was expanded.
#[test]
fn renamed_attributes_conflict_too() {
    type Attribute = fn(TokenStream, TokenStream) -> TokenStream;
    let cached: (Attribute, TokenStream) = (crate::expand_cache_page, quote!(60));
    let uncached: (Attribute, TokenStream) = (crate::expand_cache_page, quote!(uncached));
    let purging: (Attribute, TokenStream) = (crate::expand_purge_page, quote!(tags = ["a"]));
    let both = |(above, above_args): &(Attribute, TokenStream),
                (below, below_args): &(Attribute, TokenStream)| {
        let handler = quote!(
            #[get("/")]
            async fn page() -> String {}
        );
        errors_in(below(below_args.clone(), above(above_args.clone(), handler)))
    };
    for (above, below) in [(&cached, &purging), (&purging, &cached), (&cached, &cached), (&purging, &purging)]
    {
        assert_eq!(both(above, below), 1);
    }
    for (above, below) in [(&cached, &uncached), (&uncached, &cached), (&uncached, &uncached)] {
        assert_eq!(both(above, below), 1);
    }
    assert_eq!(both(&uncached, &purging), 0);
    assert_eq!(both(&purging, &uncached), 0);
}

#[test]
fn original_function_has_no_route_attributes() {
    let attributes_of_copy = |attributes: &str| {
        let handler =
            format!("#[cache_page(60, uncached = copy)] {attributes} async fn page() -> String {{}}");
        let file: syn::File = syn::parse2(expand(&handler)).expect("the generated code is valid Rust");
        let copy = file.items.into_iter().find_map(|item| match item {
            syn::Item::Fn(function) if function.sig.ident == "copy" => Some(function),
            _ => None,
        });
        let attributes = copy.expect("the original function is there").attrs.into_iter().skip(1);
        attributes.map(|attribute| quote!(#attribute).to_string().replace(' ', "")).collect::<Vec<_>>()
    };
    for route in [
        "#[get(\"/\")]",
        "#[head(\"/\")]",
        "#[actix_web::get(\"/\")]",
        "#[::actix_web::get(\"/\")]",
        "#[get(PATH)]",
        "#[route(\"/\", method = \"GET\")]",
        "#[actix_web::route(\"/\", method = \"GET\")]",
        "#[routes] #[get(\"/a\")] #[get(\"/b\")]",
        "#[actix_web::routes] #[get(\"/a\")] #[actix_web::get(\"/b\")]",
        "#[fetch(\"/\")]",
        "#[web::get(\"\", name = \"a\")]",
        "#[cfg_attr(feature = \"a\", get(\"/\"))]",
        "#[cfg_attr(feature = \"a\", actix_web::routes, get(\"/\"))]",
        "#[cfg_attr(true, actix_web::get(\"/\"))]",
    ] {
        assert!(attributes_of_copy(route).is_empty(), "{route}");
    }
    for kept in
        ["#[protect(\"ADMIN\")]", "#[instrument]", "#[doc=\"/\"]", "#[cfg(get)]", "#[cfg_attr(get,inline)]"]
    {
        assert_eq!(attributes_of_copy(kept), [kept], "{kept}");
    }
    assert_eq!(attributes_of_copy("#[cfg_attr(a, get(\"/\"), inline)]"), ["#[cfg_attr(a,inline)]"]);
}

#[test]
fn header_of_an_extension_is_no_misspelling() {
    let vary = |name: &str| {
        error_count(&format!("#[cache_page(60, vary = [{name:?}])] async fn page() -> String {{}}"))
    };
    for valid in ["x-authorization", "x-origin", "x-accept", "x-request", "X-Forwarded", "x-foo"] {
        assert_eq!(vary(valid), 0, "{valid}");
    }
    for misspelled in ["authorisation", "accept-langauge", "x-forwarded-hots", "referrer"] {
        assert_eq!(vary(misspelled), 1, "{misspelled}");
    }
}

#[test]
fn variable_of_a_ttl_has_a_type() {
    let ttl = |ttl: &str| error_count(&format!("#[cache_page({ttl})] async fn page() -> String {{}}"));
    assert_eq!(ttl("{ let minutes = 5; minutes * 60 }"), 1);
    assert_eq!(ttl("{ let minutes: u64 = 5; minutes * 60 }"), 0);
    assert_eq!(ttl("{ let minutes = MINUTE; minutes * 60 }"), 0);
    assert_eq!(ttl("{ 0 }"), 1);
    assert_eq!(ttl("({ \"5\" })"), 1);
}

/// Expands the first attribute of this crate. Attributes above it have been expanded by then.
fn expand(source: &str) -> TokenStream {
    let start = ["#[cache_page", "#[purge_page"].into_iter().filter_map(|name| source.find(name)).min();
    let (_, source) = source.split_at(start.expect("the handler has an attribute of this crate"));
    let parse = |input: ParseStream<'_>| {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let attribute = attributes.remove(0);
        let expand = match attribute.path().is_ident("purge_page") {
            true => crate::expand_purge_page,
            false => crate::expand_cache_page,
        };
        let args = match attribute.meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        let item: TokenStream = input.parse()?;
        Ok(expand(args, quote!(#(#attributes)* #item)))
    };
    parse.parse_str(source).expect("the source is valid Rust")
}

fn error_count(source: &str) -> usize {
    errors_in(expand(source))
}

fn errors_in(tokens: TokenStream) -> usize {
    let tokens = tokens.into_iter();
    tokens.filter(|token| matches!(token, TokenTree::Ident(name) if name == "compile_error")).count()
}
