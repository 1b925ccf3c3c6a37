//! Numbers for people.

use std::time::Duration;

/// Writes a number with a separator between thousands.
pub(super) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Returns the word behind a number of pages.
pub(super) fn pages(number: usize) -> &'static str {
    if number == 1 { "page" } else { "pages" }
}

#[allow(clippy::cast_precision_loss)]
pub(super) fn bytes(bytes: usize) -> String {
    let mut value = bytes as f64;
    for unit in ["B", "KiB", "MiB", "GiB"] {
        if value < 1024.0 {
            return if unit == "B" { format!("{bytes} B") } else { format!("{value:.1} {unit}") };
        }
        value /= 1024.0;
    }
    format!("{value:.1} TiB")
}

pub(super) fn percent(ratio: Option<f64>) -> String {
    ratio.map_or_else(|| "–".to_owned(), |ratio| format!("{:.1} %", ratio * 100.0))
}

/// Writes a duration in its two largest units.
pub(super) fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 if time.as_millis() == 0 => format!("{} µs", time.as_micros()),
        0 => format!("{:.1} ms", time.as_secs_f64() * 1000.0),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", count(seconds / 86_400), seconds % 86_400 / 3600),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_for_people() {
        assert_eq!((count(0), count(999), count(1_234_567)), ("0".into(), "999".into(), "1,234,567".into()));
        assert_eq!(
            (bytes(17), bytes(1536), bytes(64 << 20)),
            ("17 B".into(), "1.5 KiB".into(), "64.0 MiB".into())
        );
        assert_eq!((percent(None), percent(Some(0.987))), ("–".into(), "98.7 %".into()));
        for (time, text) in [
            (Duration::from_micros(7), "7 µs"),
            (Duration::from_micros(12_340), "12.3 ms"),
            (Duration::from_secs(59), "59 s"),
            (Duration::from_secs(61), "1 min 1 s"),
            (Duration::from_secs(7260), "2 h 1 min"),
            (Duration::from_secs(90_000), "1 d 1 h"),
        ] {
            assert_eq!(duration(time), text);
        }
    }
}
