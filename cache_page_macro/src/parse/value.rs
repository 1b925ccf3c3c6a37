//! The values of options, and the elements of lists.

use std::fmt::Display;

use proc_macro2::{Delimiter, TokenStream, TokenTree};
use syn::{Error, Expr, ExprArray, ExprLit, Ident, Lit, LitStr, Path, parse::Parser as _};

use super::{
    duration::{DurationMessages, Ttl},
    similar::similar,
    tokens::ungroup,
};

/// The maximum length of a list that has no limit.
pub(crate) const UNLIMITED: usize = usize::MAX;

/// The tokens after the `=` of an option.
pub(crate) struct OptionTokens<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) tokens: TokenStream,
    pub(crate) example: &'static str,
}

impl OptionTokens<'_> {
    /// Returns an error at the value, or at the option's name if the value is missing.
    fn error(&self, message: impl Display) -> Error {
        if self.tokens.is_empty() {
            Error::new_spanned(self.name, message)
        } else {
            Error::new_spanned(&self.tokens, message)
        }
    }

    fn expr(&self, message: &str) -> syn::Result<Expr> {
        syn::parse2(self.tokens.clone()).map(ungroup).map_err(|_| self.error(message))
    }

    pub(crate) fn string(&self) -> syn::Result<LitStr> {
        let literal: LitStr = syn::parse2(self.tokens.clone())
            .map_err(|_| self.error(format!("`{}` takes a string; write `{}`", self.name, self.example)))?;
        if literal.value().is_empty() {
            let message = format!("`{}` is empty; write `{}`, or remove it", self.name, self.example);
            return Err(self.error(message));
        }
        Ok(literal)
    }

    pub(crate) fn path(&self) -> syn::Result<Path> {
        Path::parse_mod_style.parse2(self.tokens.clone()).map_err(|_| {
            self.error(format!("`{}` takes a path without quotes; write `{}`", self.name, self.example))
        })
    }

    pub(crate) fn policy(&self) -> syn::Result<Expr> {
        let message = format!("`{}` takes a constant of type `Policy`; write `{}`", self.name, self.example);
        match self.expr(&message)? {
            Expr::Lit(_) => Err(self.error(message)),
            policy => Ok(policy),
        }
    }

    pub(crate) fn ident(&self) -> syn::Result<Ident> {
        syn::parse2(self.tokens.clone()).map_err(|_| {
            self.error(format!("`{}` takes a name without quotes; write `{}`", self.name, self.example))
        })
    }

    pub(crate) fn function(&self) -> syn::Result<Expr> {
        let message =
            format!("`{}` takes the path of a function, or a closure; write `{}`", self.name, self.example);
        match self.expr(&message)? {
            function @ (Expr::Path(_) | Expr::Closure(_)) => Ok(function),
            _ => Err(self.error(message)),
        }
    }

    pub(crate) fn duration(&self, messages: &DurationMessages) -> syn::Result<Ttl> {
        Ttl::parse(self.expr(&messages.not_a_duration())?, messages)
    }

    /// Returns an expression of type `bool`, such as `cfg!(feature = "compress")`.
    pub(crate) fn boolean(&self) -> syn::Result<Expr> {
        let message = format!("`{}` takes `true` or `false`; write `{}`", self.name, self.example);
        let expr = self.expr(&message)?;
        let is_boolean = match &expr {
            Expr::Lit(ExprLit { lit, .. }) => matches!(lit, Lit::Bool(_)),
            Expr::Macro(_) | Expr::Path(_) | Expr::Unary(_) => true,
            _ => false,
        };
        if is_boolean { Ok(expr) } else { Err(self.error(message)) }
    }

    pub(crate) fn byte_count(&self) -> syn::Result<Expr> {
        let message = format!(
            "`{}` takes a number of bytes or a constant of type `usize`; write `{}`",
            self.name, self.example
        );
        let expr = self.expr(&message)?;
        let is_number = match &expr {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => matches!(number.suffix(), "" | "usize"),
            Expr::Lit(_) => false,
            Expr::Unary(unary) => !matches!(unary.op, syn::UnOp::Neg(_)),
            _ => true,
        };
        if is_number { Ok(expr) } else { Err(self.error(message)) }
    }

    /// Returns the tokens without the invisible group that a `macro_rules!` puts around an expression.
    pub(crate) fn ungrouped(&self) -> TokenStream {
        let mut tokens = self.tokens.clone();
        loop {
            let mut trees = tokens.clone().into_iter();
            match (trees.next(), trees.next()) {
                (Some(TokenTree::Group(group)), None) if group.delimiter() == Delimiter::None => {
                    tokens = group.stream();
                }
                _ => return tokens,
            }
        }
    }

    pub(crate) fn not_a_list(&self) -> Error {
        self.error(format!("`{}` takes a list; write `{}`", self.name, self.example))
    }

    pub(crate) fn empty_list(&self) -> Error {
        self.error(format!("`{}` is an empty list; write `{}`, or remove it", self.name, self.example))
    }

    /// Parses a list. `element` returns the value of an element, or an error message.
    pub(crate) fn list(
        &self,
        min: usize,
        max: usize,
        element: fn(&Expr) -> Result<String, String>,
    ) -> syn::Result<ExprArray> {
        let list = syn::parse2(self.tokens.clone()).map(ungroup);
        let Ok(Expr::Array(list)) = list else { return Err(self.not_a_list()) };
        if list.elems.len() < min {
            return Err(self.empty_list());
        }
        let mut seen = Vec::new();
        let errors = list.elems.iter().enumerate().filter_map(|(position, expr)| {
            let message = match element(&ungroup(expr.clone())) {
                _ if position == max => {
                    format!("`{}` takes at most {max} values; remove this one and those after it", self.name)
                }
                Ok(value) if !seen.contains(&value) => {
                    seen.push(value);
                    return None;
                }
                Ok(repeated) => format!("`{repeated}` is listed twice; remove one"),
                Err(message) => message,
            };
            Some(Error::new_spanned(expr, message))
        });
        combine(errors).map_or(Ok(list), Err)
    }
}

