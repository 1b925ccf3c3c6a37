//! The Markdown files of a folder.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) struct Site {
    /// By the path below the folder, with `/` between its parts. Nothing else is ever opened.
    files: BTreeMap<String, PathBuf>,
}

impl Site {
    /// # Errors
    ///
    /// If the folder cannot be read, or there is no Markdown in it.
    pub(crate) fn read(folder: &str) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        collect(Path::new(folder), "", &mut files)
            .map_err(|error| format!("cannot read {folder}: {error}"))?;
        if files.is_empty() {
            return Err(format!("there is no Markdown file (*.md) below {folder}"));
        }
        Ok(Self { files })
    }

    pub(crate) fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub(crate) fn file(&self, path: &str) -> Option<PathBuf> {
        self.files.get(path).cloned()
    }

    /// The paths of the files that contain a text, in any case.
    pub(crate) fn find(&self, text: &str) -> Vec<String> {
        let text = text.to_lowercase();
        let contains =
            |file: &Path| fs::read_to_string(file).is_ok_and(|page| page.to_lowercase().contains(&text));
        self.files.iter().filter(|(_, file)| contains(file)).map(|(path, _)| path.clone()).collect()
    }
}

fn collect(folder: &Path, prefix: &str, files: &mut BTreeMap<String, PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (Ok(name), kind) = (entry.file_name().into_string(), entry.file_type()?) else { continue };
        let path = format!("{prefix}{name}");
        // Links are left alone: they may lead out of the folder, or round in it.
        if kind.is_dir() && !name.starts_with('.') && name != "target" {
            // What cannot be read further down is not worth giving up the rest for.
            let _ = collect(&entry.path(), &format!("{path}/"), files);
        } else if kind.is_file() && path.ends_with(".md") {
            files.insert(path, entry.path());
        }
    }
    Ok(())
}
