//! What stands between the commas of an attribute, not yet understood.

use proc_macro2::{Span, TokenStream, TokenTree};
use quote::ToTokens as _;
use syn::{Error, Expr, Ident, Token, ext::IdentExt as _, parse::ParseStream, parse::Parser as _};

/// One argument: one that is broken does not hide the mistakes of the next.
pub(crate) struct Argument {
    pub(crate) name: Option<Ident>,
    pub(crate) value: TokenStream,
}

pub(crate) struct Arguments {
    /// Where something that is missing is reported.
    pub(crate) start: Span,
    pub(crate) list: Vec<Argument>,
    pub(crate) mistakes: Vec<Error>,
}

impl Arguments {
    pub(crate) fn split(tokens: TokenStream) -> Self {
        let start = tokens.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());
        let mut mistakes = Vec::new();
        let split = |input: ParseStream<'_>| split_at_commas(input, &mut mistakes);
        let list = split.parse2(tokens).unwrap_or_else(|mistake| {
            mistakes.push(mistake);
            Vec::new()
        });
        Self { start, list, mistakes }
    }
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

    /// Whether it is this word and nothing else.
    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.name.is_none() && is_word(&self.value, word)
    }
}

pub(crate) fn is_word(argument: &TokenStream, word: &str) -> bool {
    syn::parse2::<Ident>(argument.clone()).is_ok_and(|ident| ident == word)
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
