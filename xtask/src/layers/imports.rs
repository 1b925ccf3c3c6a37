//! Collects the paths that the items of one module name.

use proc_macro2::{Delimiter, Span, TokenStream, TokenTree};
use quote::{ToTokens as _, quote};
use syn::{
    Attribute, Expr, ExprPath, Field, ImplItem, Item, ItemMod, ItemUse, Local, Macro, Meta, QSelf, Stmt,
    Token, TraitItem, TypePath, UseTree, Variant, VisRestricted, Visibility,
    parse::Parser as _,
    punctuated::Punctuated,
    visit::{self, Visit},
};

/// The segments of a path.
pub(crate) type Segments = Vec<String>;

/// A path that a module names.
#[derive(Debug)]
pub(crate) struct Import {
    pub(crate) line: usize,
    pub(crate) path: Segments,
    pub(crate) kind: ImportKind,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImportKind {
    /// `use path;`
    Use,
    /// `pub use path;`, with any visibility.
    Reexport,
    /// A path in an item, an expression, a type, a pattern or a macro.
    Inline,
}

/// A name that a `use` brings into a module.
#[derive(Debug)]
pub(crate) struct Binding {
    pub(crate) name: String,
    pub(crate) path: Segments,
}

/// What the items of one module import.
#[derive(Debug, Default)]
pub(crate) struct Imports {
    pub(crate) paths: Vec<Import>,
    pub(crate) bindings: Vec<Binding>,
    /// The paths before `::*`.
    pub(crate) globs: Vec<Segments>,
}

impl Imports {
    fn add_path(&mut self, line: usize, path: Segments, kind: ImportKind) {
        if path.first().is_some_and(|first| first != "Self") {
            self.paths.push(Import { line, path, kind });
        }
    }

    fn add_use_tree(&mut self, tree: &UseTree, prefix: &[String], kind: ImportKind) {
        let joined = |name: &syn::Ident| {
            let name = unraw(name);
            let mut path = prefix.to_vec();
            // `a::{self}` names `a`.
            if name != "self" || path.is_empty() {
                path.push(name);
            }
            path
        };
        match tree {
            UseTree::Path(tree) => self.add_use_tree(&tree.tree, &joined(&tree.ident), kind),
            UseTree::Group(group) => {
                for tree in &group.items {
                    self.add_use_tree(tree, prefix, kind);
                }
            }
            UseTree::Name(name) => {
                let path = joined(&name.ident);
                if let Some(last) = path.last() {
                    self.bindings.push(Binding { name: last.clone(), path: path.clone() });
                }
                self.add_path(line(name.ident.span()), path, kind);
            }
            UseTree::Rename(rename) => {
                let path = joined(&rename.ident);
                self.bindings.push(Binding { name: unraw(&rename.rename), path: path.clone() });
                self.add_path(line(rename.ident.span()), path, kind);
            }
            UseTree::Glob(glob) => {
                self.globs.push(prefix.to_vec());
                self.add_path(line(glob.star_token.span), prefix.to_vec(), kind);
            }
        }
    }

