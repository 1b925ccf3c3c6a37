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

/// What `#[cache_page]` makes of the item below it. The attributes above it have run by then.
fn expand(source: &str) -> TokenStream {
    let (_, ours) = source.split_at(source.find("#[cache_page").expect("the handler is cached"));
    let parse = |input: ParseStream<'_>| {
        let mut attributes = input.call(Attribute::parse_outer)?;
        let args = match attributes.remove(0).meta {
            Meta::List(list) => list.tokens,
            _ => TokenStream::new(),
        };
        let item: TokenStream = input.parse()?;
        Ok(crate::cached(args, quote!(#(#attributes)* #item)))
    };
    parse.parse_str(ours).expect("the source is Rust")
}

fn mistakes(source: &str) -> usize {
    let errors = expand(source).into_iter();
    errors.filter(|token| matches!(token, TokenTree::Ident(name) if name == "compile_error")).count()
}
