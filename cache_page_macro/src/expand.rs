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
//!     __request: ::cache_page::__private::Request,
//!     id: web::Path<u64>,
//!     user: User,
//! ) -> ::cache_page::__private::HttpResponse {
//!     static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
//!             ::cache_page::__private::seconds(60),
//!         )
//!         .for_handler(::core::concat!(::core::module_path!(), "::post"));
//!     fn __returns(_: Result<impl Responder, AppError>) {}     // only if the return type contains `impl`
//!     let __lookup = &mut (&__request).lookup(&__POLICY);
//!     __lookup.key_from::<web::Path<u64>, _>();
//!     __lookup.key_from_result(&query);                       // for `query: Result<web::Query<T>, E>`
//!     __lookup.key_value(&user);
//!     __lookup.key_value_by(&user, |user| user.id);           // for `#[key(by = |user| user.id)]`
//!     __lookup.anonymous(&user);                              // for `#[anonymous]`
//!     __lookup.anonymous_by(&user, path::to::function);       // for `#[anonymous(by = path::to::function)]`
//!     __lookup.key_by(path::to::function);                    // only with this option
//!     (__lookup).serve(async move {
//!         if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<Result<_, AppError>> {
//!             return __returns;
//!         }
//!         #[allow(unused_braces)]
//!         { BODY }
//!     }).await
//! }
//! ```
//!
//! With `policy = LISTING`, the policy begins with that constant:
//!
//! ```text
//!     static __POLICY: … = ::cache_page::__private::policy(LISTING).for_handler(…);
//! ```
//!
//! With `uncached = original_post`, the original function follows under that name, without its route attributes.
//!
//! `#[cache_page(uncached)]` and `#[purge_page(tags = ["posts"])]` differ in the policy and in the call:
//!
//! ```text
//!     (&__request).uncached(async move { … }).await
//! ```
//!
//! ```text
//!     static __PURGE: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
//!         ::core::concat!(::core::module_path!(), "::edit"),
//!     ).tags(&["posts"]);
//!     (&__request).purge_after(&__PURGE, async move { … }).await
//! ```
//!
//! The reasons:
//!
//! * The request is an extra first argument, because extractors run before the cache: an extractor that rejects a
//!   request also protects hits.
//! * No `use` and no item is generated outside of the function. Names that the body could use begin with two
//!   underscores.
//! * `lookup`, `uncached` and `purge_after` are called on a reference, so that method resolution finds them before the
//!   methods of a trait that is implemented for every type.
//! * The body stays where it was written, in an `async` block. An async closure does not take the return type as its
//!   expected type, and so rejects valid handlers. A nested function can neither have a `#[cfg]` on its arguments nor
//!   name `Self`.
//! * Each argument has its own statement, so that its `#[cfg]` can be repeated on that statement.
//! * The early return fixes the type of the block, unless that is an `impl` as a whole, so that `?`, `.into()` and
//!   coercions are inferred as in a plain function.
//! * The braces around the body keep its `use` declarations away from the early return.
//! * The function `__returns` uses the traits that an `impl` in the return type names: the generated return type does
//!   not.
//! * The call of `serve` has the span of the return type. A type that is not a `Responder` is reported there, and once:
//!   rustc drops a repeated error only if its span is the same.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    Attribute, Expr, FnArg, Generics, Pat, PatType, Path, ReturnType, Signature, Token, Type, TypeParamBound,
    TypePath, ext::IdentExt as _, parse_quote, punctuated::Punctuated, spanned::Spanned as _,
    visit_mut::VisitMut,
};

use crate::{
    handler::{ArgClass, Handler, MAX_ARGUMENTS, is_route},
    parse::{Args, AttributeKind, Ttl, respan},
};

