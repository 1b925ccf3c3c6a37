//! The list of `statuses`: `[404, 410 => "5s"]`.

use proc_macro2::{Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    Error, Expr, Path, Token, bracketed,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

use super::{
    duration::{STATUS_TTL, Ttl},
    tokens::ungroup,
    value::{OptionTokens, combine, status},
};

/// The statuses to which the TTL applies, and those with a TTL of their own.
pub(crate) struct Statuses {
    span: Span,
    plain: Vec<Expr>,
    timed: Vec<(Expr, Ttl)>,
}

/// The list as it is written.
struct StatusList(Span, Punctuated<StatusEntry, Token![,]>);

struct StatusEntry {
    status: Expr,
    /// What follows `=>`, if that is there.
    ttl: Option<Option<Expr>>,
}

impl Parse for StatusList {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let content;
        let bracket = bracketed!(content in input);
        Ok(Self(bracket.span.join(), Punctuated::parse_terminated(&content)?))
    }
}

impl Parse for StatusEntry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let status = input.parse()?;
        let arrow: Option<Token![=>]> = input.parse()?;
        let is_missing = input.is_empty() || input.peek(Token![,]);
        let ttl = arrow.map(|_| if is_missing { Ok(None) } else { input.parse().map(Some) });
        Ok(Self { status, ttl: ttl.transpose()? })
    }
}

/// Returns the status of an entry, or an error message.
fn status_of(entry: &Expr) -> Result<String, String> {
    match entry {
        // It is what other options are written with.
        Expr::Assign(assign) => {
            let written = |expr: &Expr| expr.to_token_stream().to_string();
            let (status, ttl) = (written(&assign.left), written(&assign.right));
            Err(format!("a TTL follows `=>`; write `{status} => {ttl}`"))
        }
        entry => status(entry),
    }
}

impl Statuses {
    /// Parses the value of the option, or returns every error in it.
    pub(crate) fn parse(tokens: &OptionTokens<'_>) -> syn::Result<Self> {
        // A list that a `macro_rules!` passed on is an expression in an invisible group.
        let list = tokens.ungrouped();
        let Ok(StatusList(span, entries)) = syn::parse2(list) else { return Err(tokens.not_a_list()) };
        if entries.is_empty() {
            return Err(tokens.empty_list());
        }
        let mut statuses = Self { span, plain: Vec::new(), timed: Vec::new() };
        let (mut seen, mut errors) = (Vec::new(), Vec::new());
        for StatusEntry { status: expr, ttl } in entries {
            match status_of(&ungroup(expr.clone())) {
                Ok(code) if seen.contains(&code) => {
                    errors.push(Error::new_spanned(&expr, format!("`{code}` is listed twice; remove one")));
                }
                Ok(code) => seen.push(code),
                Err(message) => errors.push(Error::new_spanned(&expr, message)),
            }
            match ttl.map(|ttl| ttl.map(|ttl| Ttl::parse(ttl, &STATUS_TTL)).transpose()) {
                Some(Ok(Some(ttl))) => statuses.timed.push((expr, ttl)),
                Some(Ok(None)) => {
                    let message = format!("write {} after `=>`", STATUS_TTL.examples);
                    errors.push(Error::new_spanned(expr, message));
                }
                Some(Err(error)) => errors.push(error),
                None => statuses.plain.push(expr),
            }
        }
        combine(errors).map_or(Ok(statuses), Err)
    }

    /// Returns the calls of the methods of `Policy` that set the statuses. `statuses` removes those with a TTL of their own.
    pub(crate) fn method_calls(&self, krate: &Path) -> TokenStream {
        let plain = &self.plain;
        let statuses = quote_spanned!(self.span=> .statuses(&[#(#plain),*]));
        if self.timed.is_empty() {
            return statuses;
        }
        let span = self.timed.last().map_or(self.span, |(_, ttl)| ttl.span());
        let entries = self.timed.iter().map(|(status, ttl)| {
            let ttl = ttl.to_tokens(krate);
            quote!((#status, #ttl))
        });
        quote_spanned!(span=> #statuses.status_ttls(const { &[#(#entries),*] }))
    }
}
