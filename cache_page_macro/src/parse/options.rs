//! The options of each attribute: a table of how they are written and parsed.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Expr, ExprArray, Ident, LitStr, Path, spanned::Spanned as _};

use super::{
    duration::{BROWSER_TTL, CDN_TTL, STALE_WINDOW, Ttl},
    similar::similar,
    statuses::Statuses,
    template::{MAX_TAGS, path, tag},
    tokens::respan,
    value::{OptionTokens, UNLIMITED, cookie_name, query_parameter, query_pattern},
    vary::Vary,
};

/// How an option is written and parsed.
struct OptionSpec {
    name: &'static str,
    example: &'static str,
    parse: fn(&OptionTokens<'_>) -> syn::Result<OptionValue>,
}

const fn option(
    name: &'static str,
    example: &'static str,
    parse: fn(&OptionTokens<'_>) -> syn::Result<OptionValue>,
) -> OptionSpec {
    OptionSpec { name, example, parse }
}

const NAME: OptionSpec =
    option("name", "name = \"home\"", |tokens| tokens.string().map(OptionValue::HandlerName));
const TAGS: OptionSpec = option("tags", "tags = [\"posts\", \"post:{id}\"]", |tokens| {
    tokens.list(1, MAX_TAGS, tag).map(OptionValue::Templates)
});
const CACHE: OptionSpec = option("cache", "cache = \"posts\"", |tokens| tokens.string().map(argument));
const CRATE: OptionSpec =
    option("crate", "crate = path::to::cache_page", |tokens| tokens.path().map(OptionValue::Crate));

/// How an attribute is written, with the words of its error messages.
pub(crate) struct AttributeSpec {
    pub(crate) attribute: &'static str,
    /// Names its handler, as in "a cached handler".
    pub(crate) handler: &'static str,
    options: &'static [OptionSpec],
    /// Precedes the list of options.
    options_prefix: &'static str,
    /// Returns the fix for a name that is not an option, if it was probably meant as one.
    hint: fn(&str) -> Option<&'static str>,
}

pub(crate) static CACHE_PAGE: AttributeSpec = AttributeSpec {
    attribute: "cache_page",
    handler: "a cached handler",
    options: &[
        NAME,
        option("key_prefix", "key_prefix = \"v2\"", |tokens| tokens.string().map(argument)),
        option("statuses", "statuses = [404, 410]", |tokens| {
            Statuses::parse(tokens).map(OptionValue::Statuses)
        }),
        option("vary", "vary = [\"accept-language\"]", |tokens| Vary::parse(tokens).map(OptionValue::Vary)),
        option("normalize", "normalize = [\"accept-language\" => path::to::function]", |tokens| {
            Vary::parse_normalize(tokens).map(OptionValue::Normalize)
        }),
        option("vary_cookie", "vary_cookie = [\"theme\"]", |tokens| {
            tokens.list(1, UNLIMITED, cookie_name).map(OptionValue::List)
        }),
        option("vary_by", "vary_by = path::to::function", |tokens| {
            tokens.function().map(OptionValue::VaryBy)
        }),
        option("query", "query = [\"page\"]", |tokens| {
            tokens.list(0, UNLIMITED, query_parameter).map(OptionValue::List)
        }),
        option("ignore_query", "ignore_query = [\"utm_*\"]", |tokens| {
            tokens.list(0, UNLIMITED, query_pattern).map(OptionValue::List)
        }),
        TAGS,
        option("bypass_if", "bypass_if = path::to::function", |tokens| tokens.function().map(argument)),
        option("no_store_if", "no_store_if = path::to::function", |tokens| tokens.function().map(argument)),
        option("on_hit", "on_hit = path::to::function", |tokens| tokens.function().map(argument)),
        option("browser_ttl", "browser_ttl = \"10s\"", |tokens| {
            tokens.duration(&BROWSER_TTL).map(OptionValue::Duration)
        }),
        option("cdn_ttl", "cdn_ttl = \"1h\"", |tokens| tokens.duration(&CDN_TTL).map(OptionValue::Duration)),
        option("stale_while_revalidate", "stale_while_revalidate = \"30s\"", |tokens| {
            tokens.duration(&STALE_WINDOW).map(OptionValue::Duration)
        }),
        option("stale_if_error", "stale_if_error = \"1h\"", |tokens| {
            tokens.duration(&STALE_WINDOW).map(OptionValue::Duration)
        }),
        option("max_body", "max_body = 64 * 1024", |tokens| tokens.byte_count().map(argument)),
        option("compress", "compress = true", |tokens| tokens.boolean().map(argument)),
        option("policy", "policy = LISTING", |tokens| tokens.policy().map(OptionValue::Policy)),
        option("uncached", "uncached = original_handler", |tokens| {
            tokens.ident().map(OptionValue::OriginalName)
        }),
        CACHE,
        CRATE,
    ],
    options_prefix: "after the TTL, the options are",
    hint: |name| {
        Some(match name {
            "ttl" | "timeout" | "max_age" | "expires" | "seconds" | "secs" | "time" | "duration" => {
                "write the TTL first, without a name: `#[cache_page(60)]`"
            }
            "when" | "bypass" | "skip_if" => {
                "write `bypass_if = path::to::function`, with a function that returns `true` for requests that bypass the cache"
            }
            "unless" | "no_store" => {
                "write `no_store_if = path::to::function`, with a function that returns `true` for responses that are not stored"
            }
            "client_ttl" => "write `browser_ttl = \"10s\"`",
            "s_maxage" | "shared_max_age" | "proxy_ttl" | "edge_ttl" => "write `cdn_ttl = \"1h\"`",
            "swr" | "stale" => "write `stale_while_revalidate = \"30s\"`",
            "sie" => "write `stale_if_error = \"1h\"`",
            "tag" => "write `tags = [\"posts\", \"post:{id}\"]`",
            "status" => "write `statuses = [404, 410]`",
            "vary_header" | "vary_headers" | "headers" => "write `vary = [\"accept-language\"]`",
            "normalise" | "normalized" => "write `normalize = [\"accept-language\" => path::to::function]`",
            "vary_cookies" | "cookie" | "cookies" => "write `vary_cookie = [\"theme\"]`",
            "vary_query" => "write `query = [\"page\"]`",
            "key" => "write `#[key]` before an argument, or `vary_by = path::to::function`",
            "unkeyed" | "shared" => "write `#[unkeyed]` before an argument",
            "anonymous" => {
                "write `#[anonymous]` before an argument, such as `#[anonymous] request: HttpRequest`"
            }
            "prefix" => "write `key_prefix = \"v2\"`",
            "profile" | "preset" | "options" => "write `policy = LISTING`, with a constant of type `Policy`",
            "original" | "inner" => "write `uncached = original_handler`",
            "max_body_size" | "max_size" => "write `max_body = 64 * 1024`",
            "compression" | "encode" | "gzip" | "brotli" | "zstd" => "write `compress = true`",
            "off" | "enabled" | "disabled" => {
                "to exempt this handler from caching, write `#[cache_page(uncached)]`"
            }
            _ => return None,
        })
    },
};

/// `#[cache_page(uncached)]`.
pub(crate) static UNCACHED: AttributeSpec = AttributeSpec {
    attribute: "cache_page(uncached)",
    handler: "an uncached handler",
    options: &[CRATE],
    options_prefix: "its only option is",
    hint: |_| Some("remove it"),
};

pub(crate) static PURGE_PAGE: AttributeSpec = AttributeSpec {
    attribute: "purge_page",
    handler: "a purging handler",
    options: &[
        TAGS,
        option("paths", "paths = [\"/posts\", \"/posts/{id}\"]", |tokens| {
            tokens.list(1, UNLIMITED, path).map(OptionValue::Templates)
        }),
        option("refill", "refill = true", |tokens| tokens.boolean().map(argument)),
        CACHE,
        NAME,
        CRATE,
    ],
    options_prefix: "its options are",
    hint: |name| {
        Some(match name {
            "tag" => "write `tags = [\"posts\", \"post:{id}\"]`",
            "path" | "url" | "urls" | "uri" => "write `paths = [\"/posts\", \"/posts/{id}\"]`",
            "warm_up" | "warm" | "prefetch" | "refresh" => "write `refill = true`",
            "ttl" | "timeout" | "max_age" | "seconds" | "secs" | "time" | "duration" => "remove it",
            _ => return None,
        })
    },
};

impl AttributeSpec {
    fn option(&self, name: &Ident) -> Option<&'static OptionSpec> {
        self.options.iter().find(|option| name == option.name)
    }

    fn unknown_option(&self, name: &str) -> String {
        let fix = (self.hint)(name).map_or_else(|| self.similar_option(name), str::to_owned);
        format!("`#[{}]` has no option `{name}`; {fix}", self.attribute)
    }

    /// Returns how the option is written whose name is similar, or else the names of all options.
    fn similar_option(&self, name: &str) -> String {
        let meant = similar(name, self.options.iter().map(|option| option.name));
        let meant = meant.and_then(|name| self.options.iter().find(|option| option.name == name));
        meant.map_or_else(|| self.option_names(), |option| format!("write `{}`", option.example))
    }

    fn option_names(&self) -> String {
        let names: Vec<String> = self.options.iter().map(|option| format!("`{}`", option.name)).collect();
        format!("{} {}", self.options_prefix, names.join(", "))
    }

    /// Returns how the option is written whose name is the first token of an argument.
    pub(crate) fn example_of(&self, argument: &TokenStream) -> Option<&'static str> {
        match argument.clone().into_iter().next()? {
            TokenTree::Ident(name) => self.option(&name).map(|option| option.example),
            _ => None,
        }
    }