/// Returns the generated function.
pub(crate) fn expand(args: &Args, mut handler: Handler) -> TokenStream {
    let krate = &args.krate;
    let request = Ident::new("__request", Span::mixed_site());
    let lookup = Ident::new("__lookup", Span::mixed_site());
    let policy = policy(args, &handler.signature.ident);
    let key = matches!(args.kind, AttributeKind::Cache(_)).then(|| key(args, &handler, &request, &lookup));
    let return_type = return_type(&handler.signature.output);
    let impl_traits = use_impl_traits(&return_type, &handler.signature.generics);
    let original = args.options.original_name().map(|name| original(&handler, name));

    merge_arguments(&mut handler);
    let signature = &mut handler.signature;
    signature.inputs.insert(0, parse_quote!(#request: #krate::__private::Request));
    signature.output = parse_quote!(-> #krate::__private::HttpResponse);

    let Handler { attributes, visibility, signature, inner_attributes, body, brace, .. } = handler;
    let lints = allowed_lints(&signature);
    let body = {
        let mut block = TokenStream::new();
        brace.surround(&mut block, |inside| body.to_tokens(inside));
        block
    };
    let receiver = if key.is_some() { lookup } else { request };
    let response = response(&receiver, args, return_type, &body);
    quote! {
        #(#attributes)*
        #lints
        #visibility #signature {
            #(#inner_attributes)*
            #policy
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
    function.attributes.retain(|attribute| !is_route(attribute));
    function.signature.ident = name.clone();
    let function = function.without_arg_attributes();
    quote!(#[allow(dead_code)] #function)
}

/// Returns the static with the arguments of the attribute.
fn policy(args: &Args, handler: &Ident) -> Option<TokenStream> {
    let Args { kind, options, krate } = args;
    let name = match options.handler_name() {
        Some(name) => quote!(#name),
        None => {
            let last = format!("::{}", handler.unraw());
            quote!(::core::concat!(::core::module_path!(), #last))
        }
    };
    let calls = options.method_calls(krate);
    // The path in `crate = path` may be longer than necessary.
    let lints = options.krate().map(|_| quote!(#[allow(unused_qualifications)]));
    let declaration = match kind {
        AttributeKind::Cache(ttl) => {
            let base = base_policy(ttl.as_ref(), options.policy(), krate);
            quote!(static __POLICY: #krate::__private::HandlerPolicy = #base #calls .for_handler(#name);)
        }
        AttributeKind::Purge => quote! {
            static __PURGE: #krate::__private::PurgePolicy = #krate::__private::PurgePolicy::new(#name) #calls;
        },
        AttributeKind::Uncached => return None,
    };
    Some(quote!(#lints #declaration))
}

/// Returns the policy to which the options are added: that of a TTL, or a constant, whose TTL another one may replace.
fn base_policy(ttl: Option<&Ttl>, policy: Option<&Expr>, krate: &Path) -> TokenStream {
    let ttl = ttl.map(|ttl| (ttl.span(), ttl.to_tokens(krate)));
    match (policy, ttl) {
        (None, None) => TokenStream::new(),
        (None, Some((span, ttl))) => {
            let krate = respan(krate, span);
            quote_spanned!(span=> #krate::__private::Policy::with_ttl(#ttl))
        }
        (Some(policy), ttl) => {
            let (span, krate) = (policy.span(), respan(krate, policy.span()));
            let ttl = ttl.map(|(span, ttl)| quote_spanned!(span=> .ttl(#ttl)));
            quote_spanned!(span=> #krate::__private::policy(#policy) #ttl)
        }
    }
}

/// Returns the statements that begin the lookup and build the cache key.
fn key(args: &Args, handler: &Handler, request: &Ident, lookup: &Ident) -> TokenStream {
    let inputs = key_inputs(handler, lookup);
    let vary_by =
        args.options.vary_by().map(|function| quote_spanned!(function.span()=> #lookup.key_by(#function);));
    let normalized =
        args.options.normalized_headers().iter().map(
            |(name, function)| quote_spanned!(function.span()=> #lookup.key_by_header(#name, #function);),
        );
    quote! {
        let #lookup = &mut (&#request).lookup(&__POLICY);
        #(#inputs)*
        #vary_by
        #(#normalized)*
    }
}

/// Returns the statements of all arguments: with the value if it is `#[key]` or `#[anonymous]`, else with the type, which any
/// pattern has.
fn key_inputs(handler: &Handler, lookup: &Ident) -> Vec<TokenStream> {
    let arguments = handler.signature.inputs.iter().zip(&handler.arg_attributes);
    let statements = arguments.flat_map(|(argument, attributes)| {
        let FnArg::Typed(PatType { attrs, pat, ty, .. }) = argument else { return Vec::new() };
        let statements = match (&**pat, attributes.class()) {
            (_, Some((ArgClass::Unkeyed, _))) => Vec::new(),
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
fn response(receiver: &Ident, args: &Args, return_type: Type, body: &TokenStream) -> TokenStream {
    let span = return_type.span();
    let returns = Ident::new("__returns", span);
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
            let purge = Ident::new("__PURGE", Span::call_site().located_at(span));
            quote_spanned!(span=> (&#receiver).purge_after(&#purge, async move { #body }))
        }
    };
    quote_spanned!(span=> #call.await)
}

fn return_type(output: &ReturnType) -> Type {
    match output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => parse_quote!(()),
    }
}

/// Returns the type with `_` in the place of every `impl`, which is only valid in a signature.
fn infer_impl_traits(mut return_type: Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            match ty {
                Type::ImplTrait(impl_trait) => {
                    let underscore = Token![_](impl_trait.span());
                    *ty = parse_quote!(#underscore);
                }
                _ => syn::visit_mut::visit_type_mut(self, ty),
            }
        }
    }
    Infer.visit_type_mut(&mut return_type);
    return_type
}

/// Returns a function that uses the traits of the return type, so that their imports are used.
fn use_impl_traits(return_type: &Type, generics: &Generics) -> Option<TokenStream> {
    let mut scan = ReturnTypeScan::default();
    let mut argument = return_type.clone();
    scan.visit_type_mut(&mut argument);
    if !scan.has_impl_trait || scan.has_self {
        return None;
    }
    let (parameters, where_clause) = (&generics.params, &generics.where_clause);
    let lints = generics.lifetimes().next().map(|_| quote!(#[allow(single_use_lifetimes, unused_lifetimes)]));
    Some(quote! {
        #lints
        fn __returns<#parameters>(_: #argument) #where_clause {}
    })
}

/// Scans a return type, and removes `use<…>`, which is not valid in an argument.
#[derive(Default)]
struct ReturnTypeScan {
    has_impl_trait: bool,
    /// A nested function cannot name `Self`.
    has_self: bool,
}

impl VisitMut for ReturnTypeScan {
    fn visit_type_impl_trait_mut(&mut self, ty: &mut syn::TypeImplTrait) {
        self.has_impl_trait = true;
        let bounds: Punctuated<_, Token![+]> = std::mem::take(&mut ty.bounds)
            .into_iter()
            .filter(|bound| !matches!(bound, TypeParamBound::PreciseCapture(_)))
            .collect();
        ty.bounds = bounds;
        syn::visit_mut::visit_type_impl_trait_mut(self, ty);
    }

    fn visit_path_mut(&mut self, path: &mut Path) {
        self.has_self |= path.segments.first().is_some_and(|first| first.ident == "Self");
        syn::visit_mut::visit_path_mut(self, path);
    }
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
