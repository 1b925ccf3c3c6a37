//! [`Content`]: the part of a page that it shares with no other page.

use actix_web::{
    http::header::{HeaderName, HeaderValue},
    web::Bytes,
};

use super::{
    body,
    header::{self, Line, PageLine, StoredHeader},
    packed::PackedPage,
};

/// The body of a page, and the lines that no other page has. A generated `Vary` is in front of the handler's own lines that it stands for.
pub(super) enum Content {
    Packed(PackedPage),
    Full(Box<FullContent>),
}

pub(super) struct FullContent {
    pub(super) lines: Box<[StoredHeader]>,
    /// `None` if the response has no body, which differs from an empty one.
    body: Option<Bytes>,
}

impl Content {
    pub(super) fn new(lines: &[Line<'_>], body: Option<Bytes>) -> Self {
        if PackedPage::is_packable(lines, body.as_ref()) {
            return Self::Packed(PackedPage::new(lines, body.as_ref()));
        }
        let body = body.map(|body| if body::is_short(&body) { Bytes::copy_from_slice(&body) } else { body });
        Self::Full(Box::new(FullContent { lines: StoredHeader::collect(lines.iter().copied()), body }))
    }

    /// Copies lines and a body into allocations that no other thread refers to.
    pub(super) fn private<'p>(
        lines: impl Iterator<Item = PageLine<'p>> + Clone,
        body: Option<Bytes>,
    ) -> Self {
        let body = body.map(|bytes| Bytes::copy_from_slice(&bytes));
        Self::Full(Box::new(FullContent { lines: StoredHeader::private_copies(lines), body }))
    }

    /// Returns the bytes that [`private`](Self::private) allocates.
    pub(super) fn private_weight<'p>(lines: impl Iterator<Item = PageLine<'p>>, body: usize) -> usize {
        let (mut values, mut headers) = (0, 0);
        for line in lines {
            values += line.as_bytes().len();
            headers += size_of::<StoredHeader>() + header::weight_of_name(line.name);
        }
        size_of::<FullContent>() + headers + header::weight_of_bytes(values) + header::weight_of_bytes(body)
    }

    pub(super) fn lines(&self) -> impl Iterator<Item = PageLine<'_>> + Clone {
        let (packed, full) = match self {
            Self::Packed(packed) => (Some(packed.lines()), [].as_slice()),
            Self::Full(full) => (None, &*full.lines),
        };
        packed.into_iter().flatten().chain(full.iter().map(StoredHeader::as_line))
    }

    pub(super) fn body(&self) -> &[u8] {
        match self {
            Self::Packed(packed) => packed.body(),
            Self::Full(full) => full.body.as_deref().unwrap_or_default(),
        }
    }

    #[inline]
    pub(super) fn body_bytes(&self) -> Option<Bytes> {
        match self {
            Self::Packed(packed) => packed.body_bytes(),
            Self::Full(full) => full.body.clone(),
        }
    }

    pub(super) fn weight(&self) -> usize {
        match self {
            Self::Packed(packed) => header::weight_of_bytes(packed.len()),
            Self::Full(full) => {
                let body = full.body.as_ref().map_or(0, Bytes::len);
                size_of::<FullContent>() + StoredHeader::weight(&full.lines) + header::weight_of_bytes(body)
            }
        }
    }

    /// Returns whether the first line with a name has a value.
    pub(super) fn has_line(&self, name: &HeaderName, value: &HeaderValue) -> bool {
        match self {
            Self::Packed(packed) => packed
                .lines()
                .find(|line| line.name == name)
                .is_some_and(|line| line.as_bytes() == value.as_bytes()),
            Self::Full(full) => {
                full.lines.iter().find(|line| line.name == *name).is_some_and(|line| line.value == *value)
            }
        }
    }
}
