//! Replies of a Redis server: they are the same however they are split, and hold nothing but what was read.

#![no_main]

use cache_page_runtime::fuzzing::redis_replies;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let Some((length, data)) = data.split_first() else { return };
    let replies = redis_replies(std::iter::once(data));
    assert_eq!(redis_replies(data.chunks(usize::from(*length).max(1))), replies);
    let values = || replies.iter().flat_map(|(_, values)| values);
    assert!(values().flatten().map(|value| value.len()).sum::<usize>() <= data.len());
    // Written as the server writes them, the values are read again.
    for (kind, values) in replies.iter().filter(|(kind, _)| *kind == '*') {
        let mut written = format!("*{}\r\n", values.len()).into_bytes();
        for value in values {
            match value {
                Some(value) => {
                    written.extend([format!("${}\r\n", value.len()).as_bytes(), value, b"\r\n"].concat())
                }
                None => written.extend(b"$-1\r\n"),
            }
        }
        assert_eq!(redis_replies(std::iter::once(&written[..])), [(*kind, values.clone())]);
    }
});