/// Returns all errors as one, if there is any.
pub(crate) fn combine(errors: impl IntoIterator<Item = Error>) -> Option<Error> {
    errors.into_iter().reduce(|mut all, error| {
        all.combine(error);
        all
    })
}

pub(crate) fn status(element: &Expr) -> Result<String, String> {
    let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = element else {
        return Err("not a status code; write a number, such as 404".to_owned());
    };
    if !matches!(number.suffix(), "" | "u16") {
        return Err(format!("a status code has no suffix; write {}", number.base10_digits()));
    }
    match number.base10_parse::<u16>() {
        Ok(206 | 304 | 412 | 416 | 417 | 428 | 429 | 431 | 511) => Err(format!(
            "a response with status {number} answers only its own request and is never stored; remove it"
        )),
        Ok(200..=599) => Ok(number.base10_digits().to_owned()),
        _ => Err("not a final status code; write one from 200 to 599, such as 404".to_owned()),
    }
}

/// The request headers that responses usually vary by.
const REQUEST_HEADERS: [&str; 27] = [
    "accept",
    "accept-charset",
    "accept-encoding",
    "accept-language",
    "authorization",
    "cookie",
    "device-memory",
    "forwarded",
    "hx-request",
    "origin",
    "prefer",
    "referer",
    "save-data",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "turbo-frame",
    "user-agent",
    "viewport-width",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-inertia",
    "x-requested-with",
];

pub(crate) fn header_name(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"accept-language\"";
    let name = non_empty(element, EXAMPLE)?;
    match name.as_str() {
        "*" => Err("a response with `Vary: *` is never stored; \
            write the names of the request headers that it depends on, or remove `#[cache_page]`"
            .to_owned()),
        name if !is_token(name) => Err(format!("`{name}` is not a header name; write one such as {EXAMPLE}")),
        name => {
            let name = name.to_lowercase();
            // `X-Authorization` is not a misspelling of `Authorization`.
            let is_extension = |name: &str| name.starts_with("x-");
            let candidates = REQUEST_HEADERS.into_iter();
            match similar(&name, candidates.filter(|known| is_extension(known) == is_extension(&name))) {
                Some(meant) => Err(format!("`{name}` is probably a misspelling; write \"{meant}\"")),
                _ => Ok(name),
            }
        }
    }
}

pub(crate) fn cookie_name(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"theme\"";
    let name = non_empty(element, EXAMPLE)?;
    if is_token(&name) {
        Ok(name)
    } else {
        Err(format!("`{name}` is not a cookie name; write one such as {EXAMPLE}"))
    }
}

pub(crate) fn query_parameter(element: &Expr) -> Result<String, String> {
    let name = non_empty(element, "\"page\"")?;
    if name.contains('*') {
        return Err("`query` takes no patterns; \
            write the name of each parameter that is in the key, or use `ignore_query` for those that are not"
            .to_owned());
    }
    Ok(name)
}

pub(crate) fn query_pattern(element: &Expr) -> Result<String, String> {
    let name = non_empty(element, "\"utm_*\"")?;
    match name.find('*') {
        Some(0) if name.len() == 1 => {
            Err("`*` ignores every parameter; write `query = []` instead".to_owned())
        }
        Some(star) if star + 1 < name.len() => {
            Err("a `*` can only end a name; write one such as \"utm_*\"".to_owned())
        }
        _ => Ok(name),
    }
}

fn non_empty(element: &Expr, example: &str) -> Result<String, String> {
    match string_literal(element, example)? {
        empty if empty.is_empty() => {
            Err(format!("this name is empty; write one such as {example}, or remove it"))
        }
        text => Ok(text),
    }
}

/// Returns the value of a string literal, or an error message with an example.
pub(crate) fn string_literal(element: &Expr, example: &str) -> Result<String, String> {
    match element {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        _ => Err(format!("not a string literal; write one such as {example}")),
    }
}

/// Returns whether a name has only the characters of header and cookie names (RFC 9110, section 5.6.2).
fn is_token(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
