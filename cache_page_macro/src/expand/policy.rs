//! The policy of a handler: the expression in the generated function that returns a reference to it.

use proc_macro2::{Ident, TokenStream, TokenTree};
use quote::{quote, quote_spanned};
use syn::{Expr, GenericParam, Generics, Path, Signature, ext::IdentExt as _, spanned::Spanned as _};

use crate::parse::{Args, AttributeKind, Ttl, respan};

/// Returns an expression of type `&'static HandlerPolicy` or `&'static PurgePolicy`, with the arguments of the attribute.
///
/// The static is in a block of its own, where the handler's body does not see it. What the user has written is in its scope: hence
/// its long name.
pub(crate) fn policy(args: &Args, handler: &Signature) -> TokenStream {
    let Args { kind, options, krate } = args;
    let name = match options.handler_name() {
        Some(name) => quote!(#name),
        None => {
            let last = format!("::{}", handler.ident.unraw());
            quote!(::core::concat!(::core::module_path!(), #last))
        }
    };
    let calls = options.method_calls(krate);
    // The path in `crate = path` may be longer than necessary.
    let lints = options.krate().map(|_| quote!(#[allow(unused_qualifications)]));
    let (ty, value) = match kind {
        AttributeKind::Cache(ttl) => {
            let policy = base_policy(ttl.as_ref(), options.policy(), krate);
            let policy = quote!(#policy #calls);
            if may_be_generic(&policy, &handler.generics) {
                return generic_policy(&policy, &name, krate);
            }
            (quote!(HandlerPolicy), quote!(#policy .for_handler(#name)))
        }
        AttributeKind::Purge => {
            (quote!(PurgePolicy), quote!(#krate::__private::PurgePolicy::new(#name) #calls))
        }
        AttributeKind::Uncached => return TokenStream::new(),
    };
    quote! {{
        #lints
        static __CACHE_PAGE_POLICY: #krate::__private::#ty = #value;
        &__CACHE_PAGE_POLICY
    }}
}

/// Returns the policy of a handler whose options may name `Self` or a type parameter, which a static cannot.
///
/// rustc evaluates them where the handler is registered, and not, as those in a static, with every check of the crate.
fn generic_policy(policy: &TokenStream, name: &TokenStream, krate: &Path) -> TokenStream {
    quote! {{
        static __CACHE_PAGE_POLICIES: #krate::__private::GenericPolicy = #krate::__private::GenericPolicy::new(#name);
        __CACHE_PAGE_POLICIES.of(const { &#policy })
    }}
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

/// Types of the prelude and of this crate that options often name. They are not type parameters.
const KNOWN_TYPES: [&str; 5] = ["Duration", "Option", "Policy", "Some", "None"];

/// Returns whether an expression may name `Self` or a type parameter: one of the handler, or of the `impl` block around it, which no
/// attribute can see. There, names tell: `T::TTL`, `Repo::TTL`, `N`.
fn may_be_generic(expr: &TokenStream, generics: &Generics) -> bool {
    let parameters: Vec<&Ident> = generics
        .params
        .iter()
        .filter_map(|parameter| match parameter {
            GenericParam::Type(parameter) => Some(&parameter.ident),
            GenericParam::Const(parameter) => Some(&parameter.ident),
            GenericParam::Lifetime(_) => None,
        })
        .collect();
    has_parameter(expr, &parameters)
}

fn has_parameter(tokens: &TokenStream, parameters: &[&Ident]) -> bool {
    let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
    let is_punct = |position: usize, char: char| matches!(trees.get(position), Some(TokenTree::Punct(punct)) if punct.as_char() == char);
    let is_path_separator = |position: usize| is_punct(position, ':') && is_punct(position + 1, ':');
    trees.iter().enumerate().any(|(position, tree)| match tree {
        TokenTree::Group(group) => has_parameter(&group.stream(), parameters),
        TokenTree::Ident(name) => {
            let follows_a_path = position >= 2 && is_path_separator(position - 2);
            let is_member = position >= 1 && is_punct(position - 1, '.');
            if follows_a_path || is_member {
                return false;
            }
            let text = name.unraw().to_string();
            let is_upper = text.starts_with(|first: char| first.is_uppercase());
            parameters.contains(&name)
                || text == "Self"
                || is_upper && text.chars().count() == 1
                || is_upper && is_path_separator(position + 1) && !KNOWN_TYPES.contains(&text.as_str())
        }
        // `<T as Trait>::TTL`, `ttl::<T>()`
        TokenTree::Punct(punct) => match punct.as_char() {
            '>' => is_path_separator(position + 1),
            '<' => position >= 2 && is_path_separator(position - 2),
            _ => false,
        },
        TokenTree::Literal(_) => false,
    })
}
