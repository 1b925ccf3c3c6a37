//! [`PackedPage`]: the body of a page and its own header values in one allocation.

use actix_web::{
    http::header::{
        CONTENT_DISPOSITION, CONTENT_LOCATION, DATE, ETAG, EXPIRES, HeaderName, LAST_MODIFIED, LINK, LOCATION,
    },
    web::Bytes,
};

use super::{
    body,
    header::{Line, PageLine, SentIn, Value},
};

/// The names that lines of a packed page have: those that pages rarely share.
static NAMES: [HeaderName; 8] =
    [ETAG, DATE, LAST_MODIFIED, EXPIRES, LOCATION, CONTENT_LOCATION, CONTENT_DISPOSITION, LINK];

/// The lines that a packed page may have.
const MAX_LINES: usize = 4;

/// The bit of a [`PackedLine`] that says whether the cache generated it.
const IS_GENERATED: u8 = 0x80;

/// A body behind the header values that are not shared with other pages. Most pages are packed in memory: a header line takes three bytes
/// beside its value, where a [`StoredHeader`](super::header::StoredHeader) takes 80.
///
/// `HeaderValue` checks the bytes of a value again whenever one is sent: 12 instructions for each byte. Local copies of popular pages are
/// not packed.
pub(super) struct PackedPage {
    bytes: Bytes,
    lines: [PackedLine; MAX_LINES],
    count: u8,
    /// Whether the response has a body, if only an empty one.
    has_body: bool,
}

#[derive(Clone, Copy, Default)]
struct PackedLine {
    /// The place of the name in [`NAMES`], and [`IS_GENERATED`].
    name: u8,
    /// The length of the value, as two bytes without alignment.
    length: [u8; 2],
}

impl PackedPage {
    /// Returns whether a body and the lines of a page can be packed.
    pub(super) fn is_packable(lines: &[Line<'_>], body: Option<&Bytes>) -> bool {
        let is_packable = |line: &Line<'_>| {
            line.is_sent
                && !line.value.is_sensitive()
                && u16::try_from(line.value.len()).is_ok()
                && NAMES.contains(line.name)
        };
        body.is_none_or(body::is_short) && lines.len() <= MAX_LINES && lines.iter().all(is_packable)
    }

    /// Packs what [is packable](Self::is_packable).
    pub(super) fn new(lines: &[Line<'_>], body: Option<&Bytes>) -> Self {
        let has_body = body.is_some();
        let body: &[u8] = body.map(AsRef::as_ref).unwrap_or_default();
        let values: usize = lines.iter().map(|line| line.value.len()).sum();
        let mut bytes = Vec::with_capacity(values + body.len());
        let mut packed = [PackedLine::default(); MAX_LINES];
        let mut count = 0;
        for (line, place) in lines.iter().zip(&mut packed) {
            bytes.extend_from_slice(line.value.as_bytes());
            *place = PackedLine::new(line);
            count += 1;
        }
        bytes.extend_from_slice(body);
        Self { bytes: bytes.into(), lines: packed, count, has_body }
    }

    fn packed_lines(&self) -> &[PackedLine] {
        self.lines.get(..usize::from(self.count)).unwrap_or_default()
    }

    /// Returns the header lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = PageLine<'_>> + Clone {
        let mut end = 0;
        self.packed_lines().iter().filter_map(move |line| {
            let start = end;
            end += line.length();
            let name = line.name()?;
            Some(PageLine {
                name,
                value: Value::Part(&self.bytes, start, end),
                is_generated: line.name & IS_GENERATED > 0,
                is_sent: true,
                sent_in: SentIn::of(name),
            })
        })
    }

    fn values_len(&self) -> usize {
        self.packed_lines().iter().map(|line| line.length()).sum()
    }

    pub(super) fn body(&self) -> &[u8] {
        self.bytes.get(self.values_len()..).unwrap_or_default()
    }

    pub(super) fn body_bytes(&self) -> Option<Bytes> {
        self.has_body.then(|| self.bytes.slice(self.values_len()..))
    }

    /// Returns the length of what is allocated.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }
}

impl PackedLine {
    fn new(line: &Line<'_>) -> Self {
        let place =
            NAMES.iter().position(|name| name == line.name).and_then(|place| u8::try_from(place).ok());
        let length = u16::try_from(line.value.len()).unwrap_or_default();
        Self {
            name: place.unwrap_or_default() | if line.is_generated { IS_GENERATED } else { 0 },
            length: length.to_le_bytes(),
        }
    }

    fn name(self) -> Option<&'static HeaderName> {
        NAMES.get(usize::from(self.name & !IS_GENERATED))
    }

    fn length(self) -> usize {
        usize::from(u16::from_le_bytes(self.length))
    }
}

