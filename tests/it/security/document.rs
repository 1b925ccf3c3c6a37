//! The tables of `SECURITY.md`.

use std::{fs, path::Path};

#[test]
fn security_md_names_real_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let rows = text.lines().filter(|line| {
        line.starts_with("| ") && !line.starts_with("| threat") && !line.starts_with("| limit")
    });
    let listed = ["redis", "disk"].map(|folder| {
        let main = fs::read_to_string(root.join(format!("tests/{folder}/main.rs"))).unwrap();
        (format!("{folder}::"), main)
    });
    let mut tests = 0;
    for row in rows {
        let column = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in column.split(", ").map(|name| name.trim_matches('`')) {
            tests += 1;
            if let Some((prefix, main)) = listed.iter().find(|(prefix, _)| name.starts_with(prefix)) {
                assert!(main.contains(&name[prefix.len()..]), "no test {name}");
                continue;
            }
            let (module, test) = name.rsplit_once("::").expect("module::test");
            let is_elsewhere = ["chromium::", "cli::"].iter().any(|prefix| name.starts_with(prefix));
            let folder = if is_elsewhere { "tests" } else { "tests/it" };
            let path = root.join(format!("{folder}/{}.rs", module.replace("::", "/")));
            let source = fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()));
            let position = source.find(&format!("fn {test}()")).unwrap_or_else(|| panic!("no test {name}"));
            let before = source[..position].trim_end().trim_end_matches("async").trim_end();
            assert!(before.ends_with("test]"), "{name} is no test");
        }
    }
    assert!(tests > 30, "the table is read: {tests}");
}
