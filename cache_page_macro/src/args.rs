//! What stands in the parentheses: `#[cache_page(60, name = "home")]`, `#[cache_page(off)]`, `#[purge_page(tags = ["posts"])]`.

use proc_macro2::TokenStream;
use syn::{Error, Expr, ExprLit, Lit, Path};

use crate::{
    options::{CACHE_PAGE, EXEMPT, Form, Options, PURGE_PAGE},
    split::{Argument, Arguments, is_word},
    ttl::{TTL, Time, bare},
};

pub(crate) struct Args {
    pub(crate) role: Role,
    pub(crate) options: Options,
    /// The path of the facade crate.
    pub(crate) krate: Path,
}

/// What the handler is to the cache.
pub(crate) enum Role {
    /// Its pages are kept for so long.
    Keep(Time),
    /// Its pages are not kept, whatever surrounds it.
    Exempt,
    /// It changes what other handlers' pages show.
    Purge,
}

impl Role {
    pub(crate) fn form(&self) -> &'static Form {
        match self {
            Self::Keep(_) => &CACHE_PAGE,
            Self::Exempt => &EXEMPT,
            Self::Purge => &PURGE_PAGE,
        }
    }
}

/// The arguments, as far as they could be read, and every mistake in them.
type Read = (Args, Vec<Error>);

impl Args {
    pub(crate) fn cache_page(tokens: TokenStream) -> Read {
        let arguments = Arguments::split(tokens);
        if arguments.list.first().is_some_and(|first| first.is_word("off")) {
            Self::exempt(arguments)
        } else {
            Self::keep(arguments)
        }
    }

    fn keep(Arguments { start, list, mut mistakes }: Arguments) -> Read {
        let mut ttl = None;
        let mut options = Options::of(&CACHE_PAGE);
        for (position, Argument { name, value }) in list.into_iter().enumerate() {
            let read = match name {
                Some(name) => options.add(&name, value),
                None if position == 0 => {
                    time_to_live(value).map(|time| ttl = Some(time)).map_err(|mistake| vec![mistake])
                }
                None => Err(vec![misplaced(&value, ttl.is_some())]),
            };
            if let Err(found) = read {
                // A wrong TTL is one mistake, not also a missing one.
                if position == 0 && !options.any() {
                    ttl.get_or_insert(Time::Forever);
                }
                mistakes.extend(found);
            }
        }
        if ttl.is_none() && mistakes.is_empty() {
            mistakes.push(Error::new(
                start,
                format!("say how long the page is kept: `#[cache_page(…)]` takes {}", TTL.examples),
            ));
        }
        (Self::new(Role::Keep(ttl.unwrap_or(Time::Forever)), options), mistakes)
    }

    fn exempt(mut arguments: Arguments) -> Read {
        arguments.list.remove(0);
        let (options, mistakes) = only_options(&EXEMPT, arguments, |_| EXEMPT.not_one());
        (Self::new(Role::Exempt, options), mistakes)
    }

    pub(crate) fn purge_page(tokens: TokenStream) -> Read {
        let arguments = Arguments::split(tokens);
        let start = arguments.start;
        let (options, mut mistakes) = only_options(&PURGE_PAGE, arguments, unnamed);
        if !options.has("tags") && !options.has("paths") && mistakes.is_empty() {
            mistakes.push(Error::new(
                start,
                "say what this handler changes: `#[purge_page(tags = [\"posts\"], paths = [\"/posts\"])]`",
            ));
        }
        (Self::new(Role::Purge, options), mistakes)
    }

    fn new(role: Role, options: Options) -> Self {
        let krate = options.krate().cloned().unwrap_or_else(|| syn::parse_quote!(::cache_page));
        Self { role, options, krate }
    }
}

/// All arguments where none goes without a name; `unnamed` says what is wrong with one that does.
fn only_options(
    form: &'static Form,
    Arguments { list, mut mistakes, .. }: Arguments,
    unnamed: impl Fn(&TokenStream) -> String,
) -> (Options, Vec<Error>) {
    let mut options = Options::of(form);
    for Argument { name, value } in list {
        match name {
            Some(name) => mistakes.extend(options.add(&name, value).err().into_iter().flatten()),
            None => mistakes.push(Error::new_spanned(&value, unnamed(&value))),
        }
    }
    (options, mistakes)
}

/// The first argument of `#[cache_page]`.
fn time_to_live(value: TokenStream) -> syn::Result<Time> {
    let Ok(expr) = syn::parse2::<Expr>(value.clone()).map(bare) else {
        return Err(Error::new_spanned(value, TTL.not_one()));
    };
    match nearly_off(&expr) {
        Some(message) => Err(Error::new_spanned(value, message)),
        None => Time::new(expr, &TTL),
    }
}

/// What is said of words that could be meant as `off`. One in upper case is a constant.
fn nearly_off(expr: &Expr) -> Option<&'static str> {
    const OFF: &str = "an exempt handler is written `#[cache_page(off)]`, without quotes and in lower case";
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Bool(word), .. }) if !word.value => Some(OFF),
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().eq_ignore_ascii_case("off") => {
            Some(OFF)
        }
        Expr::Path(path) if path.path.is_ident("Off") => Some(OFF),
        Expr::Path(path) if path.path.is_ident("none") => {
            Some("write `None` to keep the page for ever, or `off` to exempt the handler")
        }
        _ => None,
    }
}

/// An argument without a `name =`, behind the first.
fn misplaced(argument: &TokenStream, has_ttl: bool) -> Error {
    let message = match CACHE_PAGE.begun(argument) {
        Some(option) => format!("write `{option}`"),
        None if is_word(argument, "off") => {
            "an exempt handler has no time to live and no options; write `#[cache_page(off)]`, or remove `off`"
                .to_owned()
        }
        None if !has_ttl && syn::parse2::<Expr>(argument.clone()).is_ok() => {
            "the time to live stands first, before the options".to_owned()
        }
        None => CACHE_PAGE.not_one(),
    };
    Error::new_spanned(argument, message)
}

/// What is said of an argument of `#[purge_page]` that has no name.
fn unnamed(argument: &TokenStream) -> String {
    if let Some(option) = PURGE_PAGE.begun(argument) {
        return format!("write `{option}`");
    }
    match syn::parse2(argument.clone()).map(bare) {
        Ok(Expr::Lit(ExprLit { lit: Lit::Str(text), .. })) if text.value().starts_with('/') => {
            format!("write `paths = [{}]`", argument)
        }
        Ok(Expr::Lit(ExprLit { lit: Lit::Str(_), .. })) => format!("write `tags = [{}]`", argument),
        Ok(Expr::Array(_)) => "say what these are: `tags = [\"posts\"]` or `paths = [\"/posts\"]`".to_owned(),
        Ok(Expr::Lit(ExprLit { lit: Lit::Int(_), .. })) => {
            "a purge has no time to live; remove it, and say what this handler changes: `tags = [\"posts\"]`"
                .to_owned()
        }
        _ => PURGE_PAGE.not_one(),
    }
}
