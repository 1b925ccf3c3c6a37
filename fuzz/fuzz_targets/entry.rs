//! Entries of a remote store or a disk: bytes with a valid checksum are decoded, or are corrupt.

#![no_main]

use actix_web::http::header::HeaderName;
use cache_page_runtime::fuzzing::{decode_entry, encode_entry};
use libfuzzer_sys::fuzz_target;
use xxhash_rust::xxh3::xxh3_64;

const KEY: &[u8] = b"key";

/// Returns an entry of this kind whose checksum and length are right.
fn seal(kind: u8, content: &[u8]) -> Vec<u8> {
    let rest = [&3_u32.to_le_bytes()[..], KEY, content].concat();
    let length = u32::try_from(rest.len()).expect("an input is short");
    [&b"cp\x01"[..], &[kind], &xxh3_64(&rest).to_le_bytes(), &length.to_le_bytes(), &rest].concat()
}

fuzz_target!(|data: &[u8]| {
    // The format is the one that the cache writes.
    assert_eq!(seal(0, &[0, 0]), encode_entry(KEY, &[]));
    let Some((kind, content)) = data.split_first() else { return };
    let sealed = seal(kind % 3, content);
    if let Some(texts) = decode_entry(&sealed, KEY)
        && kind % 3 == 0
    {
        let names: Vec<_> =
            texts.iter().map(|name| HeaderName::from_bytes(name.as_bytes()).unwrap()).collect();
        assert_eq!(decode_entry(&encode_entry(KEY, &names), KEY), Some(texts));
    }
    assert_eq!(decode_entry(&sealed, b"other"), None);
    // Without its checksum, nothing is read.
    assert_eq!(decode_entry(data, KEY), None);
});
