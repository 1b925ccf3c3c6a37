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

pub(crate) struct Args {
    /// An expression of type `Option<Duration>`, usable in a constant.
    pub(crate) ttl: TokenStream,
    pub(crate) name: Option<LitStr>,
    pub(crate) key_prefix: Option<LitStr>,
    /// The path of the facade crate.
    pub(crate) krate: Path,
}

impl Args {
    /// Every mistake in the arguments; `None` only if there is at least one.
    pub(crate) fn parse(tokens: TokenStream) -> (Option<Self>, Vec<Error>) {
        let mut mistakes = Vec::new();
        let mut ttl = None;
        let mut options = Options::default();

        for (position, argument) in split_at_commas(tokens).into_iter().enumerate() {
            let parsed = match Argument::parse.parse2(argument) {
                Ok(Argument::Option(option)) => option.parse_into(&mut options),
                Ok(Argument::Ttl(expr)) if position > 0 => Err(Error::new_spanned(
                    expr,
                    match ttl {
                        Some(_) => format!("one time to live is enough; what follows it is {OPTIONS}"),
                        None => "the time to live stands first, before the options".to_owned(),
                    },
                )),
                Ok(Argument::Ttl(expr)) => Ttl::new(expr).map(|parsed| ttl = Some(parsed)),
                Err(mistake) => Err(mistake),
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
                    Span::call_site(),
                    format!("say how long the page is kept: `#[cache_page(…)]` takes {EXAMPLES}"),
                ));
            }
            return (None, mistakes);
        };
        let krate = options.krate.unwrap_or_else(|| syn::parse_quote!(::cache_page));
        let ttl = ttl.tokens(&krate);
        (Some(Self { ttl, name: options.name, key_prefix: options.key_prefix, krate }), mistakes)
    }
}

/// Splits without parsing, so that one broken argument does not hide the mistakes of the next.
fn split_at_commas(tokens: TokenStream) -> Vec<TokenStream> {
    let mut arguments = vec![TokenStream::new()];
    for token in tokens {
        match (&token, arguments.last_mut()) {
            (TokenTree::Punct(punct), _) if punct.as_char() == ',' => arguments.push(TokenStream::new()),
            (_, Some(last)) => last.extend([token]),
            (_, None) => {}
        }
    }
    if arguments.last().is_some_and(TokenStream::is_empty) {
        arguments.pop();
    }
    arguments
}

enum Argument {
    Ttl(Expr),
    Option(NamedOption),
}

impl Argument {
    fn parse(input: ParseStream<'_>) -> syn::Result<Self> {
        if input.is_empty() {
            return Err(input.error("something is missing between these commas"));
        }
        let ahead = input.fork();
        if Ident::parse_any(&ahead).is_ok() && ahead.peek(Token![=]) && !ahead.peek(Token![==]) {
            let name = Ident::parse_any(input)?;
            input.parse::<Token![=]>()?;
            return Ok(Self::Option(NamedOption { name, value: input.parse()? }));
        }
        input
            .parse()
            .map(Self::Ttl)
            .map_err(|mistake| Error::new(mistake.span(), format!("not a time to live; write {EXAMPLES}")))
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
            Lit::Int(seconds) => seconds.base10_parse().map(Duration::from_secs).map_err(|_| {
                Error::new_spanned(
                    literal,
                    "more seconds than there are; write `None` to keep the page for ever",
                )
            })?,
            Lit::Str(text) => humantime::parse_duration(&text.value()).map_err(|problem| {
                let text = text.value();
                let hint = match text.trim().parse::<u64>() {
                    Ok(seconds) => format!(
                        "`{seconds}` has no unit; write `{seconds}` without quotes, or \"{seconds}s\""
                    ),
                    Err(_) => {
                        format!("{problem}; write a number and a unit, such as \"90s\", \"5m\" or \"1h 30m\"")
                    }
                };
                Error::new_spanned(literal, hint)
            })?,
            Lit::Float(_) => {
                return Err(Error::new_spanned(
                    literal,
                    "write whole seconds, or a string with a unit, such as \"1500ms\"",
                ));
            }
            _ => return Err(Error::new_spanned(literal, format!("not a time to live; write {EXAMPLES}"))),
        };
        if duration.is_zero() {
            return Err(Error::new_spanned(
                literal,
                "a page kept for no time is not cached; write a longer time, or remove `#[cache_page]`",
            ));
        }
        Ok(Self::Known(duration, literal.span()))
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
                let get = format_ident!("get", span = expr.span());
                quote_spanned!(expr.span()=> #krate::__private::Ttl(#expr).#get())
            }
        }
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
