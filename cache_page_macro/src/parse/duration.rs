//! Durations: `60`, `"5m"`, a constant, or `None`.

use std::time::Duration;

use proc_macro2::{Literal, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Block, Error, Expr, ExprBlock, ExprConst, ExprIf, ExprLit, ExprMatch, Lit, LitInt, Local, LocalInit, Pat,
    Path, Stmt, spanned::Spanned as _,
};

use super::tokens::{respan, ungroup};

/// The error messages for a duration, which depend on what it is for.
///
/// Those for zero, `None` and negative numbers are the same as those of the runtime, which checks constants.
pub(crate) struct DurationMessages {
    noun: &'static str,
    pub(crate) examples: &'static str,
    too_long: &'static str,
    /// Whether zero is valid.
    zero: Result<(), &'static str>,
    /// Whether `None` is valid.
    unbounded: Result<(), &'static str>,
}

/// The first argument of `#[cache_page]`.
pub(crate) const TTL: DurationMessages = DurationMessages {
    noun: "a TTL",
    examples: "`60` (seconds), `\"5m\"`, a constant, or `None` (no expiry)",
    too_long: "this TTL is too long; write `None` for no expiry",
    zero: Err("a TTL of zero caches nothing; set a longer TTL, or remove `#[cache_page]`"),
    unbounded: Ok(()),
};

pub(crate) const BROWSER_TTL: DurationMessages = DurationMessages {
    noun: "a TTL",
    examples: "`10` (seconds), `\"10s\"`, a constant, or `0` (browsers revalidate each time)",
    too_long: "this TTL is too long; write one such as \"1year\"",
    zero: Ok(()),
    unbounded: Err("this option requires a duration such as \"1year\""),
};

pub(crate) const CDN_TTL: DurationMessages = DurationMessages {
    noun: "a TTL",
    examples: "`3600` (seconds), `\"1h\"`, a constant, or `0` (CDNs revalidate each time)",
    too_long: "this TTL is too long; write one such as \"1year\"",
    zero: Ok(()),
    unbounded: Err("this option requires a duration such as \"1year\""),
};

/// The TTL of one status in `statuses`.
pub(crate) const STATUS_TTL: DurationMessages = DurationMessages {
    noun: "a TTL",
    examples: "`5` (seconds), `\"5s\"`, a constant, or `None` (no expiry)",
    too_long: "this TTL is too long; write `None` for no expiry",
    zero: Err("a TTL of zero stores nothing; set a longer TTL, or remove the status"),
    unbounded: Ok(()),
};

/// `stale_while_revalidate` and `stale_if_error`.
pub(crate) const STALE_WINDOW: DurationMessages = DurationMessages {
    noun: "a duration",
    examples: "`30` (seconds), `\"30s\"`, or a constant",
    too_long: "this duration is too long; write one such as \"1year\"",
    zero: Err("a time of zero has no effect; set a longer time, or remove the option"),
    unbounded: Err("this option requires a duration such as \"1year\""),
};

impl DurationMessages {
    /// Returns the message for something that is not a duration.
    pub(crate) fn not_a_duration(&self) -> String {
        format!("not {}; write {}", self.noun, self.examples)
    }
}

/// A TTL, or another duration of a cached response.
pub(crate) enum Ttl {
    Literal(Duration, Span),
    Constant(Expr),
    Unbounded,
}

impl Ttl {
    pub(crate) fn parse(expr: Expr, messages: &DurationMessages) -> syn::Result<Self> {
        let expr = without_braces(expr);
        match &expr {
            Expr::Lit(ExprLit { lit, .. }) => Self::from_literal(lit, messages),
            Expr::Block(ExprBlock { block, .. }) => match untyped_variable(block) {
                Some(number) => Err(Error::new_spanned(
                    number,
                    "the type of this number is not known; write it, such as `let minutes: u64 = 5;`",
                )),
                None => Ok(Self::Constant(expr)),
            },
            Expr::Path(path) if path.path.is_ident("None") => messages
                .unbounded
                .map(|()| Self::Unbounded)
                .map_err(|message| Error::new_spanned(&expr, message)),
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => Err(Error::new_spanned(
                &expr,
                format!("{} must not be negative; write {}", messages.noun, messages.examples),
            )),
            _ => Ok(Self::Constant(expr)),
        }
    }

    fn from_literal(literal: &Lit, messages: &DurationMessages) -> syn::Result<Self> {
        let error = |message: &dyn ToString| Error::new_spanned(literal, message.to_string());
        let duration = match literal {
            Lit::Int(number) if !is_integer_type(number.suffix()) => {
                return Err(error(&format!("a number with a unit is a string; write \"{number}\"")));
            }
            Lit::Int(seconds) => {
                seconds.base10_parse().map(Duration::from_secs).map_err(|_| error(&messages.too_long))?
            }
            Lit::Str(text) => humantime::parse_duration(&text.value())
                .map_err(|problem| error(&unit_error(&text.value(), &problem, messages)))?,
            Lit::Float(_) => {
                return Err(error(
                    &"seconds are whole numbers; write `60`, or a string with a unit, such as \"1500ms\"",
                ));
            }
            _ => return Err(error(&messages.not_a_duration())),
        };
        if duration.is_zero() {
            messages.zero.map_err(|message| error(&message))?;
        }
        Ok(Self::Literal(duration, literal.span()))
    }

