//! The annotated function.
//!
//! Its body stays unparsed: nothing in it concerns the cache, and rustc reports the errors in it.

use proc_macro2::{TokenStream, TokenTree};
use quote::{ToTokens, TokenStreamExt as _};
use syn::{
    Attribute, Error, FnArg, PatType, Signature, Visibility, braced, parse::ParseStream, parse::Parser as _,
    token::Brace,
};

use super::arg_attributes::ArgAttributes;
use crate::parse::AttributeSpec;

/// The maximum number of extractors that actix-web passes to a handler.
pub(crate) const MAX_ARGUMENTS: usize = 16;

#[derive(Clone)]
pub(crate) struct Handler {
    pub(crate) attributes: Vec<Attribute>,
    pub(crate) visibility: Visibility,
    /// Without the attributes that are in `arg_attributes`.
    pub(crate) signature: Signature,
    pub(crate) brace: Brace,
    pub(crate) inner_attributes: Vec<Attribute>,
    pub(crate) body: TokenStream,
    /// The attributes of this crate on each argument, in the order of the signature.
    pub(crate) arg_attributes: Vec<ArgAttributes>,
}

impl Handler {
    /// Parses the item below an attribute.
    pub(crate) fn parse(item: &TokenStream, spec: &AttributeSpec) -> syn::Result<Self> {
        let parse = |input: ParseStream<'_>| Self::parse_item(input, spec);
        let mut handler = parse.parse2(item.clone()).map_err(|error| {
            // rustc explains an invalid signature best. Anything else is not a function.
            let mut tokens = item.clone().into_iter();
            if tokens.any(|token| matches!(&token, TokenTree::Ident(word) if word == "fn")) {
                return error;
            }
            let message = format!(
                "`#[{}]` is for functions; put it on the `async fn` that handles the request",
                spec.attribute
            );
            Error::new_spanned(first_token(item), message)
        })?;
        handler.arg_attributes = handler.signature.inputs.iter_mut().map(ArgAttributes::take).collect();
        Ok(handler)
    }

    fn parse_item(input: ParseStream<'_>, spec: &AttributeSpec) -> syn::Result<Self> {
        let attributes = input.call(Attribute::parse_outer)?;
        let visibility = input.parse()?;
        let signature: Signature = input.parse()?;
        if input.is_empty() || input.peek(syn::Token![;]) {
            let message =
                format!("this function has no body; put `#[{}]` on its implementation", spec.attribute);
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
            arg_attributes: Vec::new(),
        })
    }

    /// Returns the original function without the attributes of this crate on its arguments.
    pub(crate) fn without_arg_attributes(&self) -> TokenStream {
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

    /// Returns the index of the first of two adjacent arguments that one argument, a tuple of both, can replace.
    ///
    /// They have no attributes, such as `#[cfg]`, that a tuple could not keep.
    pub(crate) fn mergeable_pair(&self) -> Option<usize> {
        let is_bare =
            |argument: &FnArg| matches!(argument, FnArg::Typed(PatType { attrs, .. }) if attrs.is_empty());
        let bare: Vec<bool> = self.signature.inputs.iter().map(is_bare).collect();
        bare.windows(2).rposition(|pair| pair == [true, true])
    }
}

/// Returns the first token, so that an error underlines one word instead of the whole item.
fn first_token(tokens: &TokenStream) -> TokenStream {
    tokens.clone().into_iter().take(1).collect()
}
