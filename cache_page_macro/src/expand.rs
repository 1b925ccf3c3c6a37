//! The generated function.
//!
//! Input:
//!
//! ```ignore
//! #[get("/posts/{id}")]
//! #[cache_page(60)]
//! async fn post(id: web::Path<u64>, #[vary] user: User) -> Result<impl Responder, AppError> { BODY }
//! ```
//!
//! Output:
//!
//! ```ignore
//! #[get("/posts/{id}")]
//! async fn post(
//!     __page: ::cache_page::__private::Request,
//!     id: web::Path<u64>,
//!     user: User,
//! ) -> ::cache_page::__private::HttpResponse {
//!     static __POLICY: ::cache_page::__private::Policy = ::cache_page::__private::Policy::new(
//!         ::core::concat!(::core::module_path!(), "::post"),
//!         ::cache_page::__private::seconds(60),
//!     );
//!     #[allow(dead_code)]
//!     fn __returns(_: Result<impl Responder, AppError>) {}     // only where the return type has an `impl`
//!     let __page = &mut __page.begin(&__POLICY);
//!     __page.reads::<web::Path<u64>>();
//!     __page.vary(&user);
//!     __page.serve(async move {
//!         if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<Result<_, AppError>> {
//!             return __returns;
//!         }
//!         #[allow(unused_braces)]
//!         { BODY }
//!     }).await
//! }
//! ```
//!
//! Why it is so:
//!
//! * One leading argument, because extractors run before the cache: one that refuses a request guards hits too.
//! * No `use` and no item outside the function; names that the body could see begin with two underscores.
//! * A statement an argument, not one chain, so that the `#[cfg]` of an argument can stand on its line.
//! * The early return pins the type, so that `?`, `.into()` and coercions infer as they do in a plain function.
//! * The braces around the body keep its own `use` declarations away from that line.
//! * The witness `__returns` keeps the traits named by an `impl` in use: the return type proper is ours.
//! * `serve` is spanned at the return type: a type that is no `Responder` is reported there.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens as _, quote, quote_spanned};
use syn::{
    Attribute, FnArg, Generics, PatType, Path, ReturnType, Signature, Token, Type, TypeParamBound,
    parse_quote, punctuated::Punctuated, spanned::Spanned as _, visit_mut::VisitMut,
};

use crate::{args::Args, check::MOST_ARGUMENTS, handler::Handler};

pub(crate) fn expand(args: &Args, mut handler: Handler) -> TokenStream {
    let door = &args.krate;
    let page = Ident::new("__page", Span::mixed_site());
    let policy = policy(args, &handler.signature.ident);
    let reads: Vec<TokenStream> = reads(&handler, &page);
    let returned = returned(&handler.signature.output);
    let witness = witness(&returned, &handler.signature.generics);
    let returned_inferred = inferred(returned.clone());

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
    let serve = quote_spanned!(returned.span()=> #page.serve);
    quote! {
        #(#attributes)*
        #lints
        #visibility #signature {
            #(#inner_attributes)*
            #policy
            #witness
            let #page = &mut #page.begin(&__POLICY);
            #(#reads)*
            #serve(async move {
                if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<#returned_inferred> {
                    return __returns;
                }
                #[allow(unused_braces)]
                #body
            }).await
        }
    }
}

/// What the attribute said, as a constant.
fn policy(args: &Args, handler: &Ident) -> TokenStream {
    let Args { ttl, name, key_prefix, krate } = args;
    let name = match name {
        Some(name) => quote!(#name),
        None => {
            let last = format!("::{handler}");
            quote!(::core::concat!(::core::module_path!(), #last))
        }
    };
    let key_prefix = key_prefix.as_ref().map(|prefix| quote!(.key_prefix(#prefix)));
    quote! {
        static __POLICY: #krate::__private::Policy = #krate::__private::Policy::new(#name, #ttl) #key_prefix;
    }
}

/// One line an argument: by its type, so that patterns stay free, or by its value where it is marked `#[vary]`.
fn reads(handler: &Handler, page: &Ident) -> Vec<TokenStream> {
    let arguments = handler.signature.inputs.iter().zip(&handler.markers);
    arguments
        .filter_map(|(argument, markers)| {
            let FnArg::Typed(PatType { attrs, pat, ty, .. }) = argument else { return None };
            if !markers.shared.is_empty() {
                return None;
            }
            let cfgs = attrs.iter().filter(|attribute| is_cfg(attribute));
            let line = match (&**pat, markers.vary.first()) {
                (syn::Pat::Ident(name), Some(_)) => {
                    let name = &name.ident;
                    quote_spanned!(ty.span()=> #page.vary(&#name);)
                }
                _ => quote_spanned!(ty.span()=> #page.reads::<#ty>();),
            };
            Some(quote!(#(#cfgs)* #line))
        })
        .collect()
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
    Some(quote! {
        #[allow(dead_code)]
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

/// Seven arguments are fine for clippy, eight are not, and the eighth is ours.
fn lints(signature: &Signature) -> Option<TokenStream> {
    (signature.inputs.len() == 8).then(|| quote!(#[allow(clippy::too_many_arguments)]))
}

fn is_cfg(attribute: &Attribute) -> bool {
    attribute.path().is_ident("cfg")
}
