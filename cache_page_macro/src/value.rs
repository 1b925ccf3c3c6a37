//! What stands behind the `=` of an option, and in its list.

use std::fmt::Display;

use proc_macro2::TokenStream;
use syn::{Error, Expr, ExprArray, ExprLit, Ident, Lit, LitStr, Path, parse::Parser as _};

use crate::ttl::{Time, Words, bare};

/// For a list that may be as long as it is.
pub(crate) const MANY: usize = usize::MAX;

/// What stands behind the `=` of an option.
pub(crate) struct Value<'a> {
    pub(crate) name: &'a Ident,
    pub(crate) tokens: TokenStream,
    pub(crate) example: &'static str,
}

impl Value<'_> {
    /// Points at the value, or at the option's name where the value is missing.
    fn wrong(&self, message: impl Display) -> Error {
        if self.tokens.is_empty() {
            Error::new_spanned(self.name, message)
        } else {
            Error::new_spanned(&self.tokens, message)
        }
    }

    /// Any expression; `needed` says what would be right.
    fn expr(&self, needed: &str) -> syn::Result<Expr> {
        syn::parse2(self.tokens.clone()).map(bare).map_err(|_| self.wrong(needed))
    }

    pub(crate) fn text(&self) -> syn::Result<LitStr> {
        let literal: LitStr = syn::parse2(self.tokens.clone())
            .map_err(|_| self.wrong(format!("write a string: `{}`", self.example)))?;
        if literal.value().is_empty() {
            return Err(self.wrong(format!("`{}` is empty; write something or leave it out", self.name)));
        }
        Ok(literal)
    }

    pub(crate) fn path(&self) -> syn::Result<Path> {
        Path::parse_mod_style
            .parse2(self.tokens.clone())
            .map_err(|_| self.wrong(format!("write `{}`, without quotes", self.example)))
    }

    pub(crate) fn function(&self) -> syn::Result<Expr> {
        let needed = format!("write the name of a function, or a closure: `{}`", self.example);
        match self.expr(&needed)? {
            function @ (Expr::Path(_) | Expr::Closure(_)) => Ok(function),
            _ => Err(self.wrong(needed)),
        }
    }

    pub(crate) fn time(&self, words: &Words) -> syn::Result<Time> {
        Time::new(self.expr(&words.not_one())?, words)
    }

    pub(crate) fn bytes(&self) -> syn::Result<Expr> {
        let needed = "write a number of bytes, or a constant `usize`: `max_body = 64 * 1024`";
        let expr = self.expr(needed)?;
        let is_number = match &expr {
            Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) => matches!(number.suffix(), "" | "usize"),
            Expr::Lit(_) => false,
            Expr::Unary(unary) => !matches!(unary.op, syn::UnOp::Neg(_)),
            _ => true,
        };
        if is_number { Ok(expr) } else { Err(self.wrong(needed)) }
    }

    /// A list, each element of which is read by `element`: as what it stands for, or what is wrong with it.
    pub(crate) fn list(
        &self,
        fewest: usize,
        most: usize,
        element: fn(&Expr) -> Result<String, String>,
    ) -> syn::Result<ExprArray> {
        let needed = format!("write a list: `{}`", self.example);
        let Expr::Array(list) = self.expr(&needed)? else { return Err(self.wrong(needed)) };
        if list.elems.len() < fewest {
            return Err(self.wrong(format!("this list is empty; leave `{}` out, or {needed}", self.name)));
        }
        let mut seen = Vec::new();
        let mistakes = list.elems.iter().enumerate().filter_map(|(position, expr)| {
            let message = match element(&bare(expr.clone())) {
                _ if position == most => {
                    format!("`{}` takes {most} at most; remove those from here on", self.name)
                }
                Ok(one) if !seen.contains(&one) => {
                    seen.push(one);
                    return None;
                }
                Ok(repeated) => format!("`{repeated}` is listed twice; keep one"),
                Err(message) => message,
            };
            Some(Error::new_spanned(expr, message))
        });
        let all = mistakes.reduce(|mut all, one| {
            all.combine(one);
            all
        });
        all.map_or(Ok(list), Err)
    }
}

pub(crate) fn status(element: &Expr) -> Result<String, String> {
    let Expr::Lit(ExprLit { lit: Lit::Int(number), .. }) = element else {
        return Err("write a status as a number, such as 404".to_owned());
    };
    if !matches!(number.suffix(), "" | "u16") {
        return Err(format!("write the number alone: {}", number.base10_digits()));
    }
    match number.base10_parse::<u16>() {
        Ok(206 | 304 | 412 | 416 | 417 | 428 | 429 | 431 | 511) => {
            Err(format!("{number} is for one request, and is never kept; remove it"))
        }
        Ok(200..=599) => Ok(number.base10_digits().to_owned()),
        _ => Err("a page has a final status; write one from 200 to 599, such as 404".to_owned()),
    }
}

pub(crate) fn header(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"accept-language\"";
    let name = string(element, EXAMPLE)?;
    match name.as_str() {
        "*" => Err("a page that depends on everything is not cached; \
            write the names of the request headers that it depends on, or remove `#[cache_page]`"
            .to_owned()),
        name if !is_token(name) => {
            Err(format!("`{name}` is no name of a header; write one such as {EXAMPLE}"))
        }
        name if name != name.to_lowercase() => {
            Err(format!("headers are named in lower case here; write \"{}\"", name.to_lowercase()))
        }
        _ => Ok(name),
    }
}

pub(crate) fn cookie(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"theme\"";
    let name = string(element, EXAMPLE)?;
    if is_token(&name) {
        Ok(name)
    } else {
        Err(format!("`{name}` is no name of a cookie; write one such as {EXAMPLE}"))
    }
}

pub(crate) fn parameter(element: &Expr) -> Result<String, String> {
    let name = string(element, "\"page\"")?;
    if name.contains('*') {
        return Err("`query` takes whole names, without `*`; \
            write each parameter that makes a page, or those that do not in `ignore_query`"
            .to_owned());
    }
    Ok(name)
}

pub(crate) fn parameters(element: &Expr) -> Result<String, String> {
    let name = string(element, "\"utm_*\"")?;
    match name.find('*') {
        Some(0) if name.len() == 1 => Err("this is every parameter; write `query = []` instead".to_owned()),
        Some(star) if star + 1 < name.len() => {
            Err("a `*` stands at the end of a name only; write one such as \"utm_*\"".to_owned())
        }
        _ => Ok(name),
    }
}

fn string(element: &Expr, example: &str) -> Result<String, String> {
    match literal(element, example)? {
        empty if empty.is_empty() => {
            Err(format!("this name is empty; write one such as {example}, or remove it"))
        }
        text => Ok(text),
    }
}

pub(crate) fn literal(element: &Expr, example: &str) -> Result<String, String> {
    match element {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        _ => Err(format!("write a string, such as {example}")),
    }
}

/// What header and cookie names are made of (RFC 9110 5.6.2).
fn is_token(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
