//! The links of `README.md` into the guide, which rustdoc cannot check.

use std::{collections::BTreeMap, fs, path::Path};

const GUIDE: &str = "https://docs.rs/cache_page/latest/cache_page/guide/";

fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()))
}

/// Returns the chapter and the section of each label.
fn links_of_the_readme() -> BTreeMap<String, (String, String)> {
    let readme = read("README.md");
    let definitions =
        readme.lines().filter_map(|line| line.strip_prefix('[')?.split_once(&format!("]: {GUIDE}")));
    let links = definitions.map(|(label, link)| {
        let (chapter, section) = link.split_once('/').expect("a chapter ends with a slash");
        (label.to_owned(), (chapter.to_owned(), section.to_owned()))
    });
    links.collect()
}

#[test]
fn links_of_the_readme_lead_to_sections_of_the_guide() {
    let links = links_of_the_readme();
    assert!(links.len() > 10, "{links:?}");
    for (chapter, section) in links.values() {
        let text = read(&format!("src/guide/{chapter}.md"));
        if let Some(section) = section.strip_prefix('#') {
            let is_target =
                |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-") == section;
            assert!(
                text.lines().filter(|line| line.starts_with("## ")).any(is_target),
                "no {chapter}#{section}"
            );
        }
    }
}

/// In the documentation of the crate, they lead into the same build.
#[test]
fn links_of_the_readme_have_a_twin_in_the_documentation() {
    let documentation = read("src/lib.rs");
    let (before, _) = documentation.split_once("include_str!(\"../README.md\")").unwrap();
    for (label, (chapter, section)) in links_of_the_readme() {
        let twin = format!("//! [{label}]: guide::{chapter}{section}");
        assert!(before.lines().any(|line| line == twin), "no {twin}");
    }
}

/// A label without a definition is shown as it is written.
#[test]
fn labels_of_the_readme_are_defined() {
    let links = links_of_the_readme();
    let readme = read("README.md");
    for label in readme.split("][").skip(1).filter_map(|text| text.split(']').next()) {
        assert!(links.contains_key(label), "[{label}]");
    }
}

#[test]
fn readme_has_at_most_a_thousand_words() {
    assert!(read("README.md").split_whitespace().count() <= 1000);
}
