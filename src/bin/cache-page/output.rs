//! What a command prints: text for people, or one JSON document.
//!
//! Invariant: what clients of the application have chosen, such as paths and tags, cannot control the terminal.

use std::{fmt::Write as _, io, process::ExitCode};

use serde_json::{Map, Value, json};

use crate::failure::Failure;

/// What a command has found out or done.
#[derive(Debug, Default)]
pub(crate) struct Report {
    pub(crate) text: String,
    pub(crate) json: Map<String, Value>,
    /// Why not all of it was done.
    pub(crate) failure: Option<Failure>,
}

impl Report {
    pub(crate) fn line(&mut self, line: impl AsRef<str>) {
        self.text.push_str(line.as_ref());
        self.text.push('\n');
    }

    pub(crate) fn set(&mut self, name: &str, value: impl Into<Value>) {
        self.json.insert(name.to_owned(), value.into());
    }
}

pub(crate) struct Output {
    is_json: bool,
}

impl Output {
    pub(crate) fn new(is_json: bool) -> Self {
        Self { is_json }
    }

    /// Prints the result of a command, and returns the exit code.
    pub(crate) fn write(&self, mut report: Report) -> ExitCode {
        let text = if self.is_json {
            let error = report.failure.as_ref().map(|failure| {
                json!({
                    "code": failure.kind.code(),
                    "exit_code": failure.kind.exit_code(),
                    "message": failure.message,
                    "hint": failure.hint,
                })
            });
            report.set("error", error);
            let json = serde_json::to_string_pretty(&Value::Object(report.json)).unwrap_or_default();
            escape(&json, |letter| format!("\\u{:04x}", u32::from(letter))) + "\n"
        } else {
            printable(&report.text)
        };
        let unwritten = print(&mut io::stdout(), &text).err();
        let unwritten =
            unwritten.map(|error| Failure::other(format_args!("the output is incomplete: {error}")));
        let Some(failure) = report.failure.or(unwritten) else { return ExitCode::SUCCESS };
        let mut text = format!("cache-page: {}\n", one_line(&failure.message));
        if let Some(hint) = &failure.hint {
            let _ = writeln!(text, "  {}", hint.replace('\n', "\n  "));
        }
        let _ = print(&mut io::stderr(), &printable(&text));
        ExitCode::from(failure.kind.exit_code())
    }
}

/// Prints a warning, which does not change the result.
pub(crate) fn warn(message: &str) {
    let _ = print(&mut io::stderr(), &printable(&format!("cache-page: warning: {message}\n")));
}

fn print(to: &mut dyn io::Write, text: &str) -> io::Result<()> {
    match to.write_all(text.as_bytes()).and_then(|()| to.flush()) {
        // A reader such as `head` has read enough.
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        result => result,
    }
}

/// Returns a text in which nothing controls the terminal but ends of lines.
fn printable(text: &str) -> String {
    escape(text, |letter| letter.escape_unicode().to_string())
}

/// Returns a value in one line.
pub(crate) fn one_line(text: &str) -> String {
    printable(text).replace('\n', "\\n")
}

fn escape(text: &str, escaped: impl Fn(char) -> String) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter != '\n' && is_control(letter) { safe.push_str(&escaped(letter)) } else { safe.push(letter) }
    }
    safe
}

/// Returns whether a character moves the cursor, or changes the direction of what follows.
fn is_control(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_control_the_terminal() {
        assert_eq!(printable("a\u{1b}[2Jb\n\u{9b}c\u{202e}"), "a\\u{1b}[2Jb\n\\u{9b}c\\u{202e}");
        assert_eq!(one_line("/a\n/b\r"), "/a\\n/b\\u{d}");
        assert_eq!(printable("/über/日本 \"x\""), "/über/日本 \"x\"");
    }
}
