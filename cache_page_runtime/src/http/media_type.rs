//! What the media type of a response says about how it is sent.

use actix_web::{
    http::header::HeaderValue,
    mime::{self, Mime},
};

/// Returns whether actix-web's `Compress` leaves bodies of this `Content-Type` as they are.
///
/// It is the condition of `Compress` itself: images but SVG, and videos.
pub(crate) fn is_never_compressed(content_type: Option<&HeaderValue>) -> bool {
    parse(content_type).is_some_and(|media_type| match media_type.type_() {
        mime::IMAGE => media_type.subtype() != mime::SVG,
        main => main == mime::VIDEO,
    })
}

/// Returns whether clients may want parts of a body with this `Content-Type`: of documents, archives and media, but not of text.
pub(crate) fn is_worth_ranges(content_type: Option<&HeaderValue>) -> bool {
    let is_text = |media_type: Mime| {
        let is_data = |name| [mime::JSON, mime::XML, mime::JAVASCRIPT].contains(&name);
        media_type.type_() == mime::TEXT
            || is_data(media_type.subtype())
            || media_type.suffix().is_some_and(is_data)
    };
    // Without a media type, it is a sequence of bytes (RFC 9110 8.3).
    let Some(value) = content_type else { return true };
    // Most pages are text, which need not be parsed.
    let has_text_type = value.as_bytes().get(..5).is_some_and(|start| start.eq_ignore_ascii_case(b"text/"));
    !has_text_type && parse(content_type).is_some_and(|media_type| !is_text(media_type))
}

fn parse(content_type: Option<&HeaderValue>) -> Option<Mime> {
    content_type?.to_str().ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn media_types_are_read_as_compress_reads_them() {
        for (content_type, never_compressed, worth_ranges) in [
            ("image/png", true, true),
            ("IMAGE/PNG", true, true),
            ("image/avif; charset=binary", true, true),
            ("image/svg+xml", false, false),
            ("image/svg", false, true),
            ("video/mp4", true, true),
            ("video/mp4; codecs=\"avc1.42E01E, mp4a.40.2\"", true, true),
            ("audio/mpeg", false, true),
            ("application/pdf", false, true),
            ("application/octet-stream", false, true),
            ("text/html; charset=utf-8", false, false),
            ("TEXT/plain", false, false),
            ("application/json", false, false),
            ("application/ld+json", false, false),
            ("application/atom+xml", false, false),
            ("application/javascript", false, false),
            ("image", false, false),
            ("", false, false),
        ] {
            let value = HeaderValue::from_static(content_type);
            assert_eq!(is_never_compressed(Some(&value)), never_compressed, "{content_type}");
            assert_eq!(is_worth_ranges(Some(&value)), worth_ranges, "{content_type}");
        }
        assert!(!is_never_compressed(None) && is_worth_ranges(None));
    }
}
