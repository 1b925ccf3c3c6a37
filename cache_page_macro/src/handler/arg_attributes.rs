//! The attributes of this crate on the arguments of a handler: `#[key]`, `#[unkeyed]` and `#[anonymous]`.

use syn::{
    Attribute, Error, Expr, FnArg, Meta, Pat, PatType, Receiver, Token, ext::IdentExt as _,
    parse::ParseStream,
};

use crate::parse::{similar, ungroup};

/// What an attribute says about the argument.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum ArgClass {
    /// Its value is part of the cache key.
    Key,
    /// The response does not depend on it.
    Unkeyed,
    /// Its value shows whether the visitor is anonymous, and only then the cache is used.
    Anonymous,
}

/// The attributes of this crate on one argument.
#[derive(Clone, Default)]
pub(crate) struct ArgAttributes {
    classes: Vec<(ArgClass, Attribute)>,
    /// Attributes that are probably meant as one of the others.
    misnamed: Vec<(&'static str, Attribute)>,
}

impl ArgClass {
    const ALL: [Self; 3] = [Self::Key, Self::Unkeyed, Self::Anonymous];

    const fn name(self) -> &'static str {
        match self {
            Self::Key => "key",
            Self::Unkeyed => "unkeyed",
            Self::Anonymous => "anonymous",
        }
    }

    /// Returns how the attribute is written, for error messages.
    const fn usage(self) -> &'static str {
        match self {
            Self::Key => {
                "write `#[key]`, or `#[key(by = |value| …)]` with the part that the response depends on"
            }
            Self::Unkeyed => "write `#[unkeyed]`",
            Self::Anonymous => {
                "write `#[anonymous]`, or `#[anonymous(by = path::to::function)]` with a function that returns `true` for anonymous visitors"
            }
        }
    }
}

impl ArgAttributes {
    /// Removes the attributes from the argument.
    pub(crate) fn take(argument: &mut FnArg) -> Self {
        let mut taken = Self::default();
        let (FnArg::Typed(PatType { attrs, .. }) | FnArg::Receiver(Receiver { attrs, .. })) = argument;
        for attribute in std::mem::take(attrs) {
            let name = attribute.path().get_ident().map(|name| name.unraw().to_string());
            let name = name.unwrap_or_default();
            if let Some(class) = ArgClass::ALL.into_iter().find(|class| class.name() == name) {
                taken.classes.push((class, attribute));
            } else if let Some(meant) = meant(&name) {
                taken.misnamed.push((meant, attribute));
            } else {
                attrs.push(attribute);
            }
        }
        taken
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Attribute> {
        self.classes.iter().map(|(_, attribute)| attribute).chain(self.misnamed.iter().map(|(_, it)| it))
    }

    /// Returns how the argument is classified, with the function after `by`. `None` if its type decides.
    pub(crate) fn class(&self) -> Option<(ArgClass, Option<Expr>)> {
        let (class, attribute) = self.classes.first()?;
        Some((*class, by(*class, attribute).ok().flatten()))
    }

    /// Adds every error in the attributes of an argument.
    pub(crate) fn validate(&self, argument: &PatType, errors: &mut Vec<Error>) {
        errors.extend(self.classes.iter().filter_map(|(class, attribute)| by(*class, attribute).err()));
        if let Some(((first, _), others)) = self.classes.split_first() {
            errors.extend(others.iter().map(|(other, attribute)| {
                let message = if first == other {
                    format!("`#[{}]` is given twice; remove one", other.name())
                } else {
                    "an argument is `#[key]` (one page per value), `#[unkeyed]` (not in the key) or \
                     `#[anonymous]` (pages for anonymous visitors only); remove all but one"
                        .to_owned()
                };
                Error::new_spanned(attribute, message)
            }));
        }
        errors.extend(self.misnamed.iter().map(|(meant, attribute)| {
            let name = attribute.path().get_ident().map(ToString::to_string).unwrap_or_default();
            Error::new_spanned(attribute, format!("`#[{name}]` on an argument is written `#[{meant}]`"))
        }));
        let value_class = self.classes.iter().find(|(class, _)| *class != ArgClass::Unkeyed);
        let is_named = matches!(&*argument.pat, Pat::Ident(name) if name.subpat.is_none());
        if let (Some((class, _)), false) = (value_class, is_named) {
            let message = format!(
                "`#[{}]` needs the whole value; name the argument, and destructure it in the body",
                class.name()
            );
            errors.push(Error::new_spanned(&argument.pat, message));
        }
    }
}

/// Parses `by = …`.
fn by(class: ArgClass, attribute: &Attribute) -> syn::Result<Option<Expr>> {
    let error = || Error::new_spanned(&attribute.meta, format!("not a valid argument; {}", class.usage()));
    match &attribute.meta {
        Meta::Path(_) => Ok(None),
        Meta::List(_) if class != ArgClass::Unkeyed => {
            attribute.parse_args_with(parse_by).map(Some).map_err(|_| error())
        }
        Meta::List(_) | Meta::NameValue(_) => Err(error()),
    }
}

fn parse_by(input: ParseStream<'_>) -> syn::Result<Expr> {
    let name = input.call(syn::Ident::parse_any)?;
    input.parse::<Token![=]>()?;
    let function = ungroup(input.parse()?);
    input.parse::<Option<Token![,]>>()?;
    match function {
        Expr::Path(_) | Expr::Closure(_) if name == "by" => Ok(function),
        _ => Err(input.error("not a function")),
    }
}

/// Returns the attribute that one of another name is probably meant as.
fn meant(name: &str) -> Option<&'static str> {
    match name {
        "vary" | "keyed" | "key_by" => Some("key"),
        "shared" | "unkey" | "no_key" => Some("unkeyed"),
        "anon" | "guest" => Some("anonymous"),
        _ => similar(name, ["unkeyed", "anonymous"]),
    }
}
