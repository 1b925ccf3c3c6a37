//! Every mistake in an annotated function, each at its own token and worded as the fix.

use proc_macro2::TokenTree;
use syn::{Attribute, Error, FnArg, Meta, Pat, PatType, ReturnType, Type, visit_mut::VisitMut};

use crate::handler::{Handler, Markers, is_bare};

/// Methods whose responses are answers to a change, or to a body: a page kept from one would be wrong for all others.
const WRITING: [&str; 5] = ["post", "put", "patch", "delete", "query"];

/// More than actix-web's extractors can be in one handler.
pub(crate) const MOST_ARGUMENTS: usize = 16;

pub(crate) fn handler(handler: &Handler) -> Vec<Error> {
    let mut mistakes = Vec::new();
    signature(handler, &mut mistakes);
    for (argument, markers) in handler.signature.inputs.iter().zip(&handler.markers) {
        self::argument(argument, markers, &mut mistakes);
    }
    for attribute in &handler.attributes {
        mistakes.extend(below(attribute));
    }
    mistakes
}

fn signature(handler: &Handler, mistakes: &mut Vec<Error>) {
    let signature = &handler.signature;
    if signature.asyncness.is_none() {
        mistakes.push(Error::new_spanned(
            signature.fn_token,
            "a cached handler is asynchronous; write `async fn`",
        ));
    }
    if returns_nothing(&signature.output) {
        mistakes.push(Error::new_spanned(
            &signature.ident,
            "this handler returns nothing that could be kept; give it a return type, such as `-> impl Responder`",
        ));
    }
    if signature.inputs.len() >= MOST_ARGUMENTS
        && crate::expand::neighbours_without_attributes(signature).is_none()
    {
        mistakes.push(Error::new_spanned(
            &signature.ident,
            "a cached handler with 16 arguments needs two neighbours without attributes of their own",
        ));
    }
}

fn argument(argument: &FnArg, markers: &Markers, mistakes: &mut Vec<Error>) {
    let typed = match argument {
        FnArg::Receiver(receiver) => {
            mistakes.push(Error::new_spanned(
                receiver.self_token,
                "a handler has no `self`; take shared state as an argument, such as `state: web::Data<State>`",
            ));
            return;
        }
        FnArg::Typed(typed) => typed,
    };
    marked(typed, markers, mistakes);
    let mut anonymous = AnonymousTypes(Vec::new());
    anonymous.visit_type_mut(&mut typed.ty.clone());
    mistakes.extend(anonymous.0.iter().map(|ty| {
        Error::new_spanned(
            ty,
            "name the type of this argument: the cache key is built from what that type reads",
        )
    }));
}

fn marked(argument: &PatType, markers: &Markers, mistakes: &mut Vec<Error>) {
    for marker in markers.all().filter(|marker| !is_bare(marker)) {
        mistakes.push(Error::new_spanned(
            &marker.meta,
            match marker.path().get_ident() {
                Some(name) => format!("nothing follows the name of this marker; write `#[{name}]`"),
                None => "nothing follows the name of this marker".to_owned(),
            },
        ));
    }
    for repeated in markers.vary.iter().skip(1).chain(markers.shared.iter().skip(1)) {
        mistakes.push(Error::new_spanned(repeated, "this marker stands here twice; keep one"));
    }
    if let (Some(_), Some(shared)) = (markers.vary.first(), markers.shared.first()) {
        mistakes.push(Error::new_spanned(
            shared,
            "an argument is `#[vary]` (a page for each value) or `#[shared]` (one page for all), not both; keep one",
        ));
    }
    if !markers.vary.is_empty() && !matches!(&*argument.pat, Pat::Ident(name) if name.subpat.is_none()) {
        mistakes.push(Error::new_spanned(
            &argument.pat,
            "`#[vary]` needs the whole value; give the argument a plain name and take it apart in the body",
        ));
    }
}

/// An attribute that does not go together with a cached body when it stands below `#[cache_page]`.
fn below(attribute: &Attribute) -> Option<Error> {
    let name = attribute.path().segments.last()?.ident.to_string();
    let message = match name.as_str() {
        "cache_page" => "this handler is cached already; keep one `#[cache_page]`".to_owned(),
        method if WRITING.contains(&method) && is_route(attribute) => format!(
            "`#[{method}]` answers are never kept; remove `#[cache_page]`, or give the page a `#[get]` handler of its own"
        ),
        "instrument" if has_word(attribute, "err") => {
            "`#[instrument(err)]` needs the handler's own `Result`; move it above `#[cache_page]`".to_owned()
        }
        _ => return None,
    };
    Some(Error::new_spanned(&attribute.meta, message))
}

/// `#[post("/path")]` or `#[actix_web::post("/path")]`, and not some other crate's attribute of that name.
fn is_route(attribute: &Attribute) -> bool {
    let path = attribute.path();
    let from_actix =
        path.segments.len() == 1 || path.segments.first().is_some_and(|first| first.ident == "actix_web");
    from_actix && matches!(attribute.meta, Meta::List(_))
}

fn has_word(attribute: &Attribute, word: &str) -> bool {
    let Meta::List(list) = &attribute.meta else { return false };
    list.tokens.clone().into_iter().any(|token| matches!(token, TokenTree::Ident(ident) if ident == word))
}

fn returns_nothing(output: &ReturnType) -> bool {
    match output {
        ReturnType::Default => true,
        ReturnType::Type(_, ty) => matches!(&**ty, Type::Tuple(tuple) if tuple.elems.is_empty()),
    }
}

struct AnonymousTypes(Vec<Type>);

impl VisitMut for AnonymousTypes {
    fn visit_type_mut(&mut self, ty: &mut Type) {
        match ty {
            Type::ImplTrait(_) => self.0.push(ty.clone()),
            _ => syn::visit_mut::visit_type_mut(self, ty),
        }
    }
}
