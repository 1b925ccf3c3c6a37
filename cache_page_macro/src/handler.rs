//! The annotated function. Its body stays the tokens it came as: nothing in it concerns the cache, and what is wrong
//! with it is rustc's to say.

use proc_macro2::TokenStream;
use quote::{ToTokens, TokenStreamExt as _};
use syn::{
    Attribute, Error, FnArg, Meta, PatType, Signature, Visibility, braced, parse::ParseStream,
    parse::Parser as _, token::Brace,
};

use crate::options::Form;

pub(crate) struct Handler {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    pub(crate) signature: Signature,
    pub(crate) brace: Brace,
    pub(crate) inner_attributes: Vec<Attribute>,
    pub(crate) body: TokenStream,
    /// How each argument is classified, in the order of the signature.
    pub(crate) markers: Vec<Markers>,
}

/// The `#[key]` and `#[unkeyed]` of one argument, as often as they stand there.
#[derive(Default)]
pub(crate) struct Markers {
    pub(crate) key: Vec<Attribute>,
    pub(crate) unkeyed: Vec<Attribute>,
}

impl Handler {
    /// `form` is how the attribute that it goes under is written.
    pub(crate) fn parse(item: &TokenStream, form: &Form) -> syn::Result<Self> {
        let read = |input: ParseStream<'_>| Self::read(input, form);
        let mut handler = read.parse2(item.clone()).map_err(|mistake| {
            // A signature with a mistake in it is rustc's to explain; anything else is no function at all.
            if item
                .clone()
                .into_iter()
                .any(|token| matches!(&token, proc_macro2::TokenTree::Ident(word) if word == "fn"))
            {
                mistake
            } else {
                Error::new_spanned(
                    first(item),
                    format!("`#[{}]` goes on an `async fn` that handles a request", form.attribute),
                )
            }
        })?;
        handler.markers = handler.signature.inputs.iter_mut().map(Markers::take).collect();
        Ok(handler)
    }

    fn read(input: ParseStream<'_>, form: &Form) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        if input.is_empty() || input.peek(syn::Token![;]) {
            let message = format!(
                "this function has no body to {}; `#[{}]` goes on the function that does the work",
                form.body, form.attribute
            );
            return Err(Error::new_spanned(&signature.ident, message));
        }
        let block;
        let brace = braced!(block in input);
        Ok(Self {
            attributes,
            visibility,
            signature,
            brace,
            inner_attributes: block.call(Attribute::parse_inner)?,
            body: block.parse()?,
            markers: Vec::new(),
        })
    }

    /// The function as it was, except for the markers, which only mean something to this crate.
    pub(crate) fn without_markers(&self) -> TokenStream {
        let Self { attributes, visibility, signature, inner_attributes, body, .. } = self;
        let mut tokens = TokenStream::new();
        tokens.append_all(attributes);
        visibility.to_tokens(&mut tokens);
        signature.to_tokens(&mut tokens);
        self.brace.surround(&mut tokens, |block| {
            block.append_all(inner_attributes);
            body.to_tokens(block);
        });
        tokens
    }
}

impl Markers {
    fn take(argument: &mut FnArg) -> Self {
        let mut markers = Self::default();
        let (FnArg::Typed(PatType { attrs, .. }) | FnArg::Receiver(syn::Receiver { attrs, .. })) = argument;
        for attribute in std::mem::take(attrs) {
            let home = match attribute.path() {
                path if path.is_ident("key") => &mut markers.key,
                path if path.is_ident("unkeyed") => &mut markers.unkeyed,
                _ => attrs,
            };
            home.push(attribute);
        }
        markers
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Attribute> {
        self.key.iter().chain(&self.unkeyed)
    }
}

/// Whether an attribute is `#[name]` without anything in parentheses.
pub(crate) fn is_bare(attribute: &Attribute) -> bool {
    matches!(attribute.meta, Meta::Path(_))
}

/// The first token of a stream, so that an error about the whole of it points at one word.
fn first(tokens: &TokenStream) -> TokenStream {
    tokens.clone().into_iter().take(1).collect()
}
