//! Every error in an annotated function, each at its own token, with its fix.

use proc_macro2::Span;
use syn::{Attribute, Error, FnArg, PatType, ReturnType, Type, visit_mut::VisitMut};

use super::{
    handler::{Handler, MAX_ARGUMENTS},
    route::{Routes, contains_word, writing_method},
};
use crate::parse::{Args, AttributeKind, CACHED_REQUEST, PURGING_REQUEST, UNCACHED_REQUEST, is_uncached};

/// Returns every error in the handler.
pub(crate) fn validate(handler: &Handler, args: &Args) -> Vec<Error> {
    let Args { kind, options, .. } = args;
    let mut errors = Vec::new();
    validate_signature(handler, kind, &mut errors);
    for (argument, attributes) in handler.signature.inputs.iter().zip(&handler.arg_attributes) {
        match argument {
            FnArg::Receiver(receiver) => errors.push(Error::new_spanned(
                receiver.self_token,
                "a handler takes no `self`; take shared state as an argument, such as `state: web::Data<State>`",
            )),
            FnArg::Typed(argument) if matches!(kind, AttributeKind::Cache(_)) => {
                attributes.validate(argument, &mut errors);
                validate_type(argument, &mut errors);
            }
            FnArg::Typed(_) if keeps_arg_attributes(handler, kind) => {}
            FnArg::Typed(_) => errors.extend(attributes.all().map(|attribute| without_key(attribute, kind))),
        }
    }
    errors.extend(handler.attributes.iter().filter_map(|attribute| conflict(attribute, kind)));
    errors.extend(conflict_with_expanded(handler, kind));
    if let Some(routes) = Routes::below(handler) {
        let attribute = kind.spec().attribute;
        errors.extend(options.templates().flat_map(|text| routes.validate_parameters(text, attribute)));
    }
    errors
}

/// Returns whether the attributes on the arguments are for a `#[cache_page]` below, which handles them.
pub(crate) fn keeps_arg_attributes(handler: &Handler, kind: &AttributeKind) -> bool {
    matches!(kind, AttributeKind::Purge) && handler.attributes.iter().any(is_caching)
}

fn validate_signature(handler: &Handler, kind: &AttributeKind, errors: &mut Vec<Error>) {
    let signature = &handler.signature;
    let a_handler = kind.spec().handler;
    if signature.asyncness.is_none() {
        let message = format!("{a_handler} is an `async` function; write `async fn`");
        errors.push(Error::new_spanned(signature.fn_token, message));
    }
    if returns_nothing(&signature.output) {
        errors.push(Error::new_spanned(
            &signature.ident,
            "this handler returns no response; add a return type, such as `-> impl Responder`",
        ));
    }
    if signature.inputs.len() >= MAX_ARGUMENTS && handler.mergeable_pair().is_none() {
        let message = format!(
            "actix-web takes at most 16 arguments, and `#[{}]` adds one; write two as one, such as `(a, b): (A, B)`",
            kind.spec().attribute
        );
        errors.push(Error::new_spanned(&signature.ident, message));
    }
}

/// Returns the error for an attribute on an argument of a handler that has no cache key.
fn without_key(attribute: &Attribute, kind: &AttributeKind) -> Error {
    let message = format!(
        "`#[{}]` stores no response, so it has no cache key; remove this attribute",
        kind.spec().attribute
    );
    Error::new_spanned(attribute, message)
}

/// Rejects `impl Trait`: the cache key is built from a type that can be named.
fn validate_type(argument: &PatType, errors: &mut Vec<Error>) {
    let mut found = ImplTraits(Vec::new());
    found.visit_type_mut(&mut argument.ty.clone());
    errors.extend(found.0.iter().map(|ty| {
        Error::new_spanned(
            ty,
            "the cache key depends on the type of this argument; write its name instead of `impl`",
        )
    }));
}

const NO_PURGE_ON_HIT: &str =
    "a handler that is answered from the cache would not purge; remove `#[cache_page]` or `#[purge_page]`";
const CACHED_TWICE: &str = "this handler is cached already; remove one `#[cache_page]`";
const CACHED_AND_UNCACHED: &str = "a handler is either cached or uncached; remove one `#[cache_page]`";
const PURGES_TWICE: &str = "this handler purges already; write one `#[purge_page]` with all tags and paths";

/// Returns the error for an attribute that conflicts with the one above it.
fn conflict(attribute: &Attribute, kind: &AttributeKind) -> Option<Error> {
    let name = attribute.path().segments.last()?.ident.to_string();
    let message = match (name.as_str(), kind) {
        ("cache_page", AttributeKind::Cache(_)) if is_caching(attribute) => CACHED_TWICE.to_owned(),
        ("cache_page", AttributeKind::Cache(_) | AttributeKind::Uncached) => CACHED_AND_UNCACHED.to_owned(),
        ("cache_page", AttributeKind::Purge) if is_caching(attribute) => NO_PURGE_ON_HIT.to_owned(),
        ("purge_page", AttributeKind::Cache(_)) => NO_PURGE_ON_HIT.to_owned(),
        ("purge_page", AttributeKind::Purge) => PURGES_TWICE.to_owned(),
        ("instrument", _) if contains_word(attribute, "err") => format!(
            "`#[instrument(err)]` needs the `Result` that the handler returns; move it above `#[{}]`",
            kind.spec().attribute
        ),
        (_, AttributeKind::Cache(_)) => {
            let method = writing_method(attribute)?;
            format!(
                "responses to `{}` are never stored; remove `#[cache_page]`, or cache a `#[get]` handler instead",
                method.to_uppercase()
            )
        }
        _ => return None,
    };
    Some(Error::new_spanned(&attribute.meta, message))
}

/// Returns the error for an attribute above that has been expanded, because it was imported under another name.
///
/// [`conflict`] knows attributes by their names. The one that is expanded second knows the other by the first argument.
fn conflict_with_expanded(handler: &Handler, kind: &AttributeKind) -> Option<Error> {
    let Some(FnArg::Typed(PatType { ty, .. })) = handler.signature.inputs.first() else { return None };
    let Type::Path(path) = &**ty else { return None };
    let mut segments = path.path.segments.iter().rev();
    let (last, door) = (segments.next()?, segments.next()?);
    if door.ident != "__private" {
        return None;
    }
    let message = match (last.ident.to_string().as_str(), kind) {
        (CACHED_REQUEST, AttributeKind::Cache(_)) => CACHED_TWICE,
        (CACHED_REQUEST, AttributeKind::Uncached)
        | (UNCACHED_REQUEST, AttributeKind::Cache(_) | AttributeKind::Uncached) => CACHED_AND_UNCACHED,
        (CACHED_REQUEST, AttributeKind::Purge) | (PURGING_REQUEST, AttributeKind::Cache(_)) => {
            NO_PURGE_ON_HIT
        }
        (PURGING_REQUEST, AttributeKind::Purge) => PURGES_TWICE,
        _ => return None,
    };
    Some(Error::new(Span::call_site(), message))
}

/// Returns whether an attribute is a `#[cache_page]` that stores responses.
fn is_caching(attribute: &Attribute) -> bool {
    attribute.path().segments.last().is_some_and(|last| last.ident == "cache_page") && !is_uncached(attribute)
}

fn returns_nothing(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

struct ImplTraits(Vec<Type>);

impl VisitMut for ImplTraits {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::ImplTrait(_) => self.0.push(ty.clone()),
            _ => syn::visit_mut::visit_type_mut(self, ty),
        }
    }
}
