//! A bar for purges that take long.

use std::{io::IsTerminal as _, time::Duration};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A bar on the standard error, or nothing if that is no terminal.
pub(crate) struct Progress(ProgressBar);

impl Progress {
    /// Shows how many purges are done.
    pub(crate) fn of_purges(purges: usize) -> Self {
        match purges {
            0 | 1 => Self::start(None, "{spinner} waiting for the confirmation, {elapsed}"),
            _ => Self::start(Some(purges as u64), "{bar:30} {pos} of {len} purges, {elapsed}"),
        }
    }

    /// Shows that pages are looked at.
    pub(crate) fn of_pages() -> Self {
        Self::start(None, "{spinner} looking at the stored pages, {elapsed}")
    }

    fn start(length: Option<u64>, template: &str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(ProgressBar::hidden());
        }
        let bar = ProgressBar::with_draw_target(length, ProgressDrawTarget::stderr_with_hz(10));
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.enable_steady_tick(Duration::from_millis(200));
        Self(bar)
    }

    pub(crate) fn advance(&self) {
        self.0.inc(1);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}
