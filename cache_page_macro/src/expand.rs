//! The generated function.
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
//!     __page: ::cache_page::__private::Request,
//!     id: web::Path<u64>,
//!     user: User,
//! ) -> ::cache_page::__private::HttpResponse {
//!     static __POLICY: ::cache_page::__private::Policy = ::cache_page::__private::Policy::new(
//!         ::core::concat!(::core::module_path!(), "::post"),
//!         ::cache_page::__private::seconds(60),
//!     );
//!     fn __returns(_: Result<impl Responder, AppError>) {}     // only where the return type has an `impl`
//!     let __page = &mut (&__page).begin(&__POLICY);
//!     __page.reads::<web::Path<u64>>();
//!     __page.vary(&user);
//!     __page.vary_by(path::to::function);                      // only with that option
//!     (__page).serve(async move {
//!         if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<Result<_, AppError>> {
//!             return __returns;
//!         }
//!         #[allow(unused_braces)]
//!         { BODY }
//!     }).await
//! }
//! ```
//!
//! `#[cache_page(off)]` and `#[purge_page(tags = ["posts"])]` share all of it but the policy and the key:
//!
//! ```text
//!     (&__page).uncached(async move { … }).await
//! ```
//!
//! ```text
//!     static __PURGE: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
//!         ::core::concat!(::core::module_path!(), "::edit"),
//!     ).tags(&["posts"]);
//!     (&__page).purging(&__PURGE, async move { … }).await
//! ```
//!
//! Why it is so:
//!
//! * One leading argument, because extractors run before the cache: one that refuses a request guards hits too.
//! * No `use` and no item outside the function; names that the body could see begin with two underscores.
//! * `begin`, `uncached` and `purging` are called on a reference, where they are found before methods of that name of a
//!   trait for every type.
//! * A statement an argument, not one chain, so that the `#[cfg]` of an argument can stand on its line.
//! * The early return pins the type, unless that is an `impl` as a whole, so that `?`, `.into()` and coercions infer as they do in a plain function.
//! * The braces around the body keep its own `use` declarations away from that line.
//! * The witness `__returns` keeps the traits named by an `impl` in use: the return type proper is ours.
//! * `serve` and all that belongs to the call is spanned at the return type: a type that is no `Responder` is reported
//!   there, and once, because rustc drops a repeated error only where its span is the same.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    Attribute, FnArg, Generics, PatType, Path, ReturnType, Signature, Token, Type, TypeParamBound,
    ext::IdentExt as _, parse_quote, punctuated::Punctuated, spanned::Spanned as _, visit_mut::VisitMut,
};

use crate::{
    args::{Args, Role},
    check::MOST_ARGUMENTS,
    handler::Handler,
    ttl::located,
};

