//! Times: `60`, `"5m"`, a constant, or `None`.

use std::time::Duration;

use proc_macro2::{Literal, Span, TokenStream};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{Error, Expr, ExprLit, Lit, LitInt, Path, spanned::Spanned as _};

/// What a time is for decides what is said of a wrong one.
pub(crate) struct Words {
    what: &'static str,
    pub(crate) examples: &'static str,
    too_long: &'static str,
    zero: Result<(), &'static str>,
    for_ever: Result<(), &'static str>,
}

/// How long a page is kept.
pub(crate) const TTL: Words = Words {
    what: "a time to live",
    examples: "`60` (seconds), `\"5m\"`, a constant, or `None` (for ever)",
    too_long: "longer than time is counted; write `None` to keep the page for ever",
    zero: Err("a page kept for no time is not cached; write a longer time, or remove `#[cache_page]`"),
    for_ever: Ok(()),
};

/// How long clients may keep it.
pub(crate) const CLIENT_TTL: Words = Words {
    what: "a time",
    examples: "`10` (seconds), `\"10s\"`, a constant, or `0` (clients ask each time)",
    too_long: "longer than time is counted; write \"1year\", which is for ever to clients",
    zero: Ok(()),
    for_ever: Err("this time comes to an end; write one such as \"1year\""),
};

/// How long a page is sent after its time.
pub(crate) const STALE: Words = Words {
    what: "a time",
    examples: "`30` (seconds), `\"30s\"`, or a constant",
    too_long: "longer than time is counted; write \"1year\"",
    zero: Err("for no time is not at all; write a longer time, or leave the option out"),
    for_ever: Err("this time comes to an end; write one such as \"1year\""),
};

impl Words {
    /// What is said of something that is no time at all.
    pub(crate) fn not_one(&self) -> String {
        format!("not {}; write {}", self.what, self.examples)
    }
}

pub(crate) enum Time {
    Known(Duration, Span),
    Constant(Expr),
    Forever,
}

impl Time {
    pub(crate) fn new(expr: Expr, words: &Words) -> syn::Result<Self> {
        let expr = bare(expr);
        match &expr {
            Expr::Lit(ExprLit { lit, .. }) => Self::from_literal(lit, words),
            Expr::Path(path) if path.path.is_ident("None") => {
                words.for_ever.map(|()| Self::Forever).map_err(|message| Error::new_spanned(&expr, message))
            }
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => Err(Error::new_spanned(
                &expr,
                format!("{} is not negative; write {}", words.what, words.examples),
            )),
            _ => Ok(Self::Constant(expr)),
        }
    }

    fn from_literal(literal: &Lit, words: &Words) -> syn::Result<Self> {
        let wrong = |message: &dyn ToString| Error::new_spanned(literal, message.to_string());
        let duration = match literal {
            Lit::Int(number) if !is_integer_type(number.suffix()) => {
                return Err(wrong(&format!("a time with a unit is a string; write \"{number}\"")));
            }
            Lit::Int(seconds) => {
                seconds.base10_parse().map(Duration::from_secs).map_err(|_| wrong(&words.too_long))?
            }
            Lit::Str(text) => humantime::parse_duration(&text.value())
                .map_err(|problem| wrong(&unreadable(&text.value(), &problem, words)))?,
            Lit::Float(_) => {
                return Err(wrong(&"write whole seconds, or a string with a unit, such as \"1500ms\""));
            }
            _ => return Err(wrong(&words.not_one())),
        };
        if duration.is_zero() {
            words.zero.map_err(|message| wrong(&message))?;
        }
        Ok(Self::Known(duration, literal.span()))
    }

    /// Where what is wrong with a constant is reported.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Known(_, span) => *span,
            Self::Constant(expr) => expr.span(),
            Self::Forever => Span::call_site(),
        }
    }

    /// An expression of type `Option<Duration>`, usable in a constant.
    pub(crate) fn tokens(&self, krate: &Path) -> TokenStream {
        match self {
            Self::Forever => quote!(::core::option::Option::None),
            &Self::Known(duration, span) => {
                let seconds = Literal::u64_unsuffixed(duration.as_secs());
                match duration.subsec_nanos() {
                    0 => quote_spanned!(span=> #krate::__private::seconds(#seconds)),
                    nanos => {
                        let nanos = Literal::u32_unsuffixed(nanos);
                        quote_spanned!(span=> #krate::__private::seconds_and_nanos(#seconds, #nanos))
                    }
                }
            }
            Self::Constant(expr) => {
                let mut expr = expr.clone();
                type_bare_literals(&mut expr);
                let krate = located(krate, expr.span());
                let get = format_ident!("get", span = expr.span());
                quote_spanned!(expr.span()=> #krate::__private::Ttl(#expr).#get())
            }
        }
    }
}

/// An expression without the group that a `macro_rules!` put around it.
pub(crate) fn bare(expr: Expr) -> Expr {
    match expr {
        Expr::Group(group) => bare(*group.expr),
        expr => expr,
    }
}

/// The same tokens, reported elsewhere: an expression that begins where it does not end is underlined as the whole
/// attribute.
pub(crate) fn located(tokens: &impl ToTokens, at: Span) -> TokenStream {
    let moved = tokens.to_token_stream().into_iter().map(|mut token| {
        token.set_span(token.span().located_at(at));
        token
    });
    moved.collect()
}

/// `60u32` has a type, `5m` would be five seconds.
fn is_integer_type(suffix: &str) -> bool {
    const TYPES: [&str; 10] = ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"];
    suffix.is_empty() || TYPES.contains(&suffix)
}

fn unreadable(text: &str, problem: &humantime::DurationError, words: &Words) -> String {
    const WRITE: &str = "write a number and a unit, such as \"90s\", \"5m\" or \"1h 30m\"";
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return format!("`{seconds}` has no unit; write `{seconds}` without quotes, or \"{seconds}s\"");
    }
    match problem {
        humantime::DurationError::UnknownUnit { unit, value, .. } if unit.is_empty() => {
            format!("`{value}` has no unit; {WRITE}")
        }
        humantime::DurationError::UnknownUnit { unit, .. } => format!("`{unit}` is no unit of time; {WRITE}"),
        humantime::DurationError::NumberOverflow => words.too_long.to_owned(),
        _ => format!("not {}; {WRITE}", words.what),
    }
}

/// `60 * 60` has no type of its own, and the type decides which `Ttl` is meant. Anything that names a constant has one.
fn type_bare_literals(expr: &mut Expr) {
    fn literals<'e>(expr: &'e mut Expr, found: &mut Vec<&'e mut LitInt>) -> bool {
        match expr {
            Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) if literal.suffix().is_empty() => {
                found.push(literal);
                true
            }
            Expr::Paren(paren) => literals(&mut paren.expr, found),
            Expr::Binary(binary) => literals(&mut binary.left, found) && literals(&mut binary.right, found),
            _ => false,
        }
    }
    let mut found = Vec::new();
    if literals(expr, &mut found) {
        for literal in found {
            *literal = LitInt::new(&format!("{}u64", literal.base10_digits()), literal.span());
        }
    }
}
