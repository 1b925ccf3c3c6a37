//! What handlers expand to. `snapshots/NAME.in.rs` is what the user wrote and `snapshots/NAME.rs` what rustc gets for it;
//! `UPDATE_EXPECT=1 cargo test -p cache_page_macro` writes the latter.

use expect_test::expect_file;
use proc_macro2::{TokenStream, TokenTree};
use quote::quote;
use syn::{Attribute, Meta, parse::ParseStream, parse::Parser as _};

macro_rules! snapshots {
    ($($name:ident)*) => {$(
        #[test]
        fn $name() {
            let expanded = expand(include_str!(concat!("snapshots/", stringify!($name), ".in.rs")));
            let file = syn::parse2(expanded).expect("an expansion is Rust");
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
    for_ever
    sub_second
    options
    all_options
    stale
    no_parameters
    refused
    tagged
    off
    purge
    purge_post_below
    purge_options
    purge_exempt
    purge_refused
}

#[test]
fn instrument_err_belongs_above() {
    let above = "#[instrument(err)] #[cache_page(60)] async fn page() -> Result<String, Error> {}";
    assert_eq!(mistakes(above), 0);
    let below =
        "#[cache_page(60)] #[tracing::instrument(skip_all, err)] async fn page() -> Result<String, Error> {}";
    assert_eq!(mistakes(below), 1);
    let silent = "#[cache_page(60)] #[instrument(skip_all)] async fn page() -> Result<String, Error> {}";
    assert_eq!(mistakes(silent), 0);
}

#[test]
fn only_routes_of_actix_web_are_writing_methods() {
    assert_eq!(mistakes("#[cache_page(60)] #[query(\"/\")] async fn page() -> String {}"), 1);
    assert_eq!(mistakes("#[cache_page(60)] #[actix_web::query(\"/\")] async fn page() -> String {}"), 1);
    assert_eq!(mistakes("#[cache_page(60)] #[openapi::post(\"/\")] async fn page() -> String {}"), 0);
    assert_eq!(mistakes("#[cache_page(60)] #[post] async fn page() -> String {}"), 0);
}

#[test]
fn an_integer_may_name_its_type() {
    assert_eq!(mistakes("#[cache_page(60u32)] async fn page() -> String {}"), 0);
    assert_eq!(mistakes("#[cache_page(60_i64)] async fn page() -> String {}"), 0);
    assert_eq!(mistakes("#[cache_page(60s)] async fn page() -> String {}"), 1);
}

#[test]
fn parameters_are_those_of_the_routes_below() {
    let below = |route: &str, tag: &str| {
        mistakes(&format!("#[cache_page(60, tags = [{tag:?}])] {route} async fn page() -> String {{}}"))
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
fn tags_are_limited() {
    let tags =
        |tags: &[String]| mistakes(&format!("#[purge_page(tags = {tags:?})] async fn page() -> String {{}}"));
    let numbered = |count: usize| (0..count).map(|tag| tag.to_string()).collect::<Vec<_>>();
    assert_eq!(tags(&numbered(32)), 0);
    assert_eq!(tags(&numbered(40)), 1);
    assert_eq!(tags(&["a".repeat(256)]), 0);
    assert_eq!(tags(&["a".repeat(257)]), 1);
    for wrong in ["", " ", " a", "a\n", "{", "}", "{}", "{ }", "{a b}", "{a{b}}", "{a}}", "{id:x}", "{:x}"] {
        assert_eq!(tags(&[wrong.to_owned()]), 1, "{wrong:?}");
    }
    for right in ["a b", "é", "a:{b}{c-d}_{e_1}", "{a}{a}"] {
        assert_eq!(tags(&[right.to_owned()]), 0, "{right:?}");
    }
}

#[test]
fn paths_are_whole() {
    let path =
        |path: &str| mistakes(&format!("#[purge_page(paths = [{path:?}])] async fn page() -> String {{}}"));
    for right in ["/", "/posts", "/posts/{id}", "/a*b"] {
        assert_eq!(path(right), 0, "{right:?}");
    }
    let wrong = [
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
    for wrong in wrong {
        assert_eq!(path(wrong), 1, "{wrong:?}");
    }
    assert_eq!(path(&format!("/{}", "a".repeat(2047))), 0);
    assert_eq!(path(&format!("/{}", "a".repeat(2048))), 1);
}

#[test]
fn off_is_a_word() {
    let first = |first: &str| mistakes(&format!("#[cache_page({first})] async fn page() -> String {{}}"));
    for right in ["off", "off,", "off, crate = web::cache", "OFF", "off::TTL"] {
        assert_eq!(first(right), 0, "{right}");
    }
    for wrong in
        ["Off", "\"off\"", "false", "none", "off = true", "60, off", "off, 60", "off, tags = [\"a\"]"]
    {
        assert_eq!(first(wrong), 1, "{wrong}");
    }
}

#[test]
fn kept_or_purging() {
    let both =
        |attributes: &str| mistakes(&format!("{attributes} async fn page(#[key] a: A) -> String {{}}"));
    assert_eq!(both("#[cache_page(60)] #[purge_page(tags = [\"a\"])]"), 1);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[cache_page(60)]"), 1);
    let both = |attributes: &str| mistakes(&format!("{attributes} async fn page() -> String {{}}"));
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[cache_page(off)]"), 0);
    assert_eq!(both("#[cache_page(off)] #[purge_page(tags = [\"a\"])]"), 0);
    assert_eq!(both("#[cache_page(off)] #[cache_page(off)]"), 1);
    assert_eq!(both("#[cache_page(off)] #[cache_page(60)]"), 1);
    assert_eq!(both("#[cache_page(60)] #[cache_page(off)]"), 1);
    assert_eq!(both("#[cache_page(off)] #[post(\"/\")]"), 0);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[get(\"/\")]"), 0);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[purge_page(tags = [\"a\"])]"), 1);
    assert_eq!(both("#[purge_page(tags = [\"a\"])] #[instrument(err)]"), 1);
}

/// What the first attribute of ours makes of the item below it. The attributes above it have run by then.
fn expand(source: &str) -> TokenStream {
    let ours = ["#[cache_page", "#[purge_page"].into_iter().filter_map(|ours| source.find(ours)).min();
    let (_, ours) = source.split_at(ours.expect("the handler has an attribute of ours"));
    let parse = |input: ParseStream<'_>| {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let ours = attributes.remove(0);
        let expand = if ours.path().is_ident("purge_page") { crate::purging } else { crate::cached };
        let args = match ours.meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        let item: TokenStream = input.parse()?;
        Ok(expand(args, quote!(#(#attributes)* #item)))
    };
    parse.parse_str(ours).expect("the source is Rust")
}

fn mistakes(source: &str) -> usize {
    let errors = expand(source).into_iter();
    errors.filter(|token| matches!(token, TokenTree::Ident(name) if name == "compile_error")).count()
}
