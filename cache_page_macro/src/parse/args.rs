//! The arguments of an attribute: `#[cache_page(60, name = "home")]`, `#[cache_page(uncached)]`,
//! `#[purge_page(tags = ["posts"])]`.

use proc_macro2::TokenStream;
use syn::{Attribute, Error, Expr, ExprLit, Lit, Meta, Path};

use super::{
    arguments::{Argument, Arguments},
    duration::{TTL, Ttl},
    options::{AttributeSpec, CACHE_PAGE, Options, PURGE_PAGE, UNCACHED},
    tokens::{is_word, ungroup},
    value::string_literal,
};

pub(crate) struct Args {
    pub(crate) kind: AttributeKind,
    pub(crate) options: Options,
    /// The path of the facade crate.
    pub(crate) krate: Path,
}

/// What an attribute makes of its handler.
pub(crate) enum AttributeKind {
    /// Stores its responses. The TTL may be that of a policy.
    Cache(Option<Ttl>),
    /// Exempts it from the middleware.
    Uncached,
    /// Purges pages after it succeeded.
    Purge,
}

impl AttributeKind {
    pub(crate) fn spec(&self) -> &'static AttributeSpec {
        match self {
            Self::Cache(_) => &CACHE_PAGE,
            Self::Uncached => &UNCACHED,
            Self::Purge => &PURGE_PAGE,
        }
    }

    /// Returns the name of the type of the request, the first argument of the generated function.
    pub(crate) fn request_type(&self) -> &'static str {
        match self {
            Self::Cache(_) => CACHED_REQUEST,
            Self::Uncached => UNCACHED_REQUEST,
            Self::Purge => PURGING_REQUEST,
        }
    }
}

pub(crate) const CACHED_REQUEST: &str = "CachedRequest";
pub(crate) const UNCACHED_REQUEST: &str = "UncachedRequest";
pub(crate) const PURGING_REQUEST: &str = "PurgingRequest";

/// The arguments that could be parsed, and every error in the others.
type Parsed = (Args, Vec<Error>);

impl Args {
    /// Parses the arguments of `#[cache_page]`.
    pub(crate) fn cache_page(tokens: TokenStream) -> Parsed {
        let arguments = Arguments::split(tokens);
        if starts_with_uncached(&arguments) { Self::uncached(arguments) } else { Self::cache(arguments) }
    }

    fn cache(Arguments { start, list, mut errors }: Arguments) -> Parsed {
        let mut ttl = None;
        let mut options = Options::new(&CACHE_PAGE);
        for (position, Argument { name, value }) in list.into_iter().enumerate() {
            let parsed = match name {
                Some(name) => options.add(&name, value),
                None if position == 0 => {
                    parse_ttl(value).map(|parsed| ttl = Some(parsed)).map_err(|error| vec![error])
                }
                None => Err(vec![misplaced(&value, ttl.is_some())]),
            };
            if let Err(found) = parsed {
                // An invalid TTL is one error, not also a missing TTL.
                if position == 0 && options.is_empty() {
                    ttl.get_or_insert(Ttl::Unbounded);
                }
                errors.extend(found);
            }
        }
        if ttl.is_none() && !options.has("policy") && errors.is_empty() {
            let message = format!("the TTL is missing; write it first: {}", TTL.examples);
            errors.push(Error::new(start, message));
        }
        (Self::new(AttributeKind::Cache(ttl), options), errors)
    }

    fn uncached(mut arguments: Arguments) -> Parsed {
        arguments.list.remove(0);
        let (options, errors) = parse_options(&UNCACHED, arguments, |_| {
            "an uncached handler has no TTL and no options; remove this".to_owned()
        });
        (Self::new(AttributeKind::Uncached, options), errors)
    }

    /// Parses the arguments of `#[purge_page]`.
    pub(crate) fn purge_page(tokens: TokenStream) -> Parsed {
        let arguments = Arguments::split(tokens);
        let start = arguments.start;
        let (options, mut errors) = parse_options(&PURGE_PAGE, arguments, unnamed_in_purge_page);
        if !options.has("tags") && !options.has("paths") && errors.is_empty() {
            errors.push(Error::new(
                start,
                "nothing to purge; write what this handler changes: `#[purge_page(tags = [\"posts\"], paths = [\"/posts\"])]`",
            ));
        }
        (Self::new(AttributeKind::Purge, options), errors)
    }

    fn new(kind: AttributeKind, options: Options) -> Self {
        let krate = options.krate().cloned().unwrap_or_else(|| syn::parse_quote!(::cache_page));
        Self { kind, options, krate }
    }
}

