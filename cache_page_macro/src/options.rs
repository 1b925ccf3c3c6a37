//! The options behind the time to live: a table of how each is written and what is made of it.

use std::fmt::Display;

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Expr, ExprLit, Ident, Lit, LitStr, Path, parse::Parser as _, spanned::Spanned as _};

use crate::ttl::{CLIENT_TTL, STALE, Time, Words, bare, located};

/// An option: its name, how it is written, and how that is read.
struct Row(&'static str, &'static str, fn(&Value<'_>) -> syn::Result<Meaning>);

const TABLE: [Row; 15] = [
    Row("name", "name = \"…\"", |value| value.text().map(Meaning::Name)),
    Row("key_prefix", "key_prefix = \"…\"", |value| value.text().map(call)),
    Row("statuses", "statuses = [404, 410]", |value| value.list(1, status)),
    Row("vary", "vary = [\"accept-language\"]", |value| value.list(1, header)),
    Row("vary_cookie", "vary_cookie = [\"theme\"]", |value| value.list(1, cookie)),
    Row("vary_by", "vary_by = path::to::function", |value| value.function().map(Meaning::VaryBy)),
    Row("query", "query = [\"page\"]", |value| value.list(0, parameter)),
    Row("ignore_query", "ignore_query = [\"utm_*\"]", |value| value.list(0, parameters)),
    Row("when", "when = path::to::function", |value| value.function().map(call)),
    Row("unless", "unless = path::to::function", |value| value.function().map(call)),
    Row("client_ttl", "client_ttl = \"10s\"", |value| value.time(&CLIENT_TTL).map(Meaning::Time)),
    Row("stale_while_revalidate", "stale_while_revalidate = \"30s\"", |value| {
        value.time(&STALE).map(Meaning::Time)
    }),
    Row("stale_if_error", "stale_if_error = \"1h\"", |value| value.time(&STALE).map(Meaning::Time)),
    Row("max_body", "max_body = 1024", |value| value.bytes().map(call)),
    Row("crate", "crate = path::to::cache_page", |value| value.path().map(Meaning::Crate)),
];

enum Meaning {
    Name(LitStr),
    Crate(Path),
    VaryBy(Expr),
    /// The policy's method of the option's name takes this time.
    Time(Time),
    /// The policy's method of the option's name takes this.
    Call(TokenStream),
}

fn call(value: impl ToTokens) -> Meaning {
    Meaning::Call(value.into_token_stream())
}

/// The options that were given, in their order.
#[derive(Default)]
pub(crate) struct Options {
    given: Vec<&'static str>,
    read: Vec<(&'static str, Meaning)>,
}

impl Options {
    /// One more; every mistake in it.
    pub(crate) fn add(&mut self, name: &Ident, tokens: TokenStream) -> Result<(), Vec<Error>> {
        let Some(&Row(row, example, read)) = row(name) else {
            return Err(vec![Error::new_spanned(name, unknown(&name.to_string()))]);
        };
        let mut mistakes = Vec::new();
        if self.given.contains(&row) {
            mistakes.push(Error::new_spanned(name, format!("`{row}` is given twice; keep one")));
        } else if self.given.iter().any(|given| contradict(given, row)) {
            mistakes.push(Error::new_spanned(
                name,
                "`query` lists the parameters that make a page, `ignore_query` those that do not; keep one",
            ));
        }
        self.given.push(row);
        match read(&Value { name, tokens, example }) {
            Ok(meaning) => self.read.push((row, meaning)),
            Err(mistake) => mistakes.push(mistake),
        }
        if mistakes.is_empty() { Ok(()) } else { Err(mistakes) }
    }

    pub(crate) fn any(&self) -> bool {
        !self.given.is_empty()
    }

    pub(crate) fn name(&self) -> Option<&LitStr> {
        self.find(|meaning| if let Meaning::Name(name) = meaning { Some(name) } else { None })
    }

    pub(crate) fn krate(&self) -> Option<&Path> {
        self.find(|meaning| if let Meaning::Crate(path) = meaning { Some(path) } else { None })
    }

    pub(crate) fn vary_by(&self) -> Option<&Expr> {
        self.find(|meaning| if let Meaning::VaryBy(by) = meaning { Some(by) } else { None })
    }

    /// Whether the page may be made anew after its request was answered.
    pub(crate) fn refreshes(&self) -> bool {
        self.given.contains(&"stale_while_revalidate")
    }

    fn find<'o, T>(&'o self, wanted: impl Fn(&'o Meaning) -> Option<T>) -> Option<T> {
        self.read.iter().find_map(|(_, meaning)| wanted(meaning))
    }

    /// What they say of the policy, as calls of its methods.
    pub(crate) fn calls(&self, krate: &Path) -> TokenStream {
        let calls = self.read.iter().filter_map(|(name, meaning)| {
            let value = match meaning {
                Meaning::Call(value) => value.clone(),
                Meaning::Time(time) => {
                    let (krate, at, time) = (located(krate, time.span()), time.span(), time.tokens(krate));
                    quote_spanned!(at=> #krate::__private::finite(#time))
                }
                Meaning::Name(_) | Meaning::Crate(_) | Meaning::VaryBy(_) => return None,
            };
            let method = Ident::new(name, value.span());
            Some(quote_spanned!(value.span()=> .#method(#value)))
        });
        calls.collect()
    }
}

fn row(name: &Ident) -> Option<&'static Row> {
    TABLE.iter().find(|row| name == row.0)
}

fn contradict(one: &str, other: &str) -> bool {
    matches!((one, other), ("query", "ignore_query") | ("ignore_query", "query"))
}

fn unknown(name: &str) -> String {
    match name {
        "ttl" | "timeout" | "seconds" | "secs" | "time" | "duration" => {
            "the time to live stands first and has no name: `#[cache_page(60)]`".to_owned()
        }
        "swr" | "stale" => "write `stale_while_revalidate = \"30s\"`".to_owned(),
        "sie" => "write `stale_if_error = \"1h\"`".to_owned(),
        _ => format!("`#[cache_page]` has no option `{name}`; {}", names()),
    }
}

/// What can be written behind the time to live.
fn names() -> String {
    let names: Vec<String> = TABLE.iter().map(|row| format!("`{}`", row.0)).collect();
    format!("after the time to live it takes {}", names.join(", "))
}

/// How the option is written whose name stands first in an argument.
pub(crate) fn begun(argument: &TokenStream) -> Option<&'static str> {
    match argument.clone().into_iter().next()? {
        TokenTree::Ident(name) => row(&name).map(|row| row.1),
        _ => None,
    }
}

/// What is said of an argument that is no option.
pub(crate) fn not_one() -> String {
    format!("not an option of `#[cache_page]`; {}", names())
}

/// What stands behind the `=` of an option.
struct Value<'a> {
    name: &'a Ident,
    tokens: TokenStream,
    example: &'static str,
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

    fn text(&self) -> syn::Result<LitStr> {
        let literal: LitStr = syn::parse2(self.tokens.clone())
            .map_err(|_| self.wrong(format!("write a string: `{}`", self.example)))?;
        if literal.value().is_empty() {
            return Err(self.wrong(format!("`{}` is empty; write something or leave it out", self.name)));
        }
        Ok(literal)
    }

    fn path(&self) -> syn::Result<Path> {
        Path::parse_mod_style
            .parse2(self.tokens.clone())
            .map_err(|_| self.wrong(format!("write `{}`, without quotes", self.example)))
    }

    fn function(&self) -> syn::Result<Expr> {
        let needed = format!("write the name of a function, or a closure: `{}`", self.example);
        match self.expr(&needed)? {
            function @ (Expr::Path(_) | Expr::Closure(_)) => Ok(function),
            _ => Err(self.wrong(needed)),
        }
    }

    fn time(&self, words: &Words) -> syn::Result<Time> {
        Time::new(self.expr(&words.not_one())?, words)
    }

    fn bytes(&self) -> syn::Result<Expr> {
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
    fn list(&self, fewest: usize, element: fn(&Expr) -> Result<String, String>) -> syn::Result<Meaning> {
        let needed = format!("write a list: `{}`", self.example);
        let Expr::Array(list) = self.expr(&needed)? else { return Err(self.wrong(needed)) };
        if list.elems.len() < fewest {
            return Err(self.wrong(format!("this list is empty; leave `{}` out, or {needed}", self.name)));
        }
        let mut seen = Vec::new();
        let mistakes = list.elems.iter().filter_map(|expr| {
            let message = match element(&bare(expr.clone())) {
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
        match all {
            Some(mistakes) => Err(mistakes),
            None => Ok(call(quote_spanned!(list.span()=> &#list))),
        }
    }
}

fn status(element: &Expr) -> Result<String, String> {
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

fn header(element: &Expr) -> Result<String, String> {
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

fn cookie(element: &Expr) -> Result<String, String> {
    const EXAMPLE: &str = "\"theme\"";
    let name = string(element, EXAMPLE)?;
    if is_token(&name) {
        Ok(name)
    } else {
        Err(format!("`{name}` is no name of a cookie; write one such as {EXAMPLE}"))
    }
}

fn parameter(element: &Expr) -> Result<String, String> {
    let name = string(element, "\"page\"")?;
    if name.contains('*') {
        return Err("`query` takes whole names, without `*`; \
            write each parameter that makes a page, or those that do not in `ignore_query`"
            .to_owned());
    }
    Ok(name)
}

fn parameters(element: &Expr) -> Result<String, String> {
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
    match element {
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) if text.value().is_empty() => {
            Err(format!("this name is empty; write one such as {example}, or remove it"))
        }
        Expr::Lit(ExprLit { lit: Lit::Str(text), .. }) => Ok(text.value()),
        _ => Err(format!("write a string, such as {example}")),
    }
}

/// What header and cookie names are made of (RFC 9110 5.6.2).
fn is_token(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte))
}