pub(crate) fn expand(args: &Args, mut handler: Handler) -> TokenStream {
    let door = &args.krate;
    let page = Ident::new("__page", Span::mixed_site());
    let declaration = declaration(args, &handler.signature.ident);
    let lookup = matches!(args.role, Role::Keep(_)).then(|| lookup(args, &handler, &page));
    let returned = returned(&handler.signature.output);
    let witness = witness(&returned, &handler.signature.generics);

    let signature = &mut handler.signature;
    leave_room(signature);
    signature.inputs.insert(0, parse_quote!(#page: #door::__private::Request));
    signature.output = parse_quote!(-> #door::__private::HttpResponse);

    let Handler { attributes, visibility, signature, inner_attributes, body, brace, .. } = handler;
    let lints = lints(&signature);
    let body = {
        let mut block = TokenStream::new();
        brace.surround(&mut block, |inside| body.to_tokens(inside));
        block
    };
    let answer = answer(&page, args, returned, &body);
    quote! {
        #(#attributes)*
        #lints
        #visibility #signature {
            #(#inner_attributes)*
            #declaration
            #witness
            #lookup
            #answer
        }
    }
}

/// What the attribute said, as a constant.
fn declaration(args: &Args, handler: &Ident) -> Option<TokenStream> {
    let Args { role, options, krate } = args;
    let name = match options.name() {
        Some(name) => quote!(#name),
        None => {
            let last = format!("::{}", handler.unraw());
            quote!(::core::concat!(::core::module_path!(), #last))
        }
    };
    let calls = options.calls(krate);
    // A path of the user's own may be longer than it has to be.
    let lints = options.krate().map(|_| quote!(#[allow(unused_qualifications)]));
    let declaration = match role {
        Role::Keep(ttl) => {
            let (at, door, ttl) = (ttl.span(), located(krate, ttl.span()), ttl.tokens(krate));
            let new = quote_spanned!(at=> #door::__private::Policy::new(#name, #ttl));
            quote!(static __POLICY: #krate::__private::Policy = #new #calls;)
        }
        Role::Purge => quote! {
            static __PURGE: #krate::__private::PurgePolicy = #krate::__private::PurgePolicy::new(#name) #calls;
        },
        Role::Exempt => return None,
    };
    Some(quote!(#lints #declaration))
}

/// The key of the page, of all that the arguments read.
fn lookup(args: &Args, handler: &Handler, page: &Ident) -> TokenStream {
    let reads = reads(handler, page);
    let vary_by = args.options.vary_by().map(|by| quote_spanned!(by.span()=> #page.vary_by(#by);));
    quote! {
        let #page = &mut (&#page).begin(&__POLICY);
        #(#reads)*
        #vary_by
    }
}

/// One line an argument: by its type, so that patterns stay free, or by its value where it is marked `#[key]`.
fn reads(handler: &Handler, page: &Ident) -> Vec<TokenStream> {
    let arguments = handler.signature.inputs.iter().zip(&handler.markers);
    arguments
        .filter_map(|(argument, markers)| {
            let FnArg::Typed(PatType { attrs, pat, ty, .. }) = argument else { return None };
            if !markers.unkeyed.is_empty() {
                return None;
            }
            let cfgs = attrs.iter().filter(|attribute| is_cfg(attribute));
            let at = ty.span();
            let line = match (&**pat, markers.key.first()) {
                (syn::Pat::Ident(name), Some(_)) => {
                    let name = located(&name.ident, at);
                    quote_spanned!(at=> #page.vary(&#name);)
                }
                _ => quote_spanned!(at=> #page.reads::<#ty>();),
            };
            Some(quote!(#(#cfgs)* #line))
        })
        .collect()
}

/// The call that runs the body, or does not.
fn answer(page: &Ident, args: &Args, returned: Type, body: &TokenStream) -> TokenStream {
    let at = returned.span();
    let returns = Ident::new("__returns", at);
    let returned = inferred(returned);
    let edge = (!matches!(returned, Type::Infer(_))).then(|| {
        quote! {
            if let ::core::option::Option::Some(#returns) = ::core::option::Option::None::<#returned> {
                return #returns;
            }
        }
    });
    let body = quote! {
        #edge
        #[allow(unused_braces)]
        #body
    };
    // The parentheses let the call begin at the return type too: the name in them is hygienic and belongs elsewhere.
    let call = match &args.role {
        Role::Keep(_) => {
            let serve = Ident::new(if args.options.refreshes() { "serve_stale" } else { "serve" }, at);
            quote_spanned!(at=> (#page).#serve(async move { #body }))
        }
        Role::Exempt => quote_spanned!(at=> (&#page).uncached(async move { #body })),
        Role::Purge => {
            let purge = Ident::new("__PURGE", Span::call_site().located_at(at));
            quote_spanned!(at=> (&#page).purging(&#purge, async move { #body }))
        }
    };
    quote_spanned!(at=> #call.await)
}

fn returned(output: &ReturnType) -> Type {
    match output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => parse_quote!(()),
    }
}

/// The return type with `_` for every `impl`, which only a signature may have.
fn inferred(mut returned: Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            match ty {
                Type::ImplTrait(anonymous) => {
                    let underscore = Token![_](anonymous.span());
                    *ty = parse_quote!(#underscore);
                }
                _ => syn::visit_mut::visit_type_mut(self, ty),
            }
        }
    }
    Infer.visit_type_mut(&mut returned);
    returned
}

fn witness(returned: &Type, generics: &Generics) -> Option<TokenStream> {
    /// Finds an `impl`, drops its `use<…>` (which no argument may have), and finds what a nested function cannot name.
    #[derive(Default)]
    struct Look {
        anonymous: bool,
        out_of_reach: bool,
    }
    impl VisitMut for Look {
        fn visit_type_impl_trait_mut(&mut self, ty: &mut syn::TypeImplTrait) {
            self.anonymous = true;
            let bounds: Punctuated<_, Token![+]> = std::mem::take(&mut ty.bounds)
                .into_iter()
                .filter(|bound| !matches!(bound, TypeParamBound::PreciseCapture(_)))
                .collect();
            ty.bounds = bounds;
            syn::visit_mut::visit_type_impl_trait_mut(self, ty);
        }

        fn visit_path_mut(&mut self, path: &mut Path) {
            self.out_of_reach |= path.segments.first().is_some_and(|first| first.ident == "Self");
            syn::visit_mut::visit_path_mut(self, path);
        }
    }
    let mut look = Look::default();
    let mut argument = returned.clone();
    look.visit_type_mut(&mut argument);
    if !look.anonymous || look.out_of_reach {
        return None;
    }
    let (parameters, where_clause) = (&generics.params, &generics.where_clause);
    let lints = generics.lifetimes().next().map(|_| quote!(#[allow(single_use_lifetimes, unused_lifetimes)]));
    Some(quote! {
        #lints
        fn __returns<#parameters>(_: #argument) #where_clause {}
    })
}

/// actix-web takes 16 arguments at most, and a tuple of extractors is one: two neighbours make room for ours.
fn leave_room(signature: &mut Signature) {
    if signature.inputs.len() < MOST_ARGUMENTS {
        return;
    }
    let Some(first) = neighbours_without_attributes(signature) else { return };
    let mut inputs: Vec<FnArg> = std::mem::take(&mut signature.inputs).into_iter().collect();
    if let (FnArg::Typed(left), FnArg::Typed(right)) = (inputs[first].clone(), inputs.remove(first + 1)) {
        let (PatType { pat: a, ty: t, .. }, PatType { pat: b, ty: u, .. }) = (left, right);
        inputs[first] = parse_quote!((#a, #b): (#t, #u));
    }
    signature.inputs = inputs.into_iter().collect();
}

/// The last two neighbouring arguments that a tuple can take up without losing anything.
pub(crate) fn neighbours_without_attributes(signature: &Signature) -> Option<usize> {
    let bare: Vec<bool> = signature
        .inputs
        .iter()
        .map(|argument| matches!(argument, FnArg::Typed(PatType { attrs, .. }) if attrs.is_empty()))
        .collect();
    (1..bare.len()).rev().find(|&second| bare[second] && bare[second - 1]).map(|second| second - 1)
}

/// What clippy would say of our tokens at the place of the user's.
///
/// A block that yields a future is a slip, a handler that returns one (`HttpResponseBuilder` is) is not. Seven arguments
/// are fine, eight are not, and the eighth is ours; any that a `#[cfg]` is on may be gone by then.
fn lints(signature: &Signature) -> TokenStream {
    let may_be_gone = |argument: &&FnArg| matches!(argument, FnArg::Typed(PatType { attrs, .. }) if attrs.iter().any(is_cfg));
    let most = signature.inputs.len();
    let fewest = most - signature.inputs.iter().filter(may_be_gone).count();
    let too_many_arguments = (fewest..=most).contains(&8).then(|| quote!(, clippy::too_many_arguments));
    quote!(#[allow(clippy::async_yields_async #too_many_arguments)])
}

fn is_cfg(attribute: &Attribute) -> bool {
    // A `cfg_attr` may turn out to be one.
    attribute.path().is_ident("cfg") || attribute.path().is_ident("cfg_attr")
}
