//! The attributes of the [`cache_page`](https://docs.rs/cache_page) crate: tokens in, tokens out.
//!
//! Depend on `cache_page`, not on this crate: generated code names `::cache_page::__private`. In the order of an
//! expansion:
//!
//! | module | owns |
//! |---|---|
//! | `split` | what stands between the commas of the parentheses |
//! | `args` | what that makes of the handler: cached, exempt, or purging |
//! | `ttl` | times: literals, texts with units, constants |
//! | `options` | the options: how each is written, and the call that is made of it |
//! | `value` | what stands behind the `=` of an option |
//! | `template` | tags and paths, and the parameters in them |
//! | `handler` | the annotated function: signature parsed, body left as it came |
//! | `route` | the route attributes below ours, and their parameters |
//! | `check` | every mistake in a handler, each at its own token |
//! | `expand` | the generated function |

mod args;
mod check;
mod expand;
mod handler;
mod options;
mod route;
mod split;
mod template;
#[cfg(test)]
mod tests;
mod ttl;
mod value;

use proc_macro2::TokenStream;

use crate::{args::Args, handler::Handler};

/// Caches the page of an actix-web handler for a while.
///
/// ```
/// # mod app {
/// use actix_web::{Responder, get, web};
/// use cache_page::cache_page;
/// # struct Db;
/// # type AppError = actix_web::Error;
///
/// #[get("/posts/{id}")]
/// #[cache_page(60)]
/// async fn post(id: web::Path<u64>, db: web::Data<Db>) -> Result<impl Responder, AppError> {
///     // …
/// #   let _ = db;
///     Ok(format!("Post {id}"))
/// }
/// # }
/// ```
///
/// The first `GET` of a URL runs the handler; until the time is over, every `GET` and `HEAD` of that URL is answered
/// from the kept page without running it.
///
/// # How long
///
/// The time to live stands first:
///
/// | written | kept |
/// |---|---|
/// | `60` | whole seconds |
/// | `"5m"`, `"1h 30m"`, `"250ms"` | a number with a unit, or several of them |
/// | `HOUR`, `config::TTL`, `60 * 60` | a constant: an integer (seconds) or a [`Duration`](core::time::Duration) |
/// | `None` | until it is evicted or the process ends |
///
/// # Options
///
/// | option | meaning |
/// |---|---|
/// | `name = "home"` | what the handler is called where it is reported, instead of `module::path::function` |
/// | `key_prefix = "v2"` | keeps pages apart that would otherwise share a key, and forgets all of them when it changes |
/// | `statuses = [404, 410]` | more statuses that the time to live applies to, beside 200, 301 and 308 |
/// | `vary = ["accept-language"]` | a page for each value of these request headers; responses name them in `Vary` |
/// | `vary_cookie = ["theme"]` | a page for each value of these cookies, whatever the others hold |
/// | `vary_by = path::to::function` | a page for each value of a `fn(&HttpRequest) -> impl Hash` |
/// | `query = ["page"]` | only these query parameters make a page, in any order; `[]` is none of them |
/// | `ignore_query = ["utm_*"]` | all query parameters but these make a page, in any order |
/// | `tags = ["posts", "post:{id}"]` | what [`macro@purge_page`] calls the page; `{id}` is that parameter of its route |
/// | `bypass_if = path::to::function` | requests for which a `fn(&HttpRequest) -> bool` returns `true` bypass the cache |
/// | `no_store_if = path::to::function` | responses for which a `fn(&Page) -> bool` returns `true` are not stored |
/// | `browser_ttl = "10s"` | how long browsers and caches further down may keep the page, if not as long as it is kept here |
/// | `stale_while_revalidate = "30s"` | for so long after its time a page is sent at once, while it is made anew in the background |
/// | `stale_if_error = "1h"` | for so long after its time a page is sent where the handler fails to make it anew |
/// | `max_body = 64 * 1024` | longer bodies are not kept, in bytes |
/// | `cache = "big"` | the cache of that name keeps the pages, instead of the one without a name |
/// | `crate = path` | where the `cache_page` crate is, if it was renamed or re-exported |
///
/// Functions may be closures: `bypass_if = |request| request.path() == "/live"`.
///
/// Both stale windows begin when the time to live ends. In the background the handler runs with the arguments that were
/// extracted for the request that was answered, so its future must be `'static`, as that of any handler is that borrows
/// nothing. Without the option nothing more is asked of it.
///
/// A `{name}` in a tag is compared with the route attributes that stand below when the handler is compiled; where none
/// does, when requests come.
///
/// # Not at all
///
/// `#[cache_page(off)]` exempts a handler from the `PageCacheMiddleware` middleware around it. It takes no options but `crate`.
///
/// # What each argument reads
///
/// The compiler checks that the cache key covers every argument: each type must say by `KeyInput` what it reads from
/// the request. An argument whose type does not is classified where it stands:
///
/// * `#[key] user: CurrentUser`: a page for each value, which must be `Hash`;
/// * `#[unkeyed] user: CurrentUser`: your word that the page is the same whatever the argument holds.
///
/// # Order of attributes
///
/// What stands below `#[cache_page]` runs on every request, what stands above it becomes part of the cached body. Route
/// attributes (`#[get]`) may stand on either side. An attribute that checks access by rewriting the body belongs below.
///
/// # Errors
///
/// What cannot be cached does not compile, and every mistake is reported at once: a handler that is not `async`, has no
/// return type or takes `self`; a TTL of zero; an unknown, repeated or contradicting option; a tag with a parameter that
/// its route does not have; a second `#[cache_page]`; a route attribute of a writing method or a `#[purge_page]` below.
#[proc_macro_attribute]
pub fn cache_page(args: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    cached(args.into(), item.into()).into()
}

