//! What stands in the parentheses of `#[cache_page(60, name = "home")]`.

use std::time::Duration;

use proc_macro2::{Literal, Span, TokenStream, TokenTree};
use quote::{ToTokens, format_ident, quote, quote_spanned};
use syn::{
    Error, Expr, ExprLit, Ident, Lit, LitInt, LitStr, Path, Token, ext::IdentExt as _, parse::ParseStream,
    parse::Parser as _, spanned::Spanned as _,
};

const OPTIONS: &str = "`name = \"…\"`, `key_prefix = \"…\"`, `crate = path`";
const EXAMPLES: &str = "`60` (seconds), `\"5m\"`, a constant, or `None` (for ever)";
const TOO_LONG: &str = "longer than time is counted; write `None` to keep the page for ever";

pub(crate) struct Args {
    /// An expression of type `Option<Duration>`, usable in a constant.
    pub(crate) ttl: TokenStream,
    /// Where a constant of zero is reported.
    pub(crate) ttl_span: Span,
    pub(crate) name: Option<LitStr>,
    pub(crate) key_prefix: Option<LitStr>,
    /// The path of the facade crate.
    pub(crate) krate: Path,
    /// Whether that is the author's own.
    pub(crate) renamed: bool,
}

impl Args {
    /// Every mistake in the arguments; `None` only if there is at least one.
    pub(crate) fn parse(tokens: TokenStream) -> (Option<Self>, Vec<Error>) {
        let mut mistakes = Vec::new();
        let mut ttl = None;
        let mut options = Options::default();
        let start = tokens.clone().into_iter().next().map_or_else(Span::call_site, |token| token.span());

        for (position, argument) in split_at_commas(tokens, &mut mistakes).into_iter().enumerate() {
            let parsed = match Argument::parse.parse2(argument.clone()) {
                Ok(Argument::Option(option)) => option.parse_into(&mut options),
                Ok(Argument::Ttl(expr)) if position == 0 => Ttl::new(expr).map(|parsed| ttl = Some(parsed)),
                Ok(Argument::Ttl(expr)) if ttl.is_none() => {
                    Err(Error::new_spanned(expr, "the time to live stands first, before the options"))
                }
                Err(_) if position == 0 => Err(Error::new_spanned(argument, not_a_ttl())),
                Ok(Argument::Ttl(_)) | Err(_) => Err(Error::new_spanned(
                    argument,
                    format!("not an option; after the time to live `#[cache_page]` takes {OPTIONS}"),
                )),
            };
            if let Err(mistake) = parsed {
                // A wrong TTL is one mistake, not also a missing one.
                if position == 0 && !options.any() {
                    ttl.get_or_insert(Ttl::Forever);
                }
                mistakes.push(mistake);
            }
        }

        let Some(ttl) = ttl else {
            if mistakes.is_empty() {
                mistakes.push(Error::new(
                    start,
                    format!("say how long the page is kept: `#[cache_page(…)]` takes {EXAMPLES}"),
                ));
            }
            return (None, mistakes);
        };
        let renamed = options.krate.is_some();
        let krate = options.krate.unwrap_or_else(|| syn::parse_quote!(::cache_page));
        let (ttl_span, ttl) = (ttl.span(), ttl.tokens(&krate));
        (
            Some(Self { ttl, ttl_span, name: options.name, key_prefix: options.key_prefix, krate, renamed }),
            mistakes,
        )
    }
}

/// Splits without parsing, so that one broken argument does not hide the mistakes of the next.
fn split_at_commas(tokens: TokenStream, mistakes: &mut Vec<Error>) -> Vec<TokenStream> {
    let mut arguments = Vec::new();
    let mut argument = TokenStream::new();
    for token in tokens {
        match &token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => {
                if argument.is_empty() {
                    mistakes.push(Error::new_spanned(token, "nothing stands before this comma; remove it"));
                } else {
                    arguments.push(std::mem::take(&mut argument));
                }
            }
            _ => argument.extend([token]),
        }
    }
    if !argument.is_empty() {
        arguments.push(argument);
    }
    arguments
}

enum Argument {
    Ttl(Expr),
    Option(NamedOption),
}

impl Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        let ahead = input.fork();
        if Ident::parse_any(&ahead).is_ok() && ahead.peek(Token![=]) && !ahead.peek(Token![==]) {
            let name = Ident::parse_any(input)?;
            input.parse::<Token![=]>()?;
            return Ok(Self::Option(NamedOption { name, value: input.parse()? }));
        }
        input.parse().map(Self::Ttl)
    }
}

struct NamedOption {
    name: Ident,
    value: TokenStream,
}

#[derive(Default)]
struct Options {
    name: Option<LitStr>,
    key_prefix: Option<LitStr>,
    krate: Option<Path>,
}

impl Options {
    fn any(&self) -> bool {
        self.name.is_some() || self.key_prefix.is_some() || self.krate.is_some()
    }
}

impl NamedOption {
    fn parse_into(self, options: &mut Options) -> syn::Result<()> {
        let Self { name, value } = self;
        match name.to_string().as_str() {
            "name" => set(&mut options.name, &name, text(&name, value)?),
            "key_prefix" => set(&mut options.key_prefix, &name, text(&name, value)?),
            "crate" => {
                let path = Path::parse_mod_style.parse2(value.clone()).map_err(|_| {
                    Error::new_spanned(
                        some(&name, value),
                        "write `crate = path::to::cache_page`, without quotes",
                    )
                })?;
                set(&mut options.krate, &name, path)
            }
            "ttl" | "timeout" | "seconds" | "secs" | "time" | "duration" => Err(Error::new_spanned(
                &name,
                "the time to live stands first and has no name: `#[cache_page(60)]`",
            )),
            unknown => Err(Error::new_spanned(
                &name,
                format!(
                    "`#[cache_page]` has no option `{unknown}`; after the time to live it takes {OPTIONS}"
                ),
            )),
        }
    }
}

