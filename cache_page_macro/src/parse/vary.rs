//! The lists of `vary` and `normalize`: `["accept", "accept-language" => path::to::function]`.

use proc_macro2::Span;
use quote::ToTokens as _;
use syn::{
    Error, Expr, ExprArray, Token, bracketed,
    parse::{Parse, ParseStream},
    parse_quote_spanned,
    punctuated::Punctuated,
};

use super::{
    tokens::ungroup,
    value::{OptionTokens, combine, header_name},
};

/// The request headers in the key, and those of which a function is.
pub(crate) struct Vary {
    /// All of them but those with a function, if there are any.
    pub(crate) plain: Option<ExprArray>,
    /// A name, and the function of its value.
    pub(crate) normalized: Vec<(Expr, Expr)>,
}

/// The entries of a list, with every error in it.
struct Entries {
    span: Span,
    plain: Vec<Expr>,
    normalized: Vec<(Expr, Expr)>,
    errors: Vec<Error>,
}

/// The list as it is written.
struct VaryList(Span, Punctuated<VaryEntry, Token![,]>);

struct VaryEntry {
    name: Expr,
    /// What follows `=>`, if that is there.
    function: Option<Option<Expr>>,
}

impl Parse for VaryList {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let content;
        let bracket = bracketed!(content in input);
        Ok(Self(bracket.span.join(), Punctuated::parse_terminated(&content)?))
    }
}

impl Parse for VaryEntry {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let name = input.parse()?;
        let arrow: Option<Token![=>]> = input.parse()?;
        let is_missing = input.is_empty() || input.peek(Token![,]);
        let function = arrow.map(|_| if is_missing { Ok(None) } else { input.parse().map(Some) });
        Ok(Self { name, function: function.transpose()? })
    }
}

/// Returns the name of an entry, or an error message.
fn name_of(entry: &Expr) -> Result<String, String> {
    match entry {
        // It is what other options are written with.
        Expr::Assign(assign) => {
            let written = |expr: &Expr| expr.to_token_stream().to_string();
            let (name, function) = (written(&assign.left), written(&assign.right));
            Err(format!("a function follows `=>`; write `{name} => {function}`"))
        }
        entry => header_name(entry),
    }
}

/// As [`name_of`], but rejects the usual headers that carry credentials.
fn normalizable_name_of(entry: &Expr) -> Result<String, String> {
    match name_of(entry)? {
        name if matches!(name.as_str(), "authorization" | "cookie" | "proxy-authorization") => Err(format!(
            "`{name}` tells visitors apart, and a function of it could show one the page of another; remove it"
        )),
        name => Ok(name),
    }
}

impl Vary {
    /// Parses the value of `vary`, or returns every error in it.
    pub(crate) fn parse(tokens: &OptionTokens<'_>) -> syn::Result<Self> {
        let Entries { span, plain, normalized, errors } = Entries::parse(tokens, name_of)?;
        let plain =
            (!plain.is_empty() || normalized.is_empty()).then(|| parse_quote_spanned!(span=> [#(#plain),*]));
        combine(errors).map_or(Ok(Self { plain, normalized }), Err)
    }

    /// Parses the value of `normalize`, or returns every error in it.
    pub(crate) fn parse_normalize(tokens: &OptionTokens<'_>) -> syn::Result<Vec<(Expr, Expr)>> {
        let Entries { plain, normalized, mut errors, .. } = Entries::parse(tokens, normalizable_name_of)?;
        errors.extend(plain.iter().map(|name| {
            let written = name.to_token_stream();
            Error::new_spanned(
                name,
                format!("`normalize` takes a function of the value; write `{written} => path::to::function`"),
            )
        }));
        combine(errors).map_or(Ok(normalized), Err)
    }
}

impl Entries {
    /// Parses a list with at least one entry. `name_of` returns the name of an entry, or an error message.
    fn parse(tokens: &OptionTokens<'_>, name_of: fn(&Expr) -> Result<String, String>) -> syn::Result<Self> {
        // A list that a `macro_rules!` passed on is an expression in an invisible group.
        let Ok(VaryList(span, entries)) = syn::parse2(tokens.ungrouped()) else {
            return Err(tokens.not_a_list());
        };
        if entries.is_empty() {
            return Err(tokens.empty_list());
        }
        let mut parsed = Self { span, plain: Vec::new(), normalized: Vec::new(), errors: Vec::new() };
        let mut seen = Vec::new();
        for VaryEntry { name: expr, function } in entries {
            match name_of(&ungroup(expr.clone())) {
                Ok(name) if seen.contains(&name) => {
                    let message = format!("`{name}` is listed twice; remove one");
                    parsed.errors.push(Error::new_spanned(&expr, message));
                }
                Ok(name) => seen.push(name),
                Err(message) => parsed.errors.push(Error::new_spanned(&expr, message)),
            }
            match function.map(|function| function.map(ungroup)) {
                None => parsed.plain.push(expr),
                Some(Some(function @ (Expr::Path(_) | Expr::Closure(_)))) => {
                    parsed.normalized.push((expr, function));
                }
                Some(other) => {
                    let message = "write the path of a function of `Option<&str>`, or a closure, after `=>`";
                    parsed.errors.push(other.map_or_else(
                        || Error::new_spanned(expr, message),
                        |other| Error::new_spanned(other, message),
                    ));
                }
            }
        }
        Ok(parsed)
    }
}
