//! Generates the function that replaces the annotated one.
//!
//! Input:
//!
//! ```text
//! #[get("/posts/{id}")]
//! #[cache_page(60)]
//! async fn post(id: web::Path<u64>, #[key] user: User) -> Result<impl Responder, AppError> { BODY }
//! ```
//!
//! Output:
//!
//! ```text
//! #[get("/posts/{id}")]
//! #[allow(clippy::async_yields_async)]
//! async fn post(
//!     __cache_page_request: ::cache_page::__private::CachedRequest,
//!     id: web::Path<u64>,
//!     user: User,
//! ) -> ::cache_page::__private::HttpResponse {
//!     { fn traits(_: impl Responder) {} }                     // for the traits in an `impl` of the return type
//!     let lookup = &mut (&request).lookup({
//!         static POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
//!                 ::cache_page::__private::seconds(60),
//!             )
//!             .for_handler(::core::concat!(::core::module_path!(), "::post"));
//!         &POLICY
//!     });
//!     lookup.key_from::<web::Path<u64>, _>();
//!     lookup.key_from_result(&query);                         // for `query: Result<web::Query<T>, E>`
//!     lookup.key_value(&user);
//!     lookup.key_value_by(&user, |user| user.id);             // for `#[key(by = |user| user.id)]`
//!     lookup.unkeyed::<HttpRequest>();                        // for `#[unkeyed]`
//!     lookup.anonymous(&user);                                // for `#[anonymous]`
//!     lookup.anonymous_by(&user, path::to::function);         // for `#[anonymous(by = path::to::function)]`
//!     lookup.key_by(path::to::function);                      // only with this option
//!     (lookup).serve(async move {
//!         if let ::core::option::Option::Some(returns) = ::core::option::Option::None::<Result<_, AppError>> {
//!             return returns;
//!         }
//!         #[allow(unused_braces)]
//!         { BODY }
//!     }).await
//! }
//! ```
//!
//! Every generated name begins with `__cache_page_`, which this text leaves out from here on.
//!
//! With `policy = LISTING`, the policy begins with that constant:
//!
//! ```text
//!         static POLICY: … = ::cache_page::__private::policy(LISTING).for_handler(…);
//! ```
//!
//! With `#[cache_page(Self::TTL)]`, which a static cannot name, the options are a constant of the function, and the static holds the
//! policy that belongs to each value of that constant:
//!
//! ```text
//!     (&request).lookup({
//!         static POLICIES: ::cache_page::__private::GenericPolicy = ::cache_page::__private::GenericPolicy::new(…);
//!         POLICIES.of(const { &::cache_page::__private::Policy::with_ttl(…) })
//!     })
//! ```
//!
//! With `uncached = original_post`, the original function follows under that name, without its route attributes.
//!
//! `#[cache_page(uncached)]` and `#[purge_page(tags = ["posts"])]` differ in the policy and in the call:
//!
//! ```text
//!     (&request).uncached(async move { … }).await
//! ```
//!
//! ```text
//!     (&request).purge_after({ static POLICY: ::cache_page::__private::PurgePolicy = …; &POLICY }, async move { … }).await
//! ```
//!
//! The reasons:
//!
//! * The request is an extra first argument, because extractors run before the cache: an extractor that rejects a
//!   request also protects hits.
//! * No `use` and no item is generated outside of the function, and none whose scope contains the body.
//! * Local variables are hygienic, but a constant or a static of their name in the user's module would take their place. So all
//!   generated names have a prefix of their own.
//! * The type of the request has a name for each attribute. By it, a second attribute of this crate recognizes the first one, under
//!   whatever name that was imported.
//! * `lookup`, `uncached` and `purge_after` are called on a reference, so that method resolution finds them before the
//!   methods of a trait that is implemented for every type.
//! * The body stays where it was written, in an `async` block. An async closure does not take the return type as its
//!   expected type, and so rejects valid handlers. A nested function can neither have a `#[cfg]` on its arguments nor
//!   name `Self`.
//! * Each argument has its own statement, so that its `#[cfg]` can be repeated on that statement.
//! * The early return fixes the type of the block, unless that is an `impl` as a whole, so that `?`, `.into()` and
//!   coercions are inferred as in a plain function.
//! * The braces around the body keep its `use` declarations away from the early return.
//! * The function `traits` uses the traits that an `impl` in the return type names. The generated return type does not name them, and
//!   rustc would report their imports as unused. Traits with arguments are imported instead: a function could name neither `Self`
//!   nor a type parameter of the `impl` block around it.
//! * The call of `serve` has the span of the return type. A type that is not a `Responder` is reported there, and once:
//!   rustc drops a repeated error only if its span is the same.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    Attribute, Expr, FnArg, Pat, PatType, Signature, Type, TypePath, parse_quote, spanned::Spanned as _,
};

