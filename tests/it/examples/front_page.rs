//! The links of `README.md` into the guide, which rustdoc cannot check.

use std::{fs, path::Path};

const GUIDE: &str = "https://docs.rs/cache_page/latest/cache_page/guide/";

#[test]
fn links_of_the_readme_lead_to_sections_of_the_guide() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let readme = fs::read_to_string(root.join("README.md")).unwrap();
    let links: Vec<&str> = readme.split(GUIDE).skip(1).filter_map(|link| link.split(')').next()).collect();
    assert!(links.len() > 10, "{links:?}");
    for link in links {
        let (chapter, section) = link.split_once("/").expect("a chapter ends with a slash");
        let path = root.join(format!("src/guide/{chapter}.md"));
        let text = fs::read_to_string(&path).unwrap_or_else(|_| panic!("{link}: no {}", path.display()));
        if let Some(section) = section.strip_prefix('#') {
            let is_target =
                |line: &str| line.trim_start_matches('#').trim().to_lowercase().replace(' ', "-") == section;
            assert!(text.lines().filter(|line| line.starts_with("## ")).any(is_target), "no {link}");
        }
    }
}

#[test]
fn readme_has_at_most_a_thousand_words() {
    let readme = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("README.md")).unwrap();
    assert!(readme.split_whitespace().count() <= 1000);
}
