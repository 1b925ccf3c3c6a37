//! The keys of a cache in Redis.

use ::redis::Cmd;

use super::resp;
use crate::{key::Id, purge::stable_id};

/// The keys of one shard. In a cluster, all of them are in one hash slot, so that a script can use them together.
pub(super) struct ShardKeys {
    prefix: Vec<u8>,
}

impl ShardKeys {
    /// Returns the keys of all shards of a namespace.
    pub(super) fn shards(namespace: &str, count: u8) -> Box<[Self]> {
        let namespace = escape(namespace);
        let prefix = |hash_tag: String| Self { prefix: format!("cp1:{{{hash_tag}}}:").into_bytes() };
        if count == 1 {
            return Box::new([prefix(format!("{namespace}:"))]);
        }
        (0..count).map(|shard| prefix(format!("{namespace}:{shard}"))).collect()
    }

    /// Returns what all keys of the shard start with.
    pub(super) fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    pub(super) fn page(&self, key: Id) -> Vec<u8> {
        self.with_id(b"p", key)
    }

    pub(super) fn lease(&self, key: Id) -> Vec<u8> {
        self.with_id(b"c", key)
    }

    /// Returns the key of a purge key's stamp.
    pub(super) fn stamp(&self, purge_key: Id) -> Vec<u8> {
        self.with_id(b"s", purge_key)
    }

    /// Returns the key of the stamp that all pages share.
    pub(super) fn global_stamp(&self) -> Vec<u8> {
        self.with_name(b"x")
    }

    /// Returns the key of the prefixes and handlers that were purged.
    pub(super) fn rules(&self) -> Vec<u8> {
        self.with_name(b"xs")
    }

    pub(super) fn recent_purges(&self) -> Vec<u8> {
        self.with_name(b"r")
    }

    pub(super) fn run_id(&self) -> Vec<u8> {
        self.with_name(b"i")
    }

    pub(super) fn sequence(&self) -> Vec<u8> {
        self.with_name(b"n")
    }

    /// Returns the key of the number of the last purge in the log.
    pub(super) fn log_tail(&self) -> Vec<u8> {
        self.with_name(b"t")
    }

    pub(super) fn log(&self) -> Vec<u8> {
        self.with_name(b"l")
    }

    /// Returns the key of the mark that a page was stored.
    pub(super) fn used(&self) -> Vec<u8> {
        self.with_name(b"u")
    }

    /// Adds the keys of the stamps of `purge_keys` to a command.
    pub(super) fn push_stamps(&self, command: &mut Cmd, purge_keys: &[Id]) {
        let mut key = self.with_name(b"s");
        let length = key.len();
        for purge_key in purge_keys {
            key.truncate(length);
            key.extend_from_slice(&purge_key.0);
            command.arg(&key);
        }
    }

    /// Writes an `MGET` of a page, the global stamp and the stamps of `purge_keys`.
    pub(super) fn push_read(&self, out: &mut Vec<u8>, page: Id, purge_keys: &[Id]) {
        resp::push_command(out, 3 + purge_keys.len());
        resp::push_word(out, &[b"MGET"]);
        resp::push_word(out, &[&self.prefix, b"p", &page.0]);
        resp::push_word(out, &[&self.prefix, b"x"]);
        for purge_key in purge_keys {
            resp::push_word(out, &[&self.prefix, b"s", &purge_key.0]);
        }
    }

    fn with_name(&self, name: &[u8]) -> Vec<u8> {
        [&self.prefix, name].concat()
    }

    fn with_id(&self, kind: &[u8], id: Id) -> Vec<u8> {
        [&self.prefix, kind, &id.0].concat()
    }
}

/// Returns whether a purge key has a stamp. The key of all pages and those of handlers have none, so that a lookup reads
/// fewer stamps: purges of these are rules of the global stamp.
pub(super) fn has_stamp(purge_key: &Id) -> bool {
    *purge_key != stable_id::all() && !stable_id::is_handler(*purge_key)
}

/// Returns the key prefix of the cache whose key this is.
#[cfg(feature = "cli")]
pub(super) fn key_prefix_of(key: &[u8]) -> Option<String> {
    let tag = std::str::from_utf8(key.strip_prefix(b"cp1:{")?).ok()?.split_once('}')?.0;
    // What follows is the number of the shard.
    let (escaped, _) = tag.rsplit_once(':')?;
    Some(percent_encoding::percent_decode_str(escaped).decode_utf8_lossy().into_owned())
}

/// Percent-encodes what must not be in a hash tag or would be ambiguous there.
fn escape(namespace: &str) -> String {
    let mut escaped = String::new();
    for byte in namespace.bytes() {
        if byte.is_ascii_alphanumeric() || b"._-".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}
