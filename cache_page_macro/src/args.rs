//! What stands in the parentheses of `#[cache_page(60, name = "home")]`: arguments, the time to live first.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Error, Expr, Ident, Path, Token, ext::IdentExt as _, parse::ParseStream, parse::Parser as _};

use crate::{
    options::{self, Options},
    ttl::{TTL, Time},
};

pub(crate) struct Args {
    pub(crate) ttl: Time,
    pub(crate) options: Options,
    /// The path of the facade crate.
    pub(crate) krate: Path,
}

impl Args {
    /// Every mistake in the arguments; `None` only if there is at least one.
    pub(crate) fn parse(tokens: TokenStream) -> (Option<Self>, Vec<Error>) {
        let start = tokens.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());
        let mut mistakes = Vec::new();
        let split = |input: ParseStream<'_>| split_at_commas(input, &mut mistakes);
        let arguments = split.parse2(tokens).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Vec::new()
        });

        let mut ttl = None;
        let mut options = Options::default();
        for (position, Argument { name, value }) in arguments.into_iter().enumerate() {
            let read = match name {
                Some(name) => options.add(&name, value),
                None if position == 0 => syn::parse2(value.clone())
                    .map_err(|_| Error::new_spanned(value, TTL.not_one()))
                    .and_then(|expr| Time::new(expr, &TTL))
                    .map(|time| ttl = Some(time))
                    .map_err(|mistake| vec![mistake]),
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

        let Some(ttl) = ttl else {
            if mistakes.is_empty() {
                mistakes.push(Error::new(
                    start,
                    format!("say how long the page is kept: `#[cache_page(…)]` takes {}", TTL.examples),
                ));
            }
            return (None, mistakes);
        };
        let krate = options.krate().cloned().unwrap_or_else(|| syn::parse_quote!(::cache_page));
        (Some(Self { ttl, options, krate }), mistakes)
    }
}

/// An argument without a `name =`, behind the first.
fn misplaced(argument: &TokenStream, has_ttl: bool) -> Error {
    let message = match options::begun(argument) {
        Some(option) => format!("write `{option}`"),
        None if !has_ttl && syn::parse2::<Expr>(argument.clone()).is_ok() => {
            "the time to live stands first, before the options".to_owned()
        }
        None => options::not_one(),
    };
    Error::new_spanned(argument, message)
}

/// What stands between two commas, not yet understood: one that is broken does not hide the mistakes of the next.
struct Argument {
    name: Option<Ident>,
    value: TokenStream,
}

fn split_at_commas(input: ParseStream<'_>, mistakes: &mut Vec<Error>) -> syn::Result<Vec<Argument>> {
    let mut arguments = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![,]) {
            let comma: Token![,] = input.parse()?;
            mistakes.push(Error::new_spanned(comma, "nothing stands before this comma; remove it"));
        } else {
            arguments.push(Argument::parse(input)?);
            input.parse::<Option<Token![,]>>()?;
        }
    }
    Ok(arguments)
}

impl Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        let is_named = Ident::parse_any(&ahead).is_ok() && ahead.peek(Token![=]) && !ahead.peek(Token![==]);
        let mut name = None;
        if is_named {
            name = Some(Ident::parse_any(input)?);
            input.parse::<Token![=]>()?;
        }
        Ok(Self { name, value: value(input)? })
    }
}

/// An expression, which may have commas of its own; or whatever stands before the next comma.
fn value(input: ParseStream<'_>) -> syn::Result<TokenStream> {
    let ahead = input.fork();
    if ahead.parse::<Expr>().is_ok() && (ahead.is_empty() || ahead.peek(Token![,])) {
        return Ok(input.parse::<Expr>()?.into_token_stream());
    }
    let mut tokens = TokenStream::new();
    while !input.is_empty() && !input.peek(Token![,]) {
        tokens.extend([input.parse::<TokenTree>()?]);
    }
    Ok(tokens)
}