    /// Returns the span at which rustc reports an invalid constant.
    pub(crate) fn span(&self) -> Span {
        match self {
            Self::Literal(_, span) => *span,
            Self::Constant(expr) => expr.span(),
            Self::Unbounded => Span::call_site(),
        }
    }

    /// Returns a constant expression of type `Option<Duration>`.
    pub(crate) fn to_tokens(&self, krate: &Path) -> TokenStream {
        match self {
            Self::Unbounded => quote!(::core::option::Option::None),
            &Self::Literal(duration, span) => {
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
                let krate = respan(krate, expr.span());
                let get = format_ident!("get", span = expr.span());
                quote_spanned!(expr.span()=> #krate::__private::Ttl(#expr).#get())
            }
        }
    }
}

/// Returns whether a suffix is a type, as in `60u32`, and not a unit, as in `5m`.
fn is_integer_type(suffix: &str) -> bool {
    const TYPES: [&str; 10] = ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"];
    suffix.is_empty() || TYPES.contains(&suffix)
}

fn unit_error(text: &str, problem: &humantime::DurationError, messages: &DurationMessages) -> String {
    const WRITE: &str = "write a number and a unit, such as \"90s\", \"5m\" or \"1h 30m\"";
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return format!("\"{seconds}\" has no unit; write `{seconds}` without quotes, or \"{seconds}s\"");
    }
    match problem {
        humantime::DurationError::UnknownUnit { unit, value, .. } if unit.is_empty() => {
            format!("`{value}` has no unit; {WRITE}")
        }
        humantime::DurationError::UnknownUnit { unit, .. } => {
            format!("`{unit}` is not a unit of time; {WRITE}")
        }
        humantime::DurationError::NumberOverflow => messages.too_long.to_owned(),
        _ => format!("not {}; {WRITE}", messages.noun),
    }
}

/// Gives the literals of an expression such as `60 * 60` the type `u64`.
///
/// The type of the expression selects the implementation of `Ttl::get`, and an expression of bare literals has none.
/// One that names a constant has the constant's type.
fn type_bare_literals(expr: &mut Expr) {
    let mut literals = Vec::new();
    if collect_literals(expr, &mut literals) {
        for literal in literals {
            *literal = LitInt::new(&format!("{}u64", literal.base10_digits()), literal.span());
        }
    }
}

/// Collects the literals that make up the value of an expression. Returns `false` if it has other parts, one of which has a type.
fn collect_literals<'e>(expr: &'e mut Expr, literals: &mut Vec<&'e mut LitInt>) -> bool {
    match expr {
        Expr::Lit(ExprLit { lit: Lit::Int(literal), .. }) if literal.suffix().is_empty() => {
            literals.push(literal);
            true
        }
        Expr::Group(group) => collect_literals(&mut group.expr, literals),
        Expr::Paren(paren) => collect_literals(&mut paren.expr, literals),
        Expr::Unary(unary) => collect_literals(&mut unary.expr, literals),
        Expr::Binary(binary) => {
            collect_literals(&mut binary.left, literals) && collect_literals(&mut binary.right, literals)
        }
        Expr::Block(ExprBlock { block, .. }) | Expr::Const(ExprConst { block, .. }) => {
            collect_in_block(block, literals)
        }
        Expr::If(ExprIf { then_branch, else_branch: Some((_, other)), .. }) => {
            collect_in_block(then_branch, literals) && collect_literals(other, literals)
        }
        Expr::Match(ExprMatch { arms, .. }) => {
            arms.iter_mut().all(|arm| collect_literals(&mut arm.body, literals))
        }
        _ => false,
    }
}

fn collect_in_block<'e>(block: &'e mut Block, literals: &mut Vec<&'e mut LitInt>) -> bool {
    match block.stmts.last_mut() {
        Some(Stmt::Expr(value, None)) => collect_literals(value, literals),
        _ => false,
    }
}

/// Returns the expression inside of parentheses and braces, which rustc would report as unnecessary.
fn without_braces(expr: Expr) -> Expr {
    match ungroup(expr) {
        Expr::Paren(paren) => without_braces(*paren.expr),
        Expr::Block(ExprBlock { attrs, label: None, block }) if attrs.is_empty() => match &*block.stmts {
            [Stmt::Expr(value, None)] => without_braces(value.clone()),
            _ => Expr::Block(ExprBlock { attrs, label: None, block }),
        },
        expr => expr,
    }
}

/// Returns the value of the first `let minutes = 5;` in a block. From such variables rustc does not infer the type of the TTL.
fn untyped_variable(block: &Block) -> Option<Expr> {
    block.stmts.iter().find_map(|statement| match statement {
        Stmt::Local(Local { pat: Pat::Ident(_), init: Some(LocalInit { expr, .. }), .. }) => {
            let mut value = (**expr).clone();
            let is_untyped = collect_literals(&mut value, &mut Vec::new());
            is_untyped.then_some(value)
        }
        _ => None,
    })
}
