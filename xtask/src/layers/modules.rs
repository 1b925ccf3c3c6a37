//! The modules of a crate, and the modules that define what a path names.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use syn::{Attribute, Expr, ExprLit, Item, ItemMod, Lit, Meta, visit::Visit as _};

use super::imports::{Imports, Segments, is_test_only, item_attributes, unraw};

/// A crate without the parts that only tests have.
#[derive(Debug)]
pub(crate) struct Crate {
    /// By path: `crate::a::b` is `["a", "b"]`.
    pub(crate) modules: BTreeMap<Segments, Module>,
    /// The modules that define a `#[macro_export]` macro, by its name.
    exported_macros: BTreeMap<String, Segments>,
}

/// A module, in a file of its own or inline.
#[derive(Debug)]
pub(crate) struct Module {
    pub(crate) file: PathBuf,
    pub(crate) imports: Imports,
    /// The names of its items, except for modules.
    items: BTreeSet<String>,
}

/// Where a path leads.
#[derive(Debug, Default)]
pub(crate) struct Resolved {
    /// The modules that define the item: more than one if several items share the name.
    pub(crate) definitions: BTreeSet<Segments>,
    /// The modules that re-export it on the way there.
    pub(crate) reexports: BTreeSet<Segments>,
    /// The `use` declarations that are being followed, by module and position: none leads through itself.
    bindings: BTreeSet<(Segments, usize)>,
    globs: BTreeSet<(Segments, usize)>,
}

impl Crate {
    /// Parses the files of a crate, which begins in `lib.rs`.
    ///
    /// # Errors
    ///
    /// Fails if a file is missing or is not valid Rust.
    pub(crate) fn parse(sources: BTreeMap<PathBuf, String>) -> Result<Self, String> {
        let krate = Self { modules: BTreeMap::new(), exported_macros: BTreeMap::new() };
        let mut loader = Loader { sources, krate };
        loader.load_file(Vec::new(), Path::new("lib.rs"), Path::new(""))?;
        Ok(loader.krate)
    }

    /// Returns where a path leads that the module `from` names. Nothing, if that is outside of the crate.
    pub(crate) fn resolve(&self, from: &[String], path: &[String]) -> Resolved {
        let mut resolved = Resolved::default();
        self.resolve_into(&mut resolved, from, path);
        resolved
    }

    /// Returns whether a name is an item, a child or a `use` of the module, rather than one that a glob brings.
    pub(crate) fn is_declared(&self, module: &[String], name: &str) -> bool {
        self.modules.contains_key(&child(module, name))
            || self.modules.get(module).is_some_and(|module| {
                module.items.contains(name)
                    || module.imports.bindings.iter().any(|binding| binding.name == name)
            })
    }

    fn resolve_into(&self, resolved: &mut Resolved, from: &[String], path: &[String]) -> bool {
        let mut base = from.to_vec();
        let mut rest = path;
        loop {
            match rest.first().map(String::as_str) {
                Some("crate") => base.clear(),
                Some("self") => {}
                Some("super") => {
                    base.pop();
                }
                _ => return self.walk(resolved, &base, rest),
            }
            rest = &rest[1..];
        }
    }

    /// Looks up a path from within a module.
    fn walk(&self, resolved: &mut Resolved, module: &[String], path: &[String]) -> bool {
        let Some(declared) = self.modules.get(module) else { return false };
        let Some((name, rest)) = path.split_first() else {
            resolved.definitions.insert(module.to_vec());
            return true;
        };
        let mut found = self.walk(resolved, &child(module, name), rest);
        if declared.items.contains(name) {
            resolved.definitions.insert(module.to_vec());
            found = true;
        }
        found |= self.walk_bindings(resolved, module, name, rest);
        if !found {
            found = self.walk_globs(resolved, module, path);
        }
        if !found && module.is_empty() {
            let definition = self.exported_macros.get(name);
            found = definition.is_some();
            resolved.definitions.extend(definition.cloned());
        }
        found
    }