    /// Returns the message for an argument that is not an option.
    pub(crate) fn not_an_option(&self) -> String {
        format!("not an option of `#[{}]`; {}", self.attribute, self.option_names())
    }
}

enum OptionValue {
    HandlerName(LitStr),
    Crate(Path),
    /// The constant with the options that are not written.
    Policy(Expr),
    /// The name under which the original function is generated too.
    OriginalName(Ident),
    VaryBy(Expr),
    /// The argument of the method that has the option's name.
    Argument(TokenStream),
    /// As `Argument`, for a duration.
    Duration(Ttl),
    /// As `Argument`, for a list.
    List(ExprArray),
    /// As `List`, with route parameters in braces.
    Templates(ExprArray),
    Statuses(Statuses),
    Vary(Vary),
    /// Names of headers, and the functions of their values.
    Normalize(Vec<(Expr, Expr)>),
}

fn argument(value: impl ToTokens) -> OptionValue {
    OptionValue::Argument(value.into_token_stream())
}

/// The options of one attribute, in the order in which they are written.
pub(crate) struct Options {
    spec: &'static AttributeSpec,
    /// The names of all options, including those with an invalid value.
    names: Vec<&'static str>,
    values: Vec<(&'static str, OptionValue)>,
}

impl Options {
    pub(crate) fn new(spec: &'static AttributeSpec) -> Self {
        Self { spec, names: Vec::new(), values: Vec::new() }
    }

