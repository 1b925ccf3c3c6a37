//! The message by which a process notifies the others of a purge: mode and selector, with a checksum.

use xxhash_rust::xxh3::xxh3_64;

use super::wire::{Reader, Writer};
use crate::{
    key::Id,
    purge::{PurgeMode, PurgeSelector},
};

const VERSION: u8 = 1;

/// A purge, and the process that has requested it.
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

    /// Decodes a message, or returns `None` if it is corrupt or of another version.
    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let (bytes, sum) = bytes.split_last_chunk::<8>()?;
        if u64::from_le_bytes(*sum) != xxh3_64(bytes) {
            return None;
        }
        let mut input = Reader::new(bytes);
        if input.u8()? != VERSION {
            return None;
        }
        let sender = Id(input.array()?);
        let mode = match input.u8()? {
            0 => PurgeMode::Remove,
            1 => PurgeMode::Expire,
            _ => return None,
        };
        let selector = match input.u8()? {
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
        input.is_at_end().then_some(Self { sender, mode, selector })
    }
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
    fn message_is_decoded_unless_cut_or_changed() {
        for selector in selectors() {
            for mode in [PurgeMode::Remove, PurgeMode::Expire] {
                let message = PurgeMessage { sender: Id([7; 16]), mode, selector: selector.clone() };
                let bytes = message.encode();
                assert_eq!(PurgeMessage::decode(&bytes).as_ref(), Some(&message));
                for end in 0..bytes.len() {
                    assert_eq!(PurgeMessage::decode(&bytes[..end]), None, "cut at {end}");
                }
                for index in 0..bytes.len() {
                    let mut other = bytes.clone();
                    other[index] ^= 1;
                    assert_eq!(PurgeMessage::decode(&other), None, "changed at {index}");
                }
            }
        }
    }
}
