//! The options: a table for each attribute of how each is written and what is made of it.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, quote_spanned};
use syn::{Error, Expr, ExprArray, Ident, LitStr, Path, spanned::Spanned as _};

use crate::{
    template::{MOST_TAGS, path, tag},
    ttl::{CLIENT_TTL, STALE, Time, located},
    value::{MANY, Value, cookie, header, parameter, parameters, status},
};

/// An option: its name, how it is written, and how that is read.
struct Row(&'static str, &'static str, fn(&Value<'_>) -> syn::Result<Meaning>);

const NAME: Row = Row("name", "name = \"…\"", |value| value.text().map(Meaning::Name));
const TAGS: Row = Row("tags", "tags = [\"posts\", \"post:{id}\"]", |value| {
    value.list(1, MOST_TAGS, tag).map(Meaning::Templates)
});
const CACHE: Row = Row("cache", "cache = \"…\"", |value| value.text().map(call));
const CRATE: Row = Row("crate", "crate = path::to::cache_page", |value| value.path().map(Meaning::Crate));

/// A way to write one of the attributes.
pub(crate) struct Form {
    pub(crate) attribute: &'static str,
    /// What a handler under it is called.
    pub(crate) handler: &'static str,
    /// What its body is there for.
    pub(crate) body: &'static str,
    table: &'static [Row],
    /// Goes before the names in the table.
    takes: &'static str,
    /// What is said of names that are not in the table but could be meant as one.
    instead: fn(&str) -> Option<String>,
}

pub(crate) static CACHE_PAGE: Form = Form {
    attribute: "cache_page",
    handler: "a cached handler",
    body: "cache",
    table: &[
        NAME,
        Row("key_prefix", "key_prefix = \"…\"", |value| value.text().map(call)),
        Row("statuses", "statuses = [404, 410]", |value| value.list(1, MANY, status).map(Meaning::List)),
        Row("vary", "vary = [\"accept-language\"]", |value| value.list(1, MANY, header).map(Meaning::List)),
        Row("vary_cookie", "vary_cookie = [\"theme\"]", |value| {
            value.list(1, MANY, cookie).map(Meaning::List)
        }),
        Row("vary_by", "vary_by = path::to::function", |value| value.function().map(Meaning::VaryBy)),
        Row("query", "query = [\"page\"]", |value| value.list(0, MANY, parameter).map(Meaning::List)),
        Row("ignore_query", "ignore_query = [\"utm_*\"]", |value| {
            value.list(0, MANY, parameters).map(Meaning::List)
        }),
        TAGS,
        Row("bypass_if", "bypass_if = path::to::function", |value| value.function().map(call)),
        Row("no_store_if", "no_store_if = path::to::function", |value| value.function().map(call)),
        Row("browser_ttl", "browser_ttl = \"10s\"", |value| value.time(&CLIENT_TTL).map(Meaning::Time)),
        Row("stale_while_revalidate", "stale_while_revalidate = \"30s\"", |value| {
            value.time(&STALE).map(Meaning::Time)
        }),
        Row("stale_if_error", "stale_if_error = \"1h\"", |value| value.time(&STALE).map(Meaning::Time)),
        Row("max_body", "max_body = 1024", |value| value.bytes().map(call)),
        CACHE,
        CRATE,
    ],
    takes: "after the time to live it takes",
    instead: |name| {
        let fix = match name {
            "ttl" | "timeout" | "seconds" | "secs" | "time" | "duration" => {
                "the time to live stands first and has no name: `#[cache_page(60)]`"
            }
            "swr" | "stale" => "write `stale_while_revalidate = \"30s\"`",
            "sie" => "write `stale_if_error = \"1h\"`",
            "tag" => "write `tags = [\"posts\", \"post:{id}\"]`",
            "when" => {
                "write `bypass_if = path::to::function`, for the requests that are not to use the cache"
            }
            "unless" => "write `no_store_if = path::to::function`",
            "client_ttl" => "write `browser_ttl = \"10s\"`",
            "off" => "an exempt handler is written `#[cache_page(off)]`",
            _ => return None,
        };
        Some(fix.to_owned())
    },
};

/// `#[cache_page(off)]`.
pub(crate) static EXEMPT: Form = Form {
    attribute: "cache_page",
    handler: "an exempt handler",
    body: "run",
    table: &[CRATE],
    takes: "beside `off` it takes",
    instead: |name| Some(format!("an exempt handler has no options; remove `{name}`")),
};

pub(crate) static PURGE_PAGE: Form = Form {
    attribute: "purge_page",
    handler: "a purging handler",
    body: "run",
    table: &[
        TAGS,
        Row("paths", "paths = [\"/posts\", \"/posts/{id}\"]", |value| {
            value.list(1, MANY, path).map(Meaning::Templates)
        }),
        CACHE,
        NAME,
        CRATE,
    ],
    takes: "it takes",
    instead: |name| {
        let fix = match name {
            "tag" => "write `tags = [\"posts\", \"post:{id}\"]`",
            "path" | "url" | "urls" | "uri" => "write `paths = [\"/posts\", \"/posts/{id}\"]`",
            "ttl" | "timeout" | "seconds" | "secs" | "time" | "duration" => {
                "a purge has no time to live; remove it"
            }
            _ => return None,
        };
        Some(fix.to_owned())
    },
};

impl Form {
    fn row(&self, name: &Ident) -> Option<&'static Row> {
        self.table.iter().find(|row| name == row.0)
    }

    fn unknown(&self, name: &str) -> String {
        (self.instead)(name)
            .unwrap_or_else(|| format!("`#[{}]` has no option `{name}`; {}", self.attribute, self.names()))
    }

    fn names(&self) -> String {
        let names: Vec<String> = self.table.iter().map(|row| format!("`{}`", row.0)).collect();
        format!("{} {}", self.takes, names.join(", "))
    }

    /// How the option is written whose name stands first in an argument.
    pub(crate) fn begun(&self, argument: &TokenStream) -> Option<&'static str> {
        match argument.clone().into_iter().next()? {
            TokenTree::Ident(name) => self.row(&name).map(|row| row.1),
            _ => None,
        }
    }

    /// What is said of an argument that is no option.
    pub(crate) fn not_one(&self) -> String {
        format!("not an option of `#[{}]`; {}", self.attribute, self.names())
    }
}

