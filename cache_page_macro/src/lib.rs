//! The attributes of the [`cache_page`](https://docs.rs/cache_page) crate.
//!
//! Depend on `cache_page` instead of this crate: the generated code refers to `::cache_page::__private`.
//!
//! | module | content |
//! |---|---|
//! | `parse` | the arguments of the attributes: TTL, options, lists, route parameters |
//! | `handler` | the annotated function, the route attributes below, and every error |
//! | `expand` | the generated function |
//!
//! Tokens go in and tokens come out: this crate has no store, no headers and no clock.

mod expand;
mod handler;
mod parse;
#[cfg(test)]
mod tests;

use proc_macro2::TokenStream;

use crate::{handler::Handler, parse::Args};

/// Caches the responses of an actix-web handler.
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
/// The first `GET` of a URL runs the handler. Until its TTL expires, every `GET` and `HEAD` of that URL is answered with
/// the stored response.
///
/// # TTL
///
/// The time to live (TTL) is the first argument:
///
/// | written | TTL |
/// |---|---|
/// | `60` | whole seconds |
/// | `"5m"`, `"1h 30m"`, `"250ms"` | one or more numbers with a unit |
/// | `HOUR`, `config::TTL`, `Self::TTL`, `60 * 60` | a constant: an integer (seconds) or a [`Duration`](core::time::Duration) |
/// | `None` | no expiry: the response is stored until it is purged or evicted |
///
/// A response that has its own lifetime, such as `Cache-Control: max-age`, is stored for that long instead.
///
/// # Options
///
/// | option | effect |
/// |---|---|
/// | `name = "home"` | Sets the name of the handler in reports. Default: `module::path::function`. |
/// | `key_prefix = "v2"` | Adds a prefix to the cache key. A new prefix discards all stored responses. |
/// | `statuses = [404, 410]` | Applies the TTL to these statuses too, also if the handler returns them as an `Err`. 200, 301 and 308 are always included. `[404 => "10s"]` gives a status a TTL of its own. |
/// | `vary = ["accept-language"]` | Stores one response per value of these request headers, and adds them to `Vary`. Values are compared byte by byte, as a handler may read them. `["accept-language" => path::to::function]` stores one per value of a `fn(Option<&str>) -> impl Hash` of the header, on whose result alone the response depends. |
/// | `normalize = ["accept-language" => path::to::function]` | Compares what a `fn(Option<&str>) -> impl Hash` makes of the header, and not its value, where a response names the header in `Vary` itself. For handlers that forward requests. It has no effect on headers that are in the key, or carry credentials. |
/// | `vary_cookie = ["theme"]` | Stores one response per value of these cookies. Other cookies are ignored, except beside `#[anonymous] request: HttpRequest`. |
/// | `vary_by = path::to::function` | Stores one response per value of a `fn(&HttpRequest) -> impl Hash`. |
/// | `query = ["page"]` | Uses only these query parameters in the key, in any order, and those that an argument reads: `web::Query<T>` the ones that it is deserialized from, `Uri` and `HttpRequest` all. `[]` uses none. |
/// | `ignore_query = ["utm_*"]` | Uses all query parameters but these in the key, in any order, and those that an argument reads. |
/// | `tags = ["posts", "post:{id}"]` | Tags the response for [`macro@purge_page`]. `{id}` is a parameter of the route. |
/// | `bypass_if = path::to::function` | Bypasses the cache if a `fn(&HttpRequest) -> bool` returns `true`. |
/// | `no_store_if = path::to::function` | Does not store a response if a `fn(&HttpRequest, &Page) -> bool` returns `true`. |
/// | `on_hit = path::to::function` | Calls a `fn(&HttpRequest)` for each request that is answered without the handler. |
/// | `browser_ttl = "10s"` | Sets the `max-age` that browsers receive. Default: the TTL; zero on pages with an `#[anonymous]` argument; `no-cache` if the response can be purged by tag, has no expiry, or if there is a `bypass_if`. |
/// | `cdn_ttl = "1h"` | Sets the `s-maxage` that CDNs and other shared caches receive. Default: as browsers; the TTL on pages with an `#[anonymous]` argument. |
/// | `stale_while_revalidate = "30s"` | Serves an expired response for this long while a background run refreshes it. |
/// | `stale_if_error = "1h"` | Serves an expired response for this long if the handler fails. |
/// | `max_body = 64 * 1024` | Does not store responses with longer bodies, in bytes. |
/// | `compress = true` | Sends the response in `br`, `zstd` or `gzip` to clients that accept it, encoded once (features `compress-brotli`, `compress-gzip`, `compress-zstd`, `compress-all`). |
/// | `cache = "posts"` | Uses the `PageCache` with this name instead of the unnamed one. |
/// | `policy = LISTING` | Takes the options of a `const LISTING: Policy`. Those that are written beside it replace single ones. |
/// | `uncached = original_page` | Also generates the original function under this name. |
/// | `crate = path::to::cache_page` | Sets the path of the `cache_page` crate, if it was renamed or re-exported. |
///
/// A function can be a closure: `bypass_if = |request| request.path() == "/live"`.
///
/// Both stale windows begin when the response expires. A background run uses the arguments that were extracted for the
/// request that was answered, so `stale_while_revalidate` requires the handler's future to be `'static`, and so does
/// `policy`, which may contain it. A handler that borrows nothing has such a future.
///
/// With a `policy`, the TTL is optional: `#[cache_page(policy = LISTING)]` or `#[cache_page("1h", policy = LISTING)]`.
///
/// A `{name}` in a tag is checked against the route attributes below when the handler is compiled. Without a route
/// attribute below, it is checked for every request: a response with an unknown parameter is not stored, and an error is
/// logged with the handler and the parameters that its route has. A method such as `POST` is likewise rejected in a route
/// attribute below, and logged otherwise.
///
/// # Calling the original function
///
/// A cached handler has one more argument, which only actix-web can pass. `uncached = original_page` generates a second
/// function, with the original signature, visibility and attributes, except those that register a route. It does not use
/// the cache. Route attributes must be below: the expansion of one above hides the function.
///
/// # Uncached handlers
///
/// `#[cache_page(uncached)]` exempts a handler from a `PageCacheMiddleware` around it. Its only option is `crate`.
///
/// # Arguments of the handler
///
/// The compiler checks that the cache key includes everything that the arguments read from the request: the type of
/// each argument must implement `KeyInput`, or the argument must be marked.
///
/// | argument | in the key |
/// |---|---|
/// | `web::Path<T>`, `web::Query<T>`, `Uri`, `Method` | nothing more: they read the URL |
/// | `web::Data<T>`, `web::ThinData<T>`, `PageCache`, `PageControl` | nothing: they are the same for every request |
/// | `web::Header<H>` | that header; its name goes into `Vary` |
/// | `dev::ConnectionInfo` | the client's address: one page per address, unless it is `#[unkeyed]` |
/// | `Option<T>`, `Result<T, E>`, `Either<L, R>`, tuples | what their parts read; an `Err` bypasses the cache |
/// | an extractor with `impl KeyInput`, or one that `key_inputs!` lists | what that adds |
/// | `#[key] arg: T` | the value, by its `Hash`, or by that of `T` in `ReqData<T>`, `Json<T>` and `Form<T>` |
/// | `#[key(by = \|user\| user.id)] arg: T` | what the closure or function returns for the value |
/// | `#[unkeyed] arg: T` | nothing: you assert that the response does not depend on the value |
/// | `#[anonymous] arg: Option<T>` | nothing: pages are stored and served where it is `None`; `Some` bypasses the cache |
/// | `#[anonymous(by = path::to::function)] arg: T` | the same, for values for which a `fn(&T) -> bool` returns `true` |
/// | `#[anonymous] arg: HttpRequest` | all headers but those that browsers and proxies send on their own; requests with credentials bypass the cache. The handler sees cookies that are no credentials, such as `_ga`; you assert that the response does not depend on them |
/// | anything else, such as `HttpRequest` | does not compile; the message names the words that fit the type |
///
/// A page with a `#[key]` argument has `Cache-Control: private, no-cache`, where the handler sets none. A page with an
/// `#[anonymous]` argument and without tags has `max-age=0, s-maxage=TTL`, and the responses that bypass it have `private, no-cache`; both
/// have `Vary: Cookie, Authorization`.
///
/// # Order of attributes
///
/// Attributes below `#[cache_page]` run for every request. Attributes above it become part of the cached body and do not
/// run on a hit: an attribute that checks access by rewriting the body belongs below. Route attributes such as `#[get]`
/// work on either side.
///
/// # Errors
///
/// These do not compile, and all errors are reported together: a handler that is not `async`, has no return type or
/// takes `self`; a TTL of zero; an unknown, repeated or contradictory option; a tag with a parameter that the route does
/// not have; a second `#[cache_page]`; a route attribute of a method other than `GET` and `HEAD`, such as `#[post]`, or a
/// `#[purge_page]` below.
#[proc_macro_attribute]
#[doc(alias("cached", "memoize", "ttl"))]
pub fn cache_page(args: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_cache_page(args.into(), item.into()).into()
}