fn set<T>(option: &mut Option<T>, name: &Ident, value: T) -> syn::Result<()> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new_spanned(name, format!("`{name}` is given twice; keep one"))),
    }
}

fn text(name: &Ident, value: TokenStream) -> syn::Result<LitStr> {
    let literal: LitStr = syn::parse2(value.clone())
        .map_err(|_| Error::new_spanned(some(name, value), format!("write a string: `{name} = \"…\"`")))?;
    if literal.value().is_empty() {
        return Err(Error::new_spanned(
            &literal,
            format!("`{name}` is empty; write something or leave it out"),
        ));
    }
    Ok(literal)
}

/// The tokens to point at: the value, or the option's name where the value is missing.
fn some(name: &Ident, value: TokenStream) -> TokenStream {
    if value.is_empty() { name.to_token_stream() } else { value }
}

enum Ttl {
    Known(Duration, Span),
    Constant(Expr),
    Forever,
}

impl Ttl {
    fn new(expr: Expr) -> syn::Result<Self> {
        match &expr {
            Expr::Lit(ExprLit { lit, .. }) => Self::from_literal(lit),
            Expr::Path(path) if path.path.is_ident("None") => Ok(Self::Forever),
            Expr::Unary(unary) if matches!(unary.op, syn::UnOp::Neg(_)) => {
                Err(Error::new_spanned(&expr, format!("a time to live is not negative; write {EXAMPLES}")))
            }
            _ => Ok(Self::Constant(expr)),
        }
    }

    fn from_literal(literal: &Lit) -> syn::Result<Self> {
        let duration = match literal {
            Lit::Int(number) if !is_integer_type(number.suffix()) => {
                return Err(Error::new_spanned(
                    literal,
                    format!("a time with a unit is a string; write \"{number}\""),
                ));
            }
            Lit::Int(seconds) => seconds
                .base10_parse()
                .map(Duration::from_secs)
                .map_err(|_| Error::new_spanned(literal, TOO_LONG))?,
            Lit::Str(text) => humantime::parse_duration(&text.value())
                .map_err(|problem| Error::new_spanned(literal, unreadable(&text.value(), &problem)))?,
            Lit::Float(_) => {
                return Err(Error::new_spanned(
                    literal,
                    "write whole seconds, or a string with a unit, such as \"1500ms\"",
                ));
            }
            _ => return Err(Error::new_spanned(literal, not_a_ttl())),
        };
        if duration.is_zero() {
            return Err(Error::new_spanned(
                literal,
                "a page kept for no time is not cached; write a longer time, or remove `#[cache_page]`",
            ));
        }
        Ok(Self::Known(duration, literal.span()))
    }

    fn span(&self) -> Span {
        match self {
            Self::Known(_, span) => *span,
            Self::Constant(expr) => expr.span(),
            Self::Forever => Span::call_site(),
        }
    }

    fn tokens(self, krate: &Path) -> TokenStream {
        match self {
            Self::Forever => quote!(::core::option::Option::None),
            Self::Known(duration, span) => {
                let seconds = Literal::u64_unsuffixed(duration.as_secs());
                match duration.subsec_nanos() {
                    0 => quote_spanned!(span=> #krate::__private::seconds(#seconds)),
                    nanos => {
                        let nanos = Literal::u32_unsuffixed(nanos);
                        quote_spanned!(span=> #krate::__private::seconds_and_nanos(#seconds, #nanos))
                    }
                }
            }
            Self::Constant(mut expr) => {
                type_bare_literals(&mut expr);
                let krate = located(krate, expr.span());
                let get = format_ident!("get", span = expr.span());
                quote_spanned!(expr.span()=> #krate::__private::Ttl(#expr).#get())
            }
        }
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

fn not_a_ttl() -> String {
    format!("not a time to live; write {EXAMPLES}")
}

/// `60u32` has a type, `5m` would be five seconds.
fn is_integer_type(suffix: &str) -> bool {
    const TYPES: [&str; 10] = ["u8", "u16", "u32", "u64", "usize", "i8", "i16", "i32", "i64", "isize"];
    suffix.is_empty() || TYPES.contains(&suffix)
}

fn unreadable(text: &str, problem: &humantime::DurationError) -> String {
    const WRITE: &str = "write a number and a unit, such as \"90s\", \"5m\" or \"1h 30m\"";
    if let Ok(seconds) = text.trim().parse::<u64>() {
        return format!("`{seconds}` has no unit; write `{seconds}` without quotes, or \"{seconds}s\"");
    }
    match problem {
        humantime::DurationError::UnknownUnit { unit, value, .. } if unit.is_empty() => {
            format!("`{value}` has no unit; {WRITE}")
        }
        humantime::DurationError::UnknownUnit { unit, .. } => format!("`{unit}` is no unit of time; {WRITE}"),
        humantime::DurationError::NumberOverflow => TOO_LONG.to_owned(),
        _ => format!("not a time to live; {WRITE}"),
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