#[cfg(test)]
mod tests {
    use actix_web::{
        body::MessageBody as _,
        http::{
            StatusCode,
            header::{CONTENT_TYPE, HeaderMap, HeaderValue},
        },
    };

    use super::{super::content::Content, *};
    use crate::{
        http::Selection,
        page::{LinesOwner, Page, ResponseHead},
    };

    fn page(headers: &HeaderMap, body: Option<&'static [u8]>) -> Page {
        let head = ResponseHead {
            status: StatusCode::OK,
            reason: None,
            headers,
            has_unstored: false,
            unstored: &[],
        };
        let generated = [(ETAG, HeaderValue::from_static("\"1\""))];
        Page::from_response(head, &generated, body.map(Bytes::from_static), LinesOwner::new())
    }

    /// Returns the header lines of a response in their order, and the size and bytes of its body.
    fn sent(page: &Page, selection: &Selection) -> impl PartialEq + std::fmt::Debug + use<> {
        let response = page.to_response(selection, None, &HeaderMap::new(), HeaderValue::from_static("0"));
        let lines: Vec<_> = (response.headers().iter())
            .map(|(name, value)| (name.clone(), value.clone(), value.is_sensitive()))
            .collect();
        let size = response.body().size();
        (response.status(), lines, size, response.into_body().try_into_bytes().ok())
    }

    #[test]
    fn packed_page_is_sent_as_one_that_is_not_packed() {
        let mut headers = HeaderMap::new();
        headers.append(CONTENT_TYPE, HeaderValue::from_static("text/html"));
        for (name, value) in
            [(LINK, "</a>"), (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"), (LINK, ""), (LINK, "é")]
        {
            headers.append(name, HeaderValue::from_bytes(value.as_bytes()).unwrap());
            for body in [None, Some(&b""[..]), Some(&b"<p>Page</p>"[..])] {
                let page = page(&headers, body);
                let is_packed = matches!(page.content, Content::Packed(_));
                assert_eq!(is_packed, headers.len() <= MAX_LINES, "{headers:?}");
                let copy = page.private_copy();
                assert!(matches!(copy.content, Content::Full(_)));
                assert_eq!((page.body(), page.body_bytes()), (copy.body(), copy.body_bytes()));
                assert!(page.has_generated_etag() && copy.has_generated_etag());
                for selection in [Selection::Full, Selection::NotModified, Selection::Unsatisfiable] {
                    assert_eq!(sent(&page, &selection), sent(&copy, &selection));
                }
                assert!(page.headers().eq(copy.headers()));
            }
        }
    }

    #[test]
    fn what_is_not_usual_is_not_packed() {
        let mut secret = HeaderValue::from_static("secret");
        secret.set_sensitive(true);
        let long = HeaderValue::from_bytes(&[b'x'; 1 << 16]).unwrap();
        let value = HeaderValue::from_static("value");
        let (cache_tag, body) = (HeaderName::from_static("cache-tag"), Bytes::from(vec![0; 4097]));
        let short = body.slice(1..);
        let line = |name, value| Line { name, value, is_generated: false, is_sent: true };
        let is_packable = |line, body| PackedPage::is_packable(&[line], body);
        assert!(is_packable(line(&LINK, &value), Some(&short)));
        assert!(!is_packable(line(&LINK, &value), Some(&body)));
        assert!(!is_packable(line(&LINK, &secret), None) && !is_packable(line(&LINK, &long), None));
        assert!(!is_packable(line(&cache_tag, &value), None));
        assert!(!is_packable(Line { is_sent: false, ..line(&LINK, &value) }, None));
    }

    #[test]
    fn weight_of_a_copy_is_known_before_it_is_made() {
        let mut headers = HeaderMap::new();
        for (name, value) in [
            (CONTENT_TYPE, "text/html"),
            (DATE, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (LAST_MODIFIED, "Sun, 06 Nov 1994 08:49:37 GMT"),
            (LINK, "</a.css>; rel=preload"),
        ] {
            headers.append(name, HeaderValue::from_static(value));
            let page = page(&headers, Some(&[b'x'; 200]));
            assert_eq!(page.copy_weight(), page.private_copy().weight(), "{headers:?}");
        }
    }

    /// Workers that send a page write no reference count of another one.
    #[test]
    fn names_of_a_copy_are_its_own() {
        let mut headers = HeaderMap::new();
        // As `insert_header(("x-own", "1"))` makes it.
        headers.append(HeaderName::from_bytes(b"x-own").unwrap(), HeaderValue::from_static("1"));
        let page = page(&headers, Some(b"page"));
        let copies = [page.private_copy(), page.private_copy()];
        let place = |page: &Page| {
            page.headers().find(|(name, _)| *name == "x-own").map(|(name, _)| name.as_str().as_ptr())
        };
        assert_ne!(place(&page), place(&copies[0]));
        assert_ne!(place(&copies[0]), place(&copies[1]));
    }
}
