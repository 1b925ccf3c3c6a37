//! The Markdown files of a folder.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

pub(crate) struct Site {
    /// Files by their path relative to the folder, separated by `/`. No other file is ever opened.
    files: BTreeMap<String, PathBuf>,
}

impl Site {
    /// Collects the Markdown files of a folder and its subfolders.
    ///
    /// # Errors
    ///
    /// Returns an error if the folder cannot be read or contains no Markdown file.
    pub(crate) fn read(folder: &str) -> Result<Self, String> {
        let mut files = BTreeMap::new();
        collect(Path::new(folder), "", &mut files)
            .map_err(|error| format!("cannot read {folder}: {error}"))?;
        if files.is_empty() {
            return Err(format!("no Markdown files (*.md) in {folder}"));
        }
        Ok(Self { files })
    }

    pub(crate) fn paths(&self) -> impl ExactSizeIterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub(crate) fn file(&self, path: &str) -> Option<PathBuf> {
        self.files.get(path).cloned()
    }

    /// Returns the paths of the files that contain the text, ignoring case.
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
        // Symbolic links are skipped: they may point outside the folder or form a cycle.
        if kind.is_dir() && !name.starts_with('.') && name != "target" {
            // An unreadable subfolder does not make the others unavailable.
            let _ = collect(&entry.path(), &format!("{path}/"), files);
        } else if kind.is_file() && path.ends_with(".md") {
            files.insert(path, entry.path());
        }
    }
    Ok(())
}