/// Purges stored responses after a handler has succeeded.
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
/// When the handler succeeds (2xx, 3xx), the responses with one of the tags and those of the paths are removed before its own
/// response is sent. When it fails, nothing is purged. When its client disconnects before it has completed, they are removed: it may
/// have written.
///
/// # Options
///
/// At least one of `tags` and `paths` is required.
///
/// | option | effect |
/// |---|---|
/// | `tags = ["posts", "post:{id}"]` | Purges the responses with one of these tags (see `tags` of [`macro@cache_page`]). |
/// | `paths = ["/posts/{id}"]` | Purges the responses of these paths, with any query. |
/// | `refill = true` | Has the refiller of the cache, if one is running, request the hottest of the purged pages again. |
/// | `cache = "posts"` | Uses the `PageCache` with this name instead of the unnamed one. |
/// | `name = "edit"` | Sets the name of the handler in reports. Default: `module::path::function`. |
/// | `crate = path::to::cache_page` | Sets the path of the `cache_page` crate, if it was renamed or re-exported. |
///
/// In tags and paths, `{id}` is replaced with that parameter of the handler's route.
///
/// # Order of attributes
///
/// Route attributes such as `#[post]` work on either side. Each `{name}` is checked against those below `#[purge_page]`
/// when the handler is compiled. Without a route attribute below, it is checked for every request: if the route lacks the parameter, the
/// handler is not run, the response is a 500, and an error is logged with the parameters that the route has. The parameters of an
/// enclosing scope are not visible to the compiler: to use one, put `#[purge_page]` below the route attribute.
///
/// # Errors
///
/// These do not compile, and all errors are reported together: a handler that is not `async`, has no return type or
/// takes `self`; neither tags nor paths; an unknown or repeated option; a tag or path with a parameter that the route
/// does not have; an argument with `#[key]`, `#[unkeyed]` or `#[anonymous]`; a second `#[purge_page]`; a `#[cache_page]` on the same
/// handler, except for `#[cache_page(uncached)]`.
#[proc_macro_attribute]
#[doc(alias("invalidate", "invalidation", "evict"))]
pub fn purge_page(args: proc_macro::TokenStream, item: proc_macro::TokenStream) -> proc_macro::TokenStream {
    expand_purge_page(args.into(), item.into()).into()
}

fn expand_cache_page(args: TokenStream, item: TokenStream) -> TokenStream {
    expand_attribute(Args::cache_page(args), item)
}

fn expand_purge_page(args: TokenStream, item: TokenStream) -> TokenStream {
    expand_attribute(Args::purge_page(args), item)
}

/// Returns the generated function, or the original one with all errors.
///
/// The original function keeps editors working, and its callers compile.
fn expand_attribute((args, mut errors): (Args, Vec<syn::Error>), item: TokenStream) -> TokenStream {
    let handler = match Handler::parse(&item, args.kind.spec()) {
        Ok(handler) => handler,
        Err(error) => {
            errors.push(error);
            return with_errors(item, &errors);
        }
    };
    errors.extend(handler::validate(&handler, &args));
    if errors.is_empty() {
        expand::expand(&args, handler)
    } else if handler::keeps_arg_attributes(&handler, &args.kind) {
        with_errors(item, &errors)
    } else {
        with_errors(handler.without_arg_attributes(), &errors)
    }
}

fn with_errors(mut tokens: TokenStream, errors: &[syn::Error]) -> TokenStream {
    tokens.extend(errors.iter().map(syn::Error::to_compile_error));
    tokens
}
