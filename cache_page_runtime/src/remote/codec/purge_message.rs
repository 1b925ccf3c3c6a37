//! What processes tell each other of a purge: its verb and what it is about, as text, with a checksum.

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::remote::{
    codec::wire::{Reader, Writer},
    store::{Id, PurgeScope},
};
use crate::{purge::selector::PurgeMode, purge::selector::PurgeSelector};

const VERSION: u8 = 1;

/// A purge, and which process called for it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct PurgeMessage {
    pub(crate) sender: Id,
    pub(crate) mode: PurgeMode,
    pub(crate) selector: PurgeSelector,
}

impl PurgeMessage {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = Writer::default();
        out.u8(VERSION);
        out.raw(&self.sender.0);
        out.u8(match self.mode {
            PurgeMode::Remove => 0,
            PurgeMode::Expire => 1,
        });
        match &self.selector {
            PurgeSelector::All => out.u8(0),
            PurgeSelector::Tag(tag) => out.text(1, tag),
            PurgeSelector::Path(path) => out.text(2, path),
            PurgeSelector::Handler(handler) => out.text(3, handler),
            PurgeSelector::Prefix(prefix) => out.text(4, prefix),
            PurgeSelector::Url { path, query, origin } => {
                out.text(5, path);
                out.optional_text(query.as_deref());
                out.optional_text(origin.as_ref().map(|(scheme, _)| scheme.as_str()));
                out.optional_text(origin.as_ref().map(|(_, host)| host.as_str()));
            }
        }
        let mut bytes = out.into_bytes();
        bytes.extend(xxh3_64(&bytes).to_le_bytes());
        bytes
    }

    /// None if it cannot be read: what was purged is not known then.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk::<8>()?;
        if u64::from_le_bytes(*sum) != xxh3_64(bytes) {
            return None;
        }
        let mut input = Reader::new(bytes);
        if input.u8()? != VERSION {
            return None;
        }
        let by = Id(input.array()?);
        let verb = match input.u8()? {
            0 => PurgeMode::Remove,
            1 => PurgeMode::Expire,
            _ => return None,
        };
        let text = match input.u8()? {
            0 => PurgeSelector::All,
            1 => PurgeSelector::Tag(input.string()?),
            2 => PurgeSelector::Path(input.string()?),
            3 => PurgeSelector::Handler(input.string()?),
            4 => PurgeSelector::Prefix(input.string()?),
            5 => {
                let (path, query) = (input.string()?, input.optional_string()?);
                PurgeSelector::Url {
                    path,
                    query,
                    origin: input.optional_string()?.zip(input.optional_string()?),
                }
            }
            _ => return None,
        };
        input.is_at_end().then_some(Self { sender: by, mode: verb, selector: text })
    }
}

/// The names by which pages are purged in a shared tier. Who makes two meet has a page purged that need not be.
pub(crate) mod name {
    use smallvec::SmallVec;

    use super::{Id, xxh3_128};

    /// The first byte of an id says what it is of.
    const HANDLER: u8 = 3;

    fn of(kind: u8, parts: &[&str]) -> Id {
        let mut bytes: SmallVec<[u8; 256]> = SmallVec::new();
        bytes.push(kind);
        for part in parts {
            bytes.extend_from_slice(&(part.len() as u64).to_le_bytes());
            bytes.extend_from_slice(part.as_bytes());
        }
        let mut id = xxh3_128(&bytes).to_le_bytes();
        id[0] = kind;
        Id(id)
    }

    /// Of every page.
    pub(crate) fn all() -> Id {
        Id([0; 16])
    }

    pub(crate) fn tag(tag: &str) -> Id {
        of(1, &[tag])
    }

    /// Without escapes.
    pub(crate) fn path(path: &str) -> Id {
        of(2, &[path])
    }

    pub(crate) fn handler(handler: &str) -> Id {
        of(HANDLER, &[handler])
    }

    #[cfg(feature = "redis")]
    pub(crate) fn is_handler(name: Id) -> bool {
        name.0[0] == HANDLER
    }

    /// Of a page whose handler counts every byte of a query; of one without a query, there is only the path.
    pub(crate) fn query(path: &str, query: Option<&str>) -> Id {
        query.map_or_else(|| self::path(path), |query| of(4, &[path, query]))
    }

    /// Of a page whose handler picks what counts: whoever purges does not know the attribute, so all queries go.
    pub(crate) fn picked(path: &str) -> Id {
        of(6, &[path])
    }
}

/// What a purge is about, as a store knows it. Of a URL, that is all hosts; and all queries where it has none, or where not every byte of
/// them counts.
pub(crate) fn scope_of(text: &PurgeSelector) -> PurgeScope {
    PurgeScope::Keys(match text {
        PurgeSelector::Prefix(prefix) => return PurgeScope::PathPrefix(prefix.clone()),
        PurgeSelector::All => vec![name::all()],
        PurgeSelector::Tag(tag) => vec![name::tag(tag)],
        PurgeSelector::Path(path) => vec![name::path(path)],
        PurgeSelector::Handler(handler) => vec![name::handler(handler)],
        PurgeSelector::Url { path, query, .. } => {
            vec![name::query(path, query.as_deref()), name::picked(path)]
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selectors() -> Vec<PurgeSelector> {
        let url = |query: Option<&str>, origin: Option<(&str, &str)>| PurgeSelector::Url {
            path: "/a".to_owned(),
            query: query.map(str::to_owned),
            origin: origin.map(|(scheme, host)| (scheme.to_owned(), host.to_owned())),
        };
        vec![
            PurgeSelector::All,
            PurgeSelector::Tag("post:1".to_owned()),
            PurgeSelector::Path("/über".to_owned()),
            PurgeSelector::Handler("app_id::post".to_owned()),
            PurgeSelector::Prefix("/p".to_owned()),
            url(None, None),
            url(Some(""), None),
            url(Some("page=2"), Some(("https", "example.com"))),
        ]
    }

    #[test]
    fn what_is_written_is_read_and_nothing_else_is() {
        for text in selectors() {
            for verb in [PurgeMode::Remove, PurgeMode::Expire] {
                let told = PurgeMessage { sender: Id([7; 16]), mode: verb, selector: text.clone() };
                let bytes = told.encode();
                assert_eq!(PurgeMessage::decode(&bytes).as_ref(), Some(&told));
                for end in 0..bytes.len() {
                    assert_eq!(PurgeMessage::decode(&bytes[..end]), None, "cut at {end}");
                }
                for place in 0..bytes.len() {
                    let mut other = bytes.clone();
                    other[place] ^= 1;
                    assert_eq!(PurgeMessage::decode(&other), None, "changed at {place}");
                }
            }
        }
    }
}
