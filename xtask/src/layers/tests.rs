//! Crates of a few lines, and what is wrong with their imports.

use std::path::PathBuf;

use super::{Layers, modules::Crate, rules};

const LAYERS: &Layers = &[(2, "high"), (1, "low"), (1, "base")];

/// Returns `file:line path` of every violation.
fn violations(layers: &Layers, files: &[(&str, &str)]) -> Vec<String> {
    let sources = files.iter().map(|(file, text)| (PathBuf::from(file), (*text).to_owned())).collect();
    let krate = Crate::parse(sources).expect("the crate is valid");
    let found = rules::check(&krate, layers).into_iter();
    found.map(|found| format!("{}:{} {}", found.file.display(), found.line, found.path)).collect()
}

/// A crate of three folders, of which `base` is empty.
fn in_folders(high: &str, low: &str) -> Vec<String> {
    let lib = "mod base; mod high; mod low;";
    violations(LAYERS, &[("lib.rs", lib), ("base.rs", ""), ("high.rs", high), ("low.rs", low)])
}

/// A crate with the files `a/mod.rs`, `a/b.rs` and `a/c.rs`.
fn in_one_folder(face: &str, b: &str, c: &str) -> Vec<String> {
    let face = format!("{face}\nmod b; mod c;");
    violations(&[(1, "a")], &[("lib.rs", "mod a;"), ("a/mod.rs", &face), ("a/b.rs", b), ("a/c.rs", c)])
}

#[test]
fn downward_import_is_allowed() {
    assert!(in_folders("use crate::low::Low;", "pub struct Low;").is_empty());
}

#[test]
fn upward_import_is_reported_with_its_line() {
    let high = "pub struct High; pub fn act() {}";
    for (low, path) in [
        ("\nuse crate::high::High;", "crate::high::High"),
        ("\nuse super::high::{self};", "super::high"),
        ("\nuse crate::{high as other};", "crate::high"),
        ("\nuse crate::high::*;", "crate::high"),
        ("\npub(crate) use crate::high::High;", "crate::high::High"),
        ("\nfn low() { crate::high::act() }", "crate::high::act"),
        ("\nfn low(_: &[crate::high::High]) {}", "crate::high::High"),
        ("\nfn low() { assert!(format!(\"{:?}\", crate::high::act()) == \"\") }", "crate::high::act"),
        ("\nfn low() { use crate::high::act; act() }", "crate::high::act"),
        ("\nmacro_rules! low { () => { $crate::high::act() } }", "crate::high::act"),
        ("\nmacro_rules! low { () => { use $crate::high::{High}; } }", "crate::high::High"),
        ("\nimpl From<crate::high::High> for u8 {}", "crate::high::High"),
        ("\nmod inner { use super::super::high::High; }", "super::super::high::High"),
        ("\n#[cfg(not(test))] use crate::high::High;", "crate::high::High"),
    ] {
        assert_eq!(in_folders(high, low), [format!("low.rs:2 {path}")], "{low}");
    }
}

#[test]
fn import_through_an_alias_is_reported() {
    let found = in_folders(
        "pub mod inner { pub fn act() {} }",
        "use crate as root;\nfn low() { root::high::inner::act() }",
    );
    assert_eq!(found, ["low.rs:1 crate", "low.rs:2 root::high::inner::act"]);
}

#[test]
fn upward_import_through_the_root_is_reported() {
    let lib = "mod base; mod high; mod low; pub use crate::high::High;";
    let files = [("base.rs", ""), ("high.rs", "pub struct High;"), ("low.rs", "use crate::High;")];
    let with_root = |lib| violations(LAYERS, &[&[("lib.rs", lib)], &files[..]].concat());
    assert_eq!(with_root(lib), ["low.rs:1 crate::High"]);
    assert_eq!(with_root("mod base; mod high; mod low; pub struct High;"), ["low.rs:1 crate::High"]);
}

#[test]
fn import_through_a_higher_face_is_reported() {
    let files = [
        ("lib.rs", "mod base; mod high; mod low;"),
        ("base.rs", "pub struct Base;"),
        ("high.rs", "pub use crate::base::Base;"),
        ("low.rs", "use crate::high::Base;"),
    ];
    assert_eq!(violations(LAYERS, &files), ["low.rs:1 crate::high::Base"]);
}

#[test]
fn folders_of_one_layer_do_not_import_each_other() {
    let with_base = |base: &str| {
        let lib = "mod base; mod high; mod low;";
        violations(
            LAYERS,
            &[("lib.rs", lib), ("high.rs", ""), ("low.rs", "use crate::base::Base;"), ("base.rs", base)],
        )
    };
    assert!(with_base("pub struct Base;").is_empty());
    let found = with_base("pub struct Base; use crate::low;");
    assert!(found.contains(&"low.rs:1 crate::base::Base".to_owned()), "{found:?}");
    assert!(found.contains(&"base.rs:1 crate::low".to_owned()), "{found:?}");
}