use super::{
    policy::policy,
    return_type::{infer_impl_traits, return_type, use_impl_traits},
};
use crate::{
    handler::{ArgClass, Handler, MAX_ARGUMENTS, without_routes},
    parse::{Args, AttributeKind, respan},
};

/// Returns the generated function.
pub(crate) fn expand(args: &Args, mut handler: Handler) -> TokenStream {
    let krate = &args.krate;
    let request = Ident::new("__cache_page_request", Span::mixed_site());
    let lookup = Ident::new("__cache_page_lookup", Span::mixed_site());
    let policy = policy(args, &handler.signature);
    let key =
        matches!(args.kind, AttributeKind::Cache(_)).then(|| key(args, &handler, &policy, &request, &lookup));
    let return_type = return_type(&handler.signature.output);
    let impl_traits = use_impl_traits(&return_type);
    let original = args.options.original_name().map(|name| original(&handler, name));

    merge_arguments(&mut handler);
    let signature = &mut handler.signature;
    let request_type = Ident::new(args.kind.request_type(), Span::call_site());
    signature.inputs.insert(0, parse_quote!(#request: #krate::__private::#request_type));
    signature.output = parse_quote!(-> #krate::__private::HttpResponse);

    let Handler { attributes, visibility, signature, inner_attributes, body, brace, .. } = handler;
    let lints = allowed_lints(&signature);
    let body = {
        let mut block = TokenStream::new();
        brace.surround(&mut block, |inside| body.to_tokens(inside));
        block
    };
    let receiver = if key.is_some() { lookup } else { request };
    let response = response(&receiver, args, &policy, return_type, &body);
    quote! {
        #(#attributes)*
        #lints
        #visibility #signature {
            #(#inner_attributes)*
            #impl_traits
            #key
            #response
        }
        #original
    }
}

/// Returns the original function under another name, without the attributes that make it a route.
///
/// A private function that only tests call would be reported as unused.
fn original(handler: &Handler, name: &Ident) -> TokenStream {
    let mut function = handler.clone();
    function.attributes = without_routes(function.attributes);
    function.signature.ident = name.clone();
    let function = function.without_arg_attributes();
    quote!(#[allow(dead_code)] #function)
}

/// Returns the statements that begin the lookup and build the cache key.
fn key(args: &Args, handler: &Handler, policy: &TokenStream, request: &Ident, lookup: &Ident) -> TokenStream {
    let inputs = key_inputs(handler, lookup);
    let vary_by =
        args.options.vary_by().map(|function| quote_spanned!(function.span()=> #lookup.key_by(#function);));
    let normalized =
        args.options.normalized_headers().iter().map(
            |(name, function)| quote_spanned!(function.span()=> #lookup.key_by_header(#name, #function);),
        );
    let variants = args
        .options
        .normalized_variants()
        .iter()
        .map(|(name, function)| quote_spanned!(function.span()=> #lookup.normalize(#name, #function);));
    quote! {
        let #lookup = &mut (&#request).lookup(#policy);
        #(#inputs)*
        #vary_by
        #(#normalized)*
        #(#variants)*
    }
}

/// Returns the statements of all arguments: with the value if it is `#[key]` or `#[anonymous]`, else with the type, which any
/// pattern has.
fn key_inputs(handler: &Handler, lookup: &Ident) -> Vec<TokenStream> {
    let arguments = handler.signature.inputs.iter().zip(&handler.arg_attributes);
    let statements = arguments.flat_map(|(argument, attributes)| {
        let FnArg::Typed(PatType { attrs, pat, ty, .. }) = argument else { return Vec::new() };
        let statements = match (&**pat, attributes.class()) {
            (_, Some((ArgClass::Unkeyed, _))) => {
                vec![quote_spanned!(ty.span()=> #lookup.unkeyed::<#ty>();)]
            }
            (Pat::Ident(name), Some((class, by))) => {
                vec![value_statement(&name.ident, ty, class, by, lookup)]
            }
            (pat, _) => type_statements(pat, ty, lookup),
        };
        let cfgs: Vec<_> = attrs.iter().filter(|attribute| is_cfg(attribute)).collect();
        statements.into_iter().map(|statement| quote!(#(#cfgs)* #statement)).collect()
    });
    statements.collect()
}

/// Returns the statement that takes the value of an argument.
fn value_statement(
    name: &Ident,
    ty: &Type,
    class: ArgClass,
    by: Option<Expr>,
    lookup: &Ident,
) -> TokenStream {
    let method = match (class, &by) {
        (ArgClass::Anonymous, Some(_)) => "anonymous_by",
        (ArgClass::Anonymous, None) => "anonymous",
        (_, Some(_)) => "key_value_by",
        (_, None) => "key_value",
    };
    let span = ty.span();
    let (name, method) = (respan(name, span), Ident::new(method, span));
    let by = by.map(|by| quote!(, #by));
    quote_spanned!(span=> #lookup.#method(&#name #by);)
}

/// Returns the statements that add what an argument reads. The elements of a tuple have one each, so that an error points at the
/// element.
fn type_statements(pat: &Pat, ty: &Type, lookup: &Ident) -> Vec<TokenStream> {
    let span = ty.span();
    match (pat, ty) {
        (_, Type::Group(group)) => type_statements(pat, &group.elem, lookup),
        (_, Type::Tuple(tuple)) => {
            let wild = parse_quote!(_);
            let pats: Vec<&Pat> = match pat {
                Pat::Tuple(pats) if pats.elems.len() == tuple.elems.len() => pats.elems.iter().collect(),
                _ => vec![&wild; tuple.elems.len()],
            };
            pats.into_iter()
                .zip(&tuple.elems)
                .flat_map(|(pat, ty)| type_statements(pat, ty, lookup))
                .collect()
        }
        // The value shows whether it is an `Err`. Otherwise, the type suffices, and rustc still reports unused arguments.
        (Pat::Ident(name), Type::Path(path)) if is_result(path) && name.subpat.is_none() => {
            let name = respan(&name.ident, span);
            vec![quote_spanned!(span=> #lookup.key_from_result(&#name);)]
        }
        _ => vec![quote_spanned!(span=> #lookup.key_from::<#ty, _>();)],
    }
}

fn is_result(path: &TypePath) -> bool {
    path.path.segments.last().is_some_and(|last| last.ident == "Result")
}

/// Returns the call that takes the body and returns the response.
fn response(
    receiver: &Ident,
    args: &Args,
    policy: &TokenStream,
    return_type: Type,
    body: &TokenStream,
) -> TokenStream {
    let span = return_type.span();
    let returns = Ident::new("__cache_page_returns", span);
    let inferred = infer_impl_traits(return_type);
    let early_return = (!matches!(inferred, Type::Infer(_))).then(|| {
        quote! {
            if let ::core::option::Option::Some(#returns) = ::core::option::Option::None::<#inferred> {
                return #returns;
            }
        }
    });
    let body = quote! {
        #early_return
        #[allow(unused_braces)]
        #body
    };
    // The span of the call begins at its first token. The receiver is hygienic and keeps its own span, the parentheses
    // around it have that of the return type.
    let call = match &args.kind {
        AttributeKind::Cache(_) => {
            let method = if args.options.has_background_refresh() { "serve_stale" } else { "serve" };
            let serve = Ident::new(method, span);
            quote_spanned!(span=> (#receiver).#serve(async move { #body }))
        }
        AttributeKind::Uncached => quote_spanned!(span=> (&#receiver).uncached(async move { #body })),
        AttributeKind::Purge => {
            quote_spanned!(span=> (&#receiver).purge_after(#policy, async move { #body }))
        }
    };
    quote_spanned!(span=> #call.await)
}

/// Makes room for the request if the handler has as many arguments as actix-web takes: merges two into a tuple, which
/// counts as one.
fn merge_arguments(handler: &mut Handler) {
    if handler.signature.inputs.len() < MAX_ARGUMENTS {
        return;
    }
    let Some(first) = handler.mergeable_pair() else { return };
    let mut inputs: Vec<FnArg> = std::mem::take(&mut handler.signature.inputs).into_iter().collect();
    if let (FnArg::Typed(left), FnArg::Typed(right)) = (inputs[first].clone(), inputs.remove(first + 1)) {
        let (PatType { pat: a, ty: t, .. }, PatType { pat: b, ty: u, .. }) = (left, right);
        inputs[first] = parse_quote!((#a, #b): (#t, #u));
    }
    handler.signature.inputs = inputs.into_iter().collect();
}

/// Returns the attribute that allows what clippy would report in the generated tokens.
///
/// A block that returns a future is usually a mistake, but `HttpResponseBuilder`, a valid response, is a future. A
/// function with eight arguments has one too many, which is the request; arguments with a `#[cfg]` may be removed.
fn allowed_lints(signature: &Signature) -> TokenStream {
    let may_be_removed = |argument: &&FnArg| matches!(argument, FnArg::Typed(PatType { attrs, .. }) if attrs.iter().any(is_cfg));
    let max = signature.inputs.len();
    let min = max - signature.inputs.iter().filter(may_be_removed).count();
    let too_many_arguments = (min..=max).contains(&8).then(|| quote!(, clippy::too_many_arguments));
    quote!(#[allow(clippy::async_yields_async #too_many_arguments)])
}

/// Returns whether an attribute is a `cfg`, or a `cfg_attr`, which may expand to one.
fn is_cfg(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}
