//! Every mistake in an annotated function, each at its own token and worded as the fix.

use syn::{Attribute, Error, FnArg, Meta, Pat, PatType, ReturnType, Type, visit_mut::VisitMut};

use crate::{
    args::{Args, Role},
    handler::{Handler, Markers, is_bare},
    route::{Routes, has_word, writing},
    split::Arguments,
};

/// More than actix-web's extractors can be in one handler.
pub(crate) const MOST_ARGUMENTS: usize = 16;

pub(crate) fn handler(handler: &Handler, args: &Args) -> Vec<Error> {
    let Args { role, options, .. } = args;
    let mut mistakes = Vec::new();
    signature(handler, role, &mut mistakes);
    for (argument, markers) in handler.signature.inputs.iter().zip(&handler.markers) {
        match argument {
            FnArg::Receiver(receiver) => mistakes.push(Error::new_spanned(
                receiver.self_token,
                "a handler has no `self`; take shared state as an argument, such as `state: web::Data<State>`",
            )),
            FnArg::Typed(typed) if matches!(role, Role::Keep(_)) => covered(typed, markers, &mut mistakes),
            FnArg::Typed(_) if markers_are_of_another(handler, role) => {}
            FnArg::Typed(_) => mistakes.extend(markers.all().map(|marker| unmarked(marker, role))),
        }
    }
    for attribute in &handler.attributes {
        mistakes.extend(below(attribute, role));
    }
    if let Some(routes) = Routes::below(handler) {
        mistakes.extend(options.templates().flat_map(|text| routes.missing(text, role.form().attribute)));
    }
    mistakes
}

fn signature(handler: &Handler, role: &Role, mistakes: &mut Vec<Error>) {
    let signature = &handler.signature;
    let a_handler = role.form().handler;
    if signature.asyncness.is_none() {
        mistakes.push(Error::new_spanned(
            signature.fn_token,
            format!("{a_handler} is asynchronous; write `async fn`"),
        ));
    }
    if returns_nothing(&signature.output) {
        let lacks = match role {
            Role::Keep(_) => "nothing that could be kept",
            Role::Exempt | Role::Purge => "nothing that could be sent",
        };
        mistakes.push(Error::new_spanned(
            &signature.ident,
            format!("this handler returns {lacks}; give it a return type, such as `-> impl Responder`"),
        ));
    }
    if signature.inputs.len() >= MOST_ARGUMENTS
        && crate::expand::neighbours_without_attributes(signature).is_none()
    {
        mistakes.push(Error::new_spanned(
            &signature.ident,
            format!("{a_handler} with 16 arguments needs two neighbours without attributes of their own"),
        ));
    }
}

/// Whether the markers are for a `#[cache_page]` further down, which reads them.
pub(crate) fn markers_are_of_another(handler: &Handler, role: &Role) -> bool {
    matches!(role, Role::Purge) && handler.attributes.iter().any(keeps)
}

/// What is said of a marker where there is no key that its argument could be in.
fn unmarked(marker: &Attribute, role: &Role) -> Error {
    let message = match role {
        Role::Purge => "this handler's page is not kept; remove the marker",
        Role::Keep(_) | Role::Exempt => "nothing is kept here; remove the marker",
    };
    Error::new_spanned(marker, message)
}

/// An argument of which the key must know what it reads.
fn covered(argument: &PatType, markers: &Markers, mistakes: &mut Vec<Error>) {
    marked(argument, markers, mistakes);
    let mut anonymous = AnonymousTypes(Vec::new());
    anonymous.visit_type_mut(&mut argument.ty.clone());
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
    for repeated in markers.key.iter().skip(1).chain(markers.unkeyed.iter().skip(1)) {
        mistakes.push(Error::new_spanned(repeated, "this marker stands here twice; keep one"));
    }
    if let (Some(_), Some(unkeyed)) = (markers.key.first(), markers.unkeyed.first()) {
        mistakes.push(Error::new_spanned(
            unkeyed,
            "an argument is `#[key]` (a page for each value) or `#[unkeyed]` (one page for all), not both; keep one",
        ));
    }
    if !markers.key.is_empty() && !matches!(&*argument.pat, Pat::Ident(name) if name.subpat.is_none()) {
        mistakes.push(Error::new_spanned(
            &argument.pat,
            "`#[key]` needs the whole value; give the argument a plain name and take it apart in the body",
        ));
    }
}

/// An attribute that does not go together with ours when it stands below it.
fn below(attribute: &Attribute, role: &Role) -> Option<Error> {
    const KEPT: &str = "a page that is kept does not run its handler, so it could purge nothing; keep one";
    let name = attribute.path().segments.last()?.ident.to_string();
    let message = match (name.as_str(), role) {
        ("cache_page", Role::Keep(_)) if keeps(attribute) => {
            "this handler is cached already; keep one `#[cache_page]`".to_owned()
        }
        ("cache_page", Role::Keep(_) | Role::Exempt) => {
            "a handler is cached or exempt, and says so once; keep one `#[cache_page]`".to_owned()
        }
        ("cache_page", Role::Purge) if keeps(attribute) => KEPT.to_owned(),
        ("purge_page", Role::Keep(_)) => KEPT.to_owned(),
        ("purge_page", Role::Purge) => "this handler purges already; keep one `#[purge_page]`".to_owned(),
        ("instrument", _) if has_word(attribute, "err") => format!(
            "`#[instrument(err)]` needs the handler's own `Result`; move it above `#[{}]`",
            role.form().attribute
        ),
        (_, Role::Keep(_)) => {
            let method = writing(attribute)?;
            format!(
                "`#[{method}]` answers are never kept; remove `#[cache_page]`, or give the page a `#[get]` handler of its own"
            )
        }
        _ => return None,
    };
    Some(Error::new_spanned(&attribute.meta, message))
}

/// Whether an attribute is a `#[cache_page]`, and not `#[cache_page(off)]`.
fn keeps(attribute: &Attribute) -> bool {
    let is_off = match &attribute.meta {
        Meta::List(list) => {
            Arguments::split(list.tokens.clone()).list.first().is_some_and(|first| first.is_word("off"))
        }
        _ => false,
    };
    !is_off && attribute.path().segments.last().is_some_and(|last| last.ident == "cache_page")
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