    fn walk_bindings(&self, resolved: &mut Resolved, module: &[String], name: &str, rest: &[String]) -> bool {
        let mut found = false;
        for (position, binding) in self.modules[module].imports.bindings.iter().enumerate() {
            let place = (module.to_vec(), position);
            if binding.name != name || !resolved.bindings.insert(place.clone()) {
                continue;
            }
            let path: Segments = binding.path.iter().chain(rest).cloned().collect();
            if self.resolve_into(resolved, module, &path) {
                resolved.reexports.insert(module.to_vec());
                found = true;
            }
            resolved.bindings.remove(&place);
        }
        found
    }

    fn walk_globs(&self, resolved: &mut Resolved, module: &[String], path: &[String]) -> bool {
        let mut found = false;
        for (position, glob) in self.modules[module].imports.globs.iter().enumerate() {
            let place = (module.to_vec(), position);
            if !resolved.globs.insert(place.clone()) {
                continue;
            }
            let mut target = Resolved {
                bindings: resolved.bindings.clone(),
                globs: resolved.globs.clone(),
                ..Resolved::default()
            };
            self.resolve_into(&mut target, module, glob);
            for target in target.definitions {
                if self.walk(resolved, &target, path) {
                    resolved.reexports.insert(module.to_vec());
                    found = true;
                }
            }
            resolved.globs.remove(&place);
        }
        found
    }
}

fn child(module: &[String], name: &str) -> Segments {
    module.iter().cloned().chain([name.to_owned()]).collect()
}

struct Loader {
    sources: BTreeMap<PathBuf, String>,
    krate: Crate,
}

impl Loader {
    /// `folder` is where the files of its child modules are.
    fn load_file(&mut self, module: Segments, file: &Path, folder: &Path) -> Result<(), String> {
        let text = self.sources.get(file).ok_or_else(|| format!("{}: no such file", file.display()))?;
        let parsed = syn::parse_file(text)
            .map_err(|error| format!("{}:{}: {error}", file.display(), error.span().start().line))?;
        self.load_items(module, file, folder, &parsed.items)
    }

    fn load_items(
        &mut self,
        module: Segments,
        file: &Path,
        folder: &Path,
        items: &[Item],
    ) -> Result<(), String> {
        let mut imports = Imports::default();
        let mut names = BTreeSet::new();
        for item in items.iter().filter(|item| !is_test_only(item_attributes(item))) {
            imports.visit_item(item);
            names.extend(defined_name(item));
            if let Item::Macro(item) = item
                && item.attrs.iter().any(|attribute| attribute.path().is_ident("macro_export"))
            {
                let name = item.ident.as_ref().map(unraw);
                self.krate.exported_macros.extend(name.map(|name| (name, module.clone())));
            }
            if let Item::Mod(item) = item {
                self.load_module(&module, file, folder, item)?;
            }
        }
        self.krate.modules.insert(module, Module { file: file.to_owned(), imports, items: names });
        Ok(())
    }

    fn load_module(
        &mut self,
        parent: &[String],
        file: &Path,
        folder: &Path,
        item: &ItemMod,
    ) -> Result<(), String> {
        let name = unraw(&item.ident);
        let module = child(parent, &name);
        let folder_of_module = folder.join(&name);
        if let Some((_, items)) = &item.content {
            return self.load_items(module, file, &folder_of_module, items);
        }
        if let Some(path) = path_attribute(&item.attrs) {
            let file = file.with_file_name(path);
            return self.load_file(module, &file, file.parent().unwrap_or(folder));
        }
        let face = folder_of_module.join("mod.rs");
        let file = if self.sources.contains_key(&face) { face } else { folder.join(format!("{name}.rs")) };
        self.load_file(module, &file, &folder_of_module)
    }
}

/// Returns the value of `#[path = "…"]`.
fn path_attribute(attributes: &[Attribute]) -> Option<String> {
    attributes.iter().find_map(|attribute| match &attribute.meta {
        Meta::NameValue(meta) if meta.path.is_ident("path") => match &meta.value {
            Expr::Lit(ExprLit { lit: Lit::Str(path), .. }) => Some(path.value()),
            _ => None,
        },
        _ => None,
    })
}

fn defined_name(item: &Item) -> Option<String> {
    let name = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::TraitAlias(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(unraw(name))
}