enum Meaning {
    Name(LitStr),
    Crate(Path),
    VaryBy(Expr),
    /// The method of the option's name takes this time.
    Time(Time),
    /// The method of the option's name takes this list.
    List(ExprArray),
    /// As well, and what stands in braces is a parameter of the route.
    Templates(ExprArray),
    /// The method of the option's name takes this.
    Call(TokenStream),
}

fn call(value: impl ToTokens) -> Meaning {
    Meaning::Call(value.into_token_stream())
}

/// The options that were given, in their order.
pub(crate) struct Options {
    form: &'static Form,
    given: Vec<&'static str>,
    read: Vec<(&'static str, Meaning)>,
}

impl Options {
    pub(crate) fn of(form: &'static Form) -> Self {
        Self { form, given: Vec::new(), read: Vec::new() }
    }

    /// One more; every mistake in it.
    pub(crate) fn add(&mut self, name: &Ident, tokens: TokenStream) -> Result<(), Vec<Error>> {
        let Some(&Row(row, example, read)) = self.form.row(name) else {
            return Err(vec![Error::new_spanned(name, self.form.unknown(&name.to_string()))]);
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

    pub(crate) fn has(&self, name: &str) -> bool {
        self.given.contains(&name)
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
        self.has("stale_while_revalidate")
    }

    /// The texts in which parameters of the route may stand.
    pub(crate) fn templates(&self) -> impl Iterator<Item = &Expr> {
        self.read.iter().flat_map(|(_, meaning)| match meaning {
            Meaning::Templates(list) => list.elems.iter().collect::<Vec<_>>(),
            _ => Vec::new(),
        })
    }

    fn find<'o, T>(&'o self, wanted: impl Fn(&'o Meaning) -> Option<T>) -> Option<T> {
        self.read.iter().find_map(|(_, meaning)| wanted(meaning))
    }

    /// What they say of the policy or of the purge, as calls of its methods.
    pub(crate) fn calls(&self, krate: &Path) -> TokenStream {
        let calls = self.read.iter().filter_map(|(name, meaning)| {
            let value = match meaning {
                Meaning::Call(value) => value.clone(),
                Meaning::List(list) | Meaning::Templates(list) => quote_spanned!(list.span()=> &#list),
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

fn contradict(one: &str, other: &str) -> bool {
    matches!((one, other), ("query", "ignore_query") | ("ignore_query", "query"))
}
