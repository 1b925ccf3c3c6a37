//! Bars of the last hour, as inline SVG.

use maud::{Markup, html};

use super::format;
use crate::observe::HISTORY_MINUTES;

const WIDTH: usize = 480;
const HEIGHT: usize = 120;
/// Below the bars, for the labels of the axis.
const FOOT: usize = 16;

/// A part of each bar: its name, its class, and its values.
pub(super) struct Series {
    pub(super) name: &'static str,
    pub(super) class: &'static str,
    pub(super) values: Vec<u64>,
}

/// Returns a plot of values by minute, stacked, the latest ones on the right.
pub(super) fn bars(title: &str, series: &[Series], write: impl Fn(u64) -> String) -> Markup {
    let minutes = series.first().map_or(0, |series| series.values.len());
    let total = |minute: usize| series.iter().map(|series| series.values[minute]).sum::<u64>();
    let max = (0..minutes).map(total).max().unwrap_or_default();
    let latest = minutes.checked_sub(1).map_or(0, total);
    let width = WIDTH / HISTORY_MINUTES;
    let summary = format!(
        "{title}: {} in the last minute, at most {} in a minute of the last hour",
        write(latest),
        write(max)
    );
    html! {
        figure {
            figcaption { strong { (title) } " " span.muted { "at most " (write(max)) } }
            svg viewBox={ "0 0 " (WIDTH) " " (HEIGHT + FOOT) } role="img" aria-label=(summary) {
                line.axis x1="0" y1=(HEIGHT) x2=(WIDTH) y2=(HEIGHT) {}
                @for minute in 0..minutes {
                    @let x = WIDTH - (minutes - minute) * width;
                    @for (part, below) in stacked(series, minute) {
                        @let top = scaled(below + part.values[minute], max);
                        @let height = top - scaled(below, max);
                        @if height > 0 {
                            rect class=(part.class) x=(x) y=(HEIGHT - top) width=(width - 1) height=(height) {}
                        }
                    }
                }
                text x="0" y=(HEIGHT + FOOT - 3) { "60 min ago" }
                text x=(WIDTH) y=(HEIGHT + FOOT - 3) text-anchor="end" { "now" }
            }
            @if series.len() > 1 {
                ul.legend {
                    @for series in series {
                        li { svg viewBox="0 0 10 10" aria-hidden="true" { rect class=(series.class) width="10" height="10" {} } (series.name) }
                    }
                }
            }
            @if minutes == 0 { p.muted { "The first minute is not over yet." } }
        }
    }
}

/// Returns the parts of a bar, each with the sum of those below it.
fn stacked(series: &[Series], minute: usize) -> impl Iterator<Item = (&Series, u64)> {
    let mut below = 0;
    series.iter().map(move |series| {
        let start = below;
        below += series.values[minute];
        (series, start)
    })
}

/// Returns the height of a value. One that is not zero is visible.
fn scaled(value: u64, max: u64) -> usize {
    let height = u128::from(value) * HEIGHT as u128 / u128::from(max.max(1));
    usize::try_from(height).unwrap_or(HEIGHT).min(HEIGHT).max(usize::from(value > 0))
}

/// Writes a number of requests.
pub(super) fn number(value: u64) -> String {
    format::count(value)
}
