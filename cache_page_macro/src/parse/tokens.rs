//! Helpers for tokens and expressions.

use proc_macro2::{Span, TokenStream};
use quote::ToTokens;
use syn::{Expr, Ident};

/// Returns an expression without the invisible group that a `macro_rules!` puts around it.
pub(crate) fn ungroup(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => ungroup(*group.expr),
        expr => expr,
    }
}

/// Returns the same tokens with their errors reported at `span`.
///
/// rustc underlines the whole attribute if an expression begins and ends in different spans.
pub(crate) fn respan(tokens: &impl ToTokens, span: Span) -> TokenStream {
    let moved = tokens.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(span));
        token
    });
    moved.collect()
}

/// Returns whether the tokens are this identifier and nothing else.
pub(crate) fn is_word(tokens: &TokenStream, word: &str) -> bool {
    syn::parse2::<Ident>(tokens.clone()).is_ok_and(|ident| ident == word)
}
