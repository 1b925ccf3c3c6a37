//! The return type of a handler, of which an `impl` is only valid in a signature.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{
    BoundLifetimes, GenericArgument, ParenthesizedGenericArguments, Path, PathArguments, ReturnType, Token,
    TraitBound, Type, TypeImplTrait, parse_quote,
    spanned::Spanned as _,
    visit::{self, Visit},
    visit_mut::{self, VisitMut},
};

pub(crate) fn return_type(output: &ReturnType) -> Type {
    match output {
        ReturnType::Type(_, ty) => (**ty).clone(),
        ReturnType::Default => parse_quote!(()),
    }
}

/// Returns the type with `_` in the place of every `impl`.
pub(crate) fn infer_impl_traits(mut return_type: Type) -> Type {
    struct Infer;
    impl VisitMut for Infer {
        fn visit_type_mut(&mut self, ty: &mut Type) {
            match ty {
                Type::ImplTrait(impl_trait) => {
                    let underscore = Token![_](impl_trait.span());
                    *ty = parse_quote!(#underscore);
                }
                _ => visit_mut::visit_type_mut(self, ty),
            }
        }
    }
    Infer.visit_type_mut(&mut return_type);
    return_type
}

/// Returns a block that uses what the `impl`s of the return type name, so that the imports of these names are used.
///
/// An item in it names no type, which could be `Self` or a type parameter of the `impl` block around the handler. A trait with
/// arguments is imported; of the others, rustc reports an unknown one as in a signature.
pub(crate) fn use_impl_traits(return_type: &Type) -> Option<TokenStream> {
    let mut names = ImplNames::default();
    names.visit_type(return_type);
    let ImplNames { traits, generic_traits, types, .. } = names;
    let function = (!traits.is_empty()).then(|| quote!(fn __cache_page_traits(#(_: impl #traits),*) {}));
    (function.is_some() || !generic_traits.is_empty()).then(|| {
        quote! {
            {
                #function
                #(#[allow(unused_imports)] use #generic_traits as _;)*
                #(let _ = ::core::marker::PhantomData::<#types>;)*
            }
        }
    })
}

/// Collects what the bounds of every `impl` name: the traits, and the types in their arguments.
#[derive(Default)]
struct ImplNames {
    traits: Vec<Path>,
    generic_traits: Vec<Path>,
    types: Vec<Type>,
    is_bound: bool,
}

impl ImplNames {
    /// Adds a type that can stand in an expression by itself.
    fn add(&mut self, ty: &Type) {
        let mut scan = Scan::default();
        scan.visit_type(ty);
        if !scan.is_part_of_signature {
            self.types.push(ty.clone());
        }
    }
}

impl<'ast> Visit<'ast> for ImplNames {
    fn visit_type_impl_trait(&mut self, ty: &'ast TypeImplTrait) {
        let was_bound = std::mem::replace(&mut self.is_bound, true);
        visit::visit_type_impl_trait(self, ty);
        self.is_bound = was_bound;
    }

    fn visit_trait_bound(&mut self, bound: &'ast TraitBound) {
        if self.is_bound {
            let mut path = bound.path.clone();
            let has_arguments = path.segments.iter().any(|segment| !segment.arguments.is_none());
            path.segments.iter_mut().for_each(|segment| segment.arguments = PathArguments::None);
            if has_arguments { self.generic_traits.push(path) } else { self.traits.push(path) }
        }
        visit::visit_trait_bound(self, bound);
    }

    fn visit_generic_argument(&mut self, argument: &'ast GenericArgument) {
        match argument {
            GenericArgument::Type(ty) if self.is_bound => self.add(ty),
            GenericArgument::AssocType(assoc) if self.is_bound => self.add(&assoc.ty),
            _ => {}
        }
        visit::visit_generic_argument(self, argument);
    }

    fn visit_parenthesized_generic_arguments(&mut self, arguments: &'ast ParenthesizedGenericArguments) {
        if self.is_bound {
            arguments.inputs.iter().for_each(|argument| self.add(&argument.ty));
            if let ReturnType::Type(_, ty) = &arguments.output {
                self.add(ty);
            }
        }
        visit::visit_parenthesized_generic_arguments(self, arguments);
    }
}

/// Looks for what a type cannot have outside of its signature: `impl`, and lifetimes, which a `for<'a>` may declare.
#[derive(Default)]
struct Scan {
    is_part_of_signature: bool,
}

impl<'ast> Visit<'ast> for Scan {
    fn visit_type_impl_trait(&mut self, _: &'ast TypeImplTrait) {
        self.is_part_of_signature = true;
    }

    fn visit_lifetime(&mut self, lifetime: &'ast syn::Lifetime) {
        self.is_part_of_signature |= lifetime.ident != "static";
    }

    // The lifetimes that these declare are valid inside of them. They are rare, and only an unused import depends on them.
    fn visit_bound_lifetimes(&mut self, _: &'ast BoundLifetimes) {
        self.is_part_of_signature = true;
    }
}
