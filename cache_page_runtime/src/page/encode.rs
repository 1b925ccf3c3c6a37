//! The encoders.
//!
//! A body is encoded once and sent many times, so the levels are high: at the next higher ones, bodies are at most 3 % shorter and take
//! two to four times as long (`BENCHMARKS.md`, `compress`).

use crate::http::Coding;

/// The length of a body up to which it is encoded in place, in bytes. It takes less than 0.1 ms.
pub(crate) const MAX_IN_PLACE: usize = 2 * 1024;

/// The length of a body up to which it is encoded at a high level, in bytes.
#[cfg(any(feature = "compress-brotli", feature = "compress-gzip", feature = "compress-zstd"))]
const MAX_HIGH_LEVEL: usize = 512 * 1024;

/// Encodes a body. Returns `None` if it does not become shorter, or if this build lacks the encoder.
pub(super) fn encode(coding: Coding, body: &[u8]) -> Option<Vec<u8>> {
    let mut encoded = match coding {
        Coding::Brotli => brotli(body),
        Coding::Zstd => zstd(body),
        Coding::Gzip => gzip(body),
    }?;
    if encoded.len() >= body.len() {
        return None;
    }
    encoded.shrink_to_fit();
    Some(encoded)
}

#[cfg(feature = "compress-brotli")]
fn brotli(body: &[u8]) -> Option<Vec<u8>> {
    use brotli::{BrotliCompress, enc::BrotliEncoderParams};

    let quality = if (MAX_IN_PLACE + 1..=MAX_HIGH_LEVEL).contains(&body.len()) { 10 } else { 5 };
    // The window is not larger than the body, because encoders and decoders allocate it.
    let bits = usize::BITS - (body.len() + 16).leading_zeros();
    let lgwin = i32::try_from(bits).unwrap_or(22).clamp(16, 22);
    let params =
        BrotliEncoderParams { quality, lgwin, size_hint: body.len(), ..BrotliEncoderParams::default() };
    let mut encoded = Vec::new();
    BrotliCompress(&mut &*body, &mut encoded, &params).ok()?;
    Some(encoded)
}

#[cfg(feature = "compress-zstd")]
fn zstd(body: &[u8]) -> Option<Vec<u8>> {
    // At level 19, the window has at most the 8 MiB that browsers accept (RFC 9659).
    let level = if (MAX_IN_PLACE + 1..=MAX_HIGH_LEVEL).contains(&body.len()) { 19 } else { 9 };
    zstd::bulk::compress(body, level).ok()
}

#[cfg(feature = "compress-gzip")]
fn gzip(body: &[u8]) -> Option<Vec<u8>> {
    use std::io::Write as _;

    use flate2::{Compression, write::GzEncoder};

    let level = if body.len() <= MAX_HIGH_LEVEL { 9 } else { 6 };
    let mut encoder = GzEncoder::new(Vec::new(), Compression::new(level));
    encoder.write_all(body).ok()?;
    encoder.finish().ok()
}

#[cfg(not(feature = "compress-brotli"))]
fn brotli(_: &[u8]) -> Option<Vec<u8>> {
    None
}

#[cfg(not(feature = "compress-zstd"))]
fn zstd(_: &[u8]) -> Option<Vec<u8>> {
    None
}

#[cfg(not(feature = "compress-gzip"))]
fn gzip(_: &[u8]) -> Option<Vec<u8>> {
    None
}
