//! `Cache-Groups` and targeted fields: a field is malformed, or what it lists can be written again.

#![no_main]

use actix_web::http::header::HeaderValue;
use cache_page_runtime::fuzzing::{groups, groups_value, targeted_tags};
use libfuzzer_sys::fuzz_target;

/// Writes strings of a structured field.
fn strings(texts: &[String], separator: &str) -> String {
    let quote = |text: &String| format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""));
    texts.iter().map(quote).collect::<Vec<_>>().join(separator)
}

fn value(text: &str) -> HeaderValue {
    HeaderValue::from_str(text).expect("strings are printable ASCII")
}

fuzz_target!(|data: &[u8]| {
    let values: Vec<_> =
        data.split(|&byte| byte == b'\n').filter_map(|line| HeaderValue::from_bytes(line).ok()).collect();
    let listed = groups(&values);
    assert!(listed.len() <= 128 && listed.iter().all(|group| group.len() <= 128));
    assert_eq!(groups(&[value(&strings(&listed, ", "))]), listed);
    // What is malformed stays so, whatever follows.
    if listed.is_empty() && !values.iter().all(|value| value.as_bytes().trim_ascii().is_empty()) {
        let with = [&values[..], &[value("\"posts\"")]].concat();
        let more = groups(&with);
        assert!(more.is_empty() || more == ["posts"]);
    }
    // Any text is one group.
    let tags: Vec<String> = String::from_utf8_lossy(data).split('\0').map(str::to_owned).collect();
    if let Some(sent) = groups_value(&tags) {
        let encoded_len = |tag: &String| tag.len() * 3 <= 128;
        assert!(tags.len() > 128 || !tags.iter().all(encoded_len) || !groups(&[sent]).is_empty());
    }
    if let Some(tags) = targeted_tags(&values) {
        let written = value(&format!("tags=({})", strings(&tags, " ")));
        assert_eq!(targeted_tags(&[written]), Some(tags));
    }
});