/// Purges pages when the handler has changed what they show.
///
/// ```
/// # mod app {
/// use actix_web::{Responder, post, web};
/// use cache_page::purge_page;
/// # struct Db;
/// # type AppError = actix_web::Error;
///
/// #[post("/posts/{id}")]
/// #[purge_page(tags = ["post:{id}"], paths = ["/posts", "/posts/{id}"])]
/// async fn edit(id: web::Path<u64>, db: web::Data<Db>) -> Result<impl Responder, AppError> {
///     // …
/// #   let _ = db;
///     Ok(format!("Post {id} is changed"))
/// }
/// # }
/// ```
///
/// When the handler succeeds, the pages that carry one of the tags and those of the paths are removed. When it fails
/// nothing is.
///
/// # What is purged
///
/// At least one of the two lists says it. In both, `{id}` stands for that parameter of the handler's own route, as the
/// request has it.
///
/// | option | meaning |
/// |---|---|
/// | `tags = ["posts", "post:{id}"]` | the pages that carry one of these tags, by the `tags` of [`macro@cache_page`] |
/// | `paths = ["/posts/{id}"]` | the pages of these paths, whatever their query |
/// | `cache = "big"` | the cache of that name is purged, instead of the one without a name |
/// | `name = "edit"` | what the handler is called where it is reported, instead of `module::path::function` |
/// | `crate = path` | where the `cache_page` crate is, if it was renamed or re-exported |
///
/// # Order of attributes
///
/// Route attributes (`#[post]`) may stand on either side. With those below `#[purge_page]` every `{name}` is compared when
/// the handler is compiled; where none is below, when requests come. A parameter of a scope around the handler cannot be
/// seen from here: to use one, put `#[purge_page]` below the route attribute.
///
/// # Errors
///
/// Every mistake is reported at once: a handler that is not `async`, has no return type or takes `self`; no tags and no
/// paths; an unknown or repeated option; a text with a parameter that the route does not have; an argument marked
/// `#[key]` or `#[unkeyed]`; a second `#[purge_page]`; a `#[cache_page]` on the same handler, unless that is
/// `#[cache_page(off)]`.
#[proc_macro_attribute]
pub fn purge_page(args: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    purging(args.into(), item.into()).into()
}

fn cached(args: TokenStream, item: TokenStream) -> TokenStream {
    expanded(Args::cache_page(args), item)
}

fn purging(args: TokenStream, item: TokenStream) -> TokenStream {
    expanded(Args::purge_page(args), item)
}

/// The new handler; or the handler as it was, beside every mistake, so that editors go on working in it.
fn expanded((args, mut mistakes): (Args, Vec<syn::Error>), item: TokenStream) -> TokenStream {
    let handler = match Handler::parse(&item, args.role.form()) {
        Ok(handler) => handler,
        Err(not_a_function) => {
            mistakes.push(not_a_function);
            return refused(item, &mistakes);
        }
    };
    mistakes.extend(check::handler(&handler, &args));
    if mistakes.is_empty() {
        expand::expand(&args, handler)
    } else if check::markers_are_of_another(&handler, &args.role) {
        refused(item, &mistakes)
    } else {
        refused(handler.without_markers(), &mistakes)
    }
}

fn refused(item: TokenStream, mistakes: &[syn::Error]) -> TokenStream {
    let mut tokens = item;
    tokens.extend(mistakes.iter().map(syn::Error::to_compile_error));
    tokens
}