#[test]
fn cycle_of_two_files_is_reported() {
    let found = in_one_folder("", "use super::c::C; pub struct B;", "\nuse super::b::B; pub struct C;");
    assert_eq!(found, ["a/b.rs:1 super::c::C", "a/c.rs:2 super::b::B"]);
}

#[test]
fn cycle_through_a_reexport_is_reported() {
    let face = "pub(crate) use self::b::B; pub(crate) use self::c::C;";
    let found = in_one_folder(face, "use crate::a::C; pub struct B;", "use super::B; pub struct C;");
    assert_eq!(found, ["a/b.rs:1 crate::a::C", "a/c.rs:1 super::B"]);
}

#[test]
fn cycle_through_a_glob_is_reported() {
    let face = "pub(crate) use self::{b::*, c::*};";
    let found =
        in_one_folder(face, "use super::*; fn b(_: C) {} pub struct B;", "use super::B; pub struct C;");
    assert_eq!(found, ["a/b.rs:1 C", "a/c.rs:1 super::B"]);
}

#[test]
fn use_that_repeats_a_name_is_resolved() {
    assert!(in_folders("pub struct High;", "use low::low; fn act() { low!() }").is_empty());
    let high = "mod act { pub fn act() {} } pub(crate) use act::act;";
    assert_eq!(in_folders(high, "use crate::high::act;"), ["low.rs:1 crate::high::act"]);
}

#[test]
fn glob_of_another_crate_is_ignored() {
    assert!(
        in_folders("pub struct High;", "use other::*; use another::*; fn low(_: High) { act::High::act() }")
            .is_empty()
    );
}

#[test]
fn cycle_of_files_in_different_folders_is_reported() {
    let found = violations(
        &[(1, "a")],
        &[
            ("lib.rs", "mod a;"),
            ("a/mod.rs", "mod b; mod c; pub struct A;"),
            ("a/b.rs", "use super::c::d::D; pub struct B;"),
            ("a/c/mod.rs", "pub mod d;"),
            ("a/c/d.rs", "use crate::a::b::B; pub struct D;"),
        ],
    );
    assert_eq!(found, ["a/b.rs:1 super::c::d::D", "a/c/d.rs:1 crate::a::b::B"]);
}

#[test]
fn parent_and_children_may_import_each_other() {
    let face = "use self::b::B; pub struct A;";
    assert!(
        in_one_folder(face, "use super::A; use super::c::C; pub struct B;", "use super::*; pub struct C(A);")
            .is_empty()
    );
    let found =
        in_one_folder(face, "use super::A; use super::c::C; pub struct B;", "use super::b::B; pub struct C;");
    assert_eq!(found, ["a/b.rs:1 super::c::C", "a/c.rs:1 super::b::B"]);
}

#[test]
fn tests_do_not_count() {
    let high = "pub struct High;";
    for low in [
        "#[cfg(test)] mod tests { use super::*; use crate::high::High; }",
        "#[cfg(test)] use crate::high::High;",
        "#[cfg(all(test, feature = \"x\"))] use crate::high::High;",
        "struct Low; impl Low { #[cfg(test)] fn low(_: crate::high::High) {} }",
        "struct Low { #[cfg(test)] high: crate::high::High }",
        "fn low() { #[cfg(test)] let _ = crate::high::High; }",
    ] {
        assert!(in_folders(high, low).is_empty(), "{low}");
    }
    assert_eq!(in_folders(high, "#[cfg(any(test, unix))] use crate::high::High;").len(), 1);
}

#[test]
fn names_of_other_crates_are_ignored() {
    let low = "use std::fmt; use ::high::High; fn low(_: fmt::Error, high: u8) { ::high::act(); let _ = <u8>::from(high); }";
    assert!(in_folders("pub struct High; pub fn from() {}", low).is_empty());
}

#[test]
fn exported_macro_belongs_to_its_module() {
    let high = "#[macro_export] macro_rules! act { () => {} }";
    assert_eq!(in_folders(high, "fn low() { crate::act!() }"), ["low.rs:1 crate::act"]);
}

#[test]
fn folder_outside_of_the_table_is_reported() {
    let found = violations(&[(1, "a"), (2, "z")], &[("lib.rs", "mod a; mod b;"), ("a.rs", ""), ("b.rs", "")]);
    assert_eq!(found, ["b.rs:1 b", "lib.rs:1 z"]);
}

#[test]
fn path_attribute_is_followed() {
    let files = [
        ("lib.rs", "mod base; mod high; mod low;"),
        ("base.rs", ""),
        ("high.rs", "pub struct High;"),
        ("low/mod.rs", "#[path = \"other.rs\"] mod inner;"),
        ("low/other.rs", "use crate::high::High;"),
    ];
    assert_eq!(violations(LAYERS, &files), ["low/other.rs:1 crate::high::High"]);
}
