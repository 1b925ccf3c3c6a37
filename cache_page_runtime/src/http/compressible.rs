//! Which responses are worth encoding.

use actix_web::http::header::{CONTENT_TYPE, HeaderMap, HeaderValue};

/// The length from which a body is encoded, in bytes. A shorter response fits into one packet as it is.
pub(crate) const MIN_LENGTH: usize = 860;

/// Returns whether the body of a response may become shorter, and may be encoded by anybody but its handler.
pub(crate) fn is_compressible(headers: &HeaderMap) -> bool {
    headers.iter().all(|(name, value)| match *name {
        CONTENT_TYPE => is_compressible_type(value),
        // A signature may cover the digest or the encoding of the body (RFC 9421).
        _ => name.as_str() != "signature",
    })
}

fn is_compressible_type(value: &HeaderValue) -> bool {
    let essence = value.as_bytes().split(|&byte| byte == b';').next().unwrap_or_default().trim_ascii();
    let essence = essence.to_ascii_lowercase();
    match &*essence {
        // Formats without a compression of their own.
        b"image/svg+xml"
        | b"image/bmp"
        | b"image/x-ms-bmp"
        | b"image/x-icon"
        | b"image/vnd.microsoft.icon"
        | b"font/ttf"
        | b"font/otf"
        | b"font/collection"
        | b"font/sfnt"
        | b"audio/midi" => true,
        essence => {
            let is_media = [&b"image/"[..], b"video/", b"audio/", b"font/", b"multipart/"];
            !is_media.iter().any(|prefix| essence.starts_with(prefix)) && !COMPRESSED.contains(&essence)
        }
    }
}

/// Formats that are compressed already, beside those of images, sound, video and fonts.
const COMPRESSED: &[&[u8]] = &[
    b"application/epub+zip",
    b"application/font-woff",
    b"application/font-woff2",
    b"application/gzip",
    b"application/java-archive",
    b"application/ogg",
    b"application/pdf",
    b"application/vnd.android.package-archive",
    b"application/vnd.ms-cab-compressed",
    b"application/vnd.oasis.opendocument.presentation",
    b"application/vnd.oasis.opendocument.spreadsheet",
    b"application/vnd.oasis.opendocument.text",
    b"application/vnd.openxmlformats-officedocument.presentationml.presentation",
    b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    b"application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    b"application/vnd.rar",
    b"application/x-7z-compressed",
    b"application/x-brotli",
    b"application/x-bzip2",
    b"application/x-compress",
    b"application/x-gzip",
    b"application/x-rar-compressed",
    b"application/x-xz",
    b"application/x-zip-compressed",
    b"application/zip",
    b"application/zstd",
];

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderName;

    use super::*;

    fn is_compressible_with(name: &'static str, value: &'static str) -> bool {
        let line = (HeaderName::from_static(name), HeaderValue::from_static(value));
        is_compressible(&[line].into_iter().collect())
    }

    #[test]
    fn formats_that_are_compressed_are_left_alone() {
        for text in [
            "text/html",
            "text/html; charset=utf-8",
            "TEXT/CSS",
            "application/json",
            "application/ld+json",
            "application/wasm",
            "application/javascript",
            "image/svg+xml",
            "image/x-icon",
            "font/ttf",
            "application/vnd.example",
        ] {
            assert!(is_compressible_with("content-type", text), "{text}");
        }
        for text in [
            "image/png",
            "IMAGE/JPEG",
            "image/webp; a=b",
            "video/mp4",
            "audio/mpeg",
            "font/woff2",
            "application/zip",
            "application/gzip",
            "application/pdf",
            "multipart/byteranges",
        ] {
            assert!(!is_compressible_with("content-type", text), "{text}");
        }
        assert!(is_compressible(&HeaderMap::new()));
        assert!(!is_compressible_with("signature", "sig1=:YQ==:"));
    }
}