    /// Finds paths of two and more segments, and the `use` declarations of a `macro_rules!`.
    fn add_tokens(&mut self, tokens: TokenStream) {
        let tokens: Vec<TokenTree> = tokens.into_iter().collect();
        let mut position = 0;
        while position < tokens.len() {
            match &tokens[position] {
                TokenTree::Group(group) => self.add_tokens(group.stream()),
                TokenTree::Ident(first) if !follows_path_or_dot(&tokens[..position]) => {
                    let mut path = vec![unraw(first)];
                    while let Some(TokenTree::Ident(next)) = tokens.get(position + 3)
                        && is_separator(&tokens[position + 1..])
                    {
                        path.push(unraw(next));
                        position += 3;
                    }
                    let line = line(first.span());
                    match tokens.get(position + 3) {
                        Some(TokenTree::Group(group))
                            if group.delimiter() == Delimiter::Brace
                                && is_separator(&tokens[position + 1..]) =>
                        {
                            let group = group.to_token_stream();
                            if let Ok(tree) = syn::parse2(quote!(#group)) {
                                self.add_use_tree(&tree, &path, ImportKind::Inline);
                            }
                            position += 3;
                        }
                        _ if path.len() > 1 => self.add_path(line, path, ImportKind::Inline),
                        _ => {}
                    }
                }
                _ => {}
            }
            position += 1;
        }
    }

    fn add_qualified(&mut self, qself: Option<&QSelf>, path: &syn::Path) {
        let Some(qself) = qself else { return self.visit_path(path) };
        self.visit_type(&qself.ty);
        if qself.position > 0 {
            self.visit_path(path);
        } else {
            // `<T>::name`: only its generic arguments name something here.
            visit::visit_path(self, path);
        }
    }
}

impl<'ast> Visit<'ast> for Imports {
    fn visit_item(&mut self, item: &'ast Item) {
        if !is_test_only(item_attributes(item)) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item(&mut self, item: &'ast ImplItem) {
        let attributes = match item {
            ImplItem::Const(item) => &item.attrs,
            ImplItem::Fn(item) => &item.attrs,
            ImplItem::Type(item) => &item.attrs,
            ImplItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !is_test_only(attributes) {
            visit::visit_impl_item(self, item);
        }
    }

    fn visit_trait_item(&mut self, item: &'ast TraitItem) {
        let attributes = match item {
            TraitItem::Const(item) => &item.attrs,
            TraitItem::Fn(item) => &item.attrs,
            TraitItem::Type(item) => &item.attrs,
            TraitItem::Macro(item) => &item.attrs,
            _ => return,
        };
        if !is_test_only(attributes) {
            visit::visit_trait_item(self, item);
        }
    }

    fn visit_stmt(&mut self, statement: &'ast Stmt) {
        let attributes: &[Attribute] = match statement {
            Stmt::Local(Local { attrs, .. }) => attrs,
            Stmt::Macro(statement) => &statement.attrs,
            Stmt::Expr(Expr::Block(block), _) => &block.attrs,
            Stmt::Item(_) | Stmt::Expr(..) => &[],
        };
        if !is_test_only(attributes) {
            visit::visit_stmt(self, statement);
        }
    }

    fn visit_field(&mut self, field: &'ast Field) {
        if !is_test_only(&field.attrs) {
            visit::visit_field(self, field);
        }
    }

    fn visit_variant(&mut self, variant: &'ast Variant) {
        if !is_test_only(&variant.attrs) {
            visit::visit_variant(self, variant);
        }
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let kind = match item.vis {
            Visibility::Inherited => ImportKind::Use,
            _ => ImportKind::Reexport,
        };
        if item.leading_colon.is_none() {
            self.add_use_tree(&item.tree, &[], kind);
        }
    }

    // The modules below are visited on their own.
    fn visit_item_mod(&mut self, _: &'ast ItemMod) {}

    // Attributes name no items of this crate, and `pub(in path)` only names a module around it.
    fn visit_attribute(&mut self, _: &'ast Attribute) {}
    fn visit_vis_restricted(&mut self, _: &'ast VisRestricted) {}

    fn visit_path(&mut self, path: &'ast syn::Path) {
        if let (None, Some(first)) = (path.leading_colon, path.segments.first()) {
            let segments = path.segments.iter().map(|segment| unraw(&segment.ident)).collect();
            self.add_path(line(first.ident.span()), segments, ImportKind::Inline);
        }
        visit::visit_path(self, path);
    }

    fn visit_expr_path(&mut self, expr: &'ast ExprPath) {
        self.add_qualified(expr.qself.as_ref(), &expr.path);
    }

    fn visit_type_path(&mut self, ty: &'ast TypePath) {
        self.add_qualified(ty.qself.as_ref(), &ty.path);
    }

    fn visit_macro(&mut self, invocation: &'ast Macro) {
        self.visit_path(&invocation.path);
        self.add_tokens(invocation.tokens.clone());
    }
}

/// Returns whether these attributes leave an item out of every build but those for tests.
pub(crate) fn is_test_only(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|attribute| {
        attribute.path().is_ident("cfg")
            && attribute.parse_args::<Meta>().is_ok_and(|predicate| needs_test(&predicate))
    })
}

/// Returns whether a `cfg` predicate is false wherever `test` is.
fn needs_test(predicate: &Meta) -> bool {
    let Meta::List(list) = predicate else { return predicate.path().is_ident("test") };
    let parse = Punctuated::<Meta, Token![,]>::parse_terminated;
    let Ok(parts) = parse.parse2(list.tokens.clone()) else { return false };
    if list.path.is_ident("all") {
        parts.iter().any(needs_test)
    } else {
        list.path.is_ident("any") && !parts.is_empty() && parts.iter().all(needs_test)
    }
}

pub(crate) fn item_attributes(item: &Item) -> &[Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::ExternCrate(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::ForeignMod(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::TraitAlias(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Union(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

pub(crate) fn unraw(name: &syn::Ident) -> String {
    let name = name.to_string();
    name.strip_prefix("r#").map_or(name.clone(), str::to_owned)
}

fn line(span: Span) -> usize {
    span.start().line
}

fn is_separator(tokens: &[TokenTree]) -> bool {
    let is_colon =
        |token: Option<&TokenTree>| matches!(token, Some(TokenTree::Punct(colon)) if colon.as_char() == ':');
    is_colon(tokens.first()) && is_colon(tokens.get(1))
}

/// Returns whether the next identifier is a field, a method, or the end of a path that begins elsewhere.
fn follows_path_or_dot(before: &[TokenTree]) -> bool {
    let is = |distance: usize, char: char| {
        let token = before.len().checked_sub(distance).and_then(|position| before.get(position));
        matches!(token, Some(TokenTree::Punct(punct)) if punct.as_char() == char)
    };
    is(1, '.') && !is(2, '.') || is(1, ':') && is(2, ':')
}