    /// Parses and adds one option, or returns every error in it.
    pub(crate) fn add(&mut self, name: &Ident, tokens: TokenStream) -> Result<(), Vec<Error>> {
        let Some(option) = self.spec.option(name) else {
            return Err(vec![Error::new_spanned(name, self.spec.unknown_option(&name.to_string()))]);
        };
        let mut errors = Vec::new();
        if self.has(option.name) {
            errors.push(Error::new_spanned(name, format!("`{}` is given twice; remove one", option.name)));
        } else if self.names.iter().any(|other| are_exclusive(other, option.name)) {
            errors.push(Error::new_spanned(
                name,
                "`query` lists the parameters that are in the key, `ignore_query` those that are not; remove one",
            ));
        }
        self.names.push(option.name);
        match (option.parse)(&OptionTokens { name, tokens, example: option.example }) {
            Ok(value) => self.values.push((option.name, value)),
            Err(error) => errors.push(error),
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.names.is_empty()
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.names.contains(&name)
    }

    pub(crate) fn handler_name(&self) -> Option<&LitStr> {
        self.find(|value| if let OptionValue::HandlerName(name) = value { Some(name) } else { None })
    }

    pub(crate) fn krate(&self) -> Option<&Path> {
        self.find(|value| if let OptionValue::Crate(path) = value { Some(path) } else { None })
    }

    pub(crate) fn policy(&self) -> Option<&Expr> {
        self.find(|value| if let OptionValue::Policy(policy) = value { Some(policy) } else { None })
    }

    /// Returns the name under which the original function is generated too.
    pub(crate) fn original_name(&self) -> Option<&Ident> {
        self.find(|value| if let OptionValue::OriginalName(name) = value { Some(name) } else { None })
    }

    pub(crate) fn vary_by(&self) -> Option<&Expr> {
        self.find(|value| if let OptionValue::VaryBy(function) = value { Some(function) } else { None })
    }

    /// Returns the request headers in `vary` that have a function, with that function.
    pub(crate) fn normalized_headers(&self) -> &[(Expr, Expr)] {
        self.find(|value| if let OptionValue::Vary(vary) = value { Some(&*vary.normalized) } else { None })
            .unwrap_or_default()
    }

    /// Returns the request headers in `normalize`, with the functions.
    pub(crate) fn normalized_variants(&self) -> &[(Expr, Expr)] {
        self.find(|value| if let OptionValue::Normalize(headers) = value { Some(&**headers) } else { None })
            .unwrap_or_default()
    }

    /// Returns whether the handler may run in the background, after its request was answered. What a policy contains is only
    /// known at run time.
    pub(crate) fn has_background_refresh(&self) -> bool {
        self.has("stale_while_revalidate") || self.has("policy")
    }

    /// Returns the strings that may contain route parameters.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Expr> {
        self.values.iter().flat_map(|(_, value)| match value {
            OptionValue::Templates(list) => list.elems.iter().collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    }

    fn find<'o, T>(&'o self, select: impl Fn(&'o OptionValue) -> Option<T>) -> Option<T> {
        self.values.iter().find_map(|(_, value)| select(value))
    }

    /// Returns the calls of the methods of `Policy` or `PurgePolicy` that set the options.
    pub(crate) fn method_calls(&self, krate: &Path) -> TokenStream {
        let calls = self.values.iter().filter_map(|(name, value)| {
            let argument = match value {
                OptionValue::Argument(value) => value.clone(),
                OptionValue::List(list) | OptionValue::Templates(list) => {
                    quote_spanned!(list.span()=> &#list)
                }
                OptionValue::Vary(vary) => {
                    let list = vary.plain.as_ref()?;
                    quote_spanned!(list.span()=> &#list)
                }
                OptionValue::Duration(duration) => {
                    let span = duration.span();
                    let (krate, duration) = (respan(krate, span), duration.to_tokens(krate));
                    quote_spanned!(span=> #krate::__private::finite(#duration))
                }
                OptionValue::Statuses(statuses) => return Some(statuses.method_calls(krate)),
                OptionValue::HandlerName(_)
                | OptionValue::Crate(_)
                | OptionValue::Policy(_)
                | OptionValue::OriginalName(_)
                | OptionValue::VaryBy(_)
                | OptionValue::Normalize(_) => return None,
            };
            let method = Ident::new(name, argument.span());
            Some(quote_spanned!(argument.span()=> .#method(#argument)))
        });
        calls.collect()
    }
}

fn are_exclusive(one: &str, other: &str) -> bool {
    matches!((one, other), ("query", "ignore_query") | ("ignore_query", "query"))
}
