//! The comma-separated arguments of an attribute, before their values are parsed.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Error, Expr, Ident, Token, ext::IdentExt as _, parse::ParseStream, parse::Parser as _};

use super::tokens::is_word;

/// One argument: `value` or `name = value`.
///
/// The value stays unparsed, so that an error in it does not hide the errors of the next argument.
pub(crate) struct Argument {
    pub(crate) name: Option<Ident>,
    pub(crate) value: TokenStream,
}

pub(crate) struct Arguments {
    /// The span at which a missing argument is reported.
    pub(crate) start: Span,
    pub(crate) list: Vec<Argument>,
    pub(crate) errors: Vec<Error>,
}

impl Arguments {
    /// Splits the tokens at their commas.
    pub(crate) fn split(tokens: TokenStream) -> Self {
        let start = tokens.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());
        let mut errors = Vec::new();
        let split = |input: ParseStream<'_>| split_at_commas(input, &mut errors);
        let list = split.parse2(tokens).unwrap_or_else(|error| {
            errors.push(error);
            Vec::new()
        });
        Self { start, list, errors }
    }
}

fn split_at_commas(input: ParseStream<'_>, errors: &mut Vec<Error>) -> syn::Result<Vec<Argument>> {
    let mut arguments = Vec::new();
    while !input.is_empty() {
        if input.peek(Token![,]) {
            let comma: Token![,] = input.parse()?;
            errors.push(Error::new_spanned(comma, "unexpected comma; remove it"));
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
        Ok(Self { name, value: parse_value(input)? })
    }

    /// Returns whether the argument is this word, without a name.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.name.is_none() && is_word(&self.value, word)
    }
}

/// Parses an expression, which may contain commas, or else all tokens before the next comma.
fn parse_value(input: ParseStream<'_>) -> syn::Result<TokenStream> {
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