/// Returns whether an attribute has the arguments of `#[cache_page(uncached)]`.
pub(crate) fn is_uncached(attribute: &Attribute) -> bool {
    match &attribute.meta {
        Meta::List(list) => starts_with_uncached(&Arguments::split(list.tokens.clone())),
        _ => false,
    }
}

fn starts_with_uncached(arguments: &Arguments) -> bool {
    arguments.list.first().is_some_and(|first| first.is_word("uncached"))
}

/// Parses arguments all of which have names; `unnamed` returns the message for one that has none.
fn parse_options(
    spec: &'static AttributeSpec,
    Arguments { list, mut errors, .. }: Arguments,
    unnamed: impl Fn(&TokenStream) -> String,
) -> (Options, Vec<Error>) {
    let mut options = Options::new(spec);
    for Argument { name, value } in list {
        match name {
            Some(name) => errors.extend(options.add(&name, value).err().into_iter().flatten()),
            None => errors.push(Error::new_spanned(&value, unnamed(&value))),
        }
    }
    (options, errors)
}

/// Parses the first argument of `#[cache_page]`.
fn parse_ttl(value: TokenStream) -> syn::Result<Ttl> {
    let Ok(expr) = syn::parse2::<Expr>(value.clone()).map(ungroup) else {
        return Err(Error::new_spanned(value, TTL.not_a_duration()));
    };
    match uncached_hint(&expr) {
        Some(message) => Err(Error::new_spanned(value, message)),
        None => Ttl::parse(expr, &TTL),
    }
}

/// Returns the message for words that could be meant as `uncached`. A word in upper case is a constant.
fn uncached_hint(expr: &Expr) -> Option<&'static str> {
    const HINT: &str = "not a TTL; to exempt this handler from caching, write `#[cache_page(uncached)]`";
    let is_hint = |word: &str| ["off", "Off", "uncached", "Uncached"].contains(&word);
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Bool(word), .. }) if !word.value => Some(HINT),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if is_hint(&text.value()) => Some(HINT),
        Expr::Path(path) if path.path.get_ident().is_some_and(|word| is_hint(&word.to_string())) => {
            Some(HINT)
        }
        Expr::Path(path) if path.path.is_ident("none") => Some(
            "not a TTL; write `#[cache_page(None)]` for no expiry, or `#[cache_page(uncached)]` to exempt this handler",
        ),
        _ => None,
    }
}

/// Returns the error for an argument of `#[cache_page]` without a name, after the first.
fn misplaced(argument: &TokenStream, has_ttl: bool) -> Error {
    let message = match CACHE_PAGE.example_of(argument) {
        Some(example) => format!("an option takes its value after `=`; write `{example}`"),
        None if is_word(argument, "uncached") || is_word(argument, "off") => format!(
            "an uncached handler has no TTL and no options; write `#[cache_page(uncached)]`, or remove `{argument}`"
        ),
        None if !has_ttl && syn::parse2::<Expr>(argument.clone()).is_ok() => {
            "the TTL comes first; move it before the options".to_owned()
        }
        None => CACHE_PAGE.not_an_option(),
    };
    Error::new_spanned(argument, message)
}

/// Returns the message for an argument of `#[purge_page]` without a name.
fn unnamed_in_purge_page(argument: &TokenStream) -> String {
    if let Some(example) = PURGE_PAGE.example_of(argument) {
        return format!("an option takes its value after `=`; write `{example}`");
    }
    match syn::parse2(argument.clone()).map(ungroup) {
        Ok(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if text.value().starts_with('/') => {
            format!("a path belongs in `paths`; write `paths = [{argument}]`")
        }
        Ok(Expr::Lit(ExprLit { lit: Lit::Str(_), .. })) => {
            format!("a tag belongs in `tags`; write `tags = [{argument}]`")
        }
        Ok(Expr::Array(list)) => {
            let is_path =
                |element: &Expr| string_literal(element, "").is_ok_and(|text| text.starts_with('/'));
            let option = if list.elems.iter().any(is_path) { "paths" } else { "tags" };
            format!("this list has no name; write `{option} = {argument}`")
        }
        Ok(Expr::Lit(ExprLit { lit: Lit::Int(_), .. })) => {
            "`#[purge_page]` has no TTL; remove it, and write what this handler changes: `tags = [\"posts\"]`"
                .to_owned()
        }
        _ => PURGE_PAGE.not_an_option(),
    }
}
