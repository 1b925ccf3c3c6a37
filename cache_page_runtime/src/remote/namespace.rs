//! The keys of entries in the remote store: the same in every process that may serve the entry.

use std::{
    any::TypeId,
    collections::{HashMap, hash_map::Entry},
    fs::File,
    hash::{BuildHasher as _, RandomState},
    io::{self, Read as _},
    sync::{Mutex, OnceLock},
};

use actix_web::http::header::{HeaderMap, HeaderName};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

use crate::{
    key::{HandlerKeyPart, Id, KeyBuf, KeyParts, NormalizedHeader, push_variant_values},
    sync::lock,
};

/// The first byte of a key.
const BUILD_KEY: u8 = 0;
const PREFIX_KEY: u8 = 1;
const VARIANT_KEY: u8 = 2;
const ENCODING_KEY: u8 = 3;
const VERSION_KEY: u8 = 4;

/// Which processes share their entries.
///
/// A local key ends with the `TypeId` of the handler's future, which has no meaning in another executable. A page that one
/// version of a program generates may also be wrong in the next one, even at the same URL. So only equal executables share
/// entries, unless a version or a key prefix allows it.
#[derive(Clone, Copy)]
pub(crate) enum Namespace {
    /// Processes that run the same executable, byte for byte.
    Build,
    /// Processes that are configured with the same key prefix. Their handlers are identified by their name and that of their type;
    /// two handlers with the same names have no remote entries.
    Prefix,
    /// Processes that are configured with the same version, of which this is the hash. Handlers are identified likewise.
    Version([u8; 16]),
}

impl Namespace {
    pub(super) fn new(key_prefix: &str, version: Option<&str>) -> Self {
        match version {
            Some(version) => Self::Version(xxh3_128(version.as_bytes()).to_le_bytes()),
            None if key_prefix.is_empty() => Self::Build,
            None => Self::Prefix,
        }
    }

    /// Returns whether [`prepare`](Self::prepare) would return at once.
    pub(super) fn is_prepared(self) -> bool {
        !matches!(self, Self::Build) || BUILD_ID.get().is_some()
    }

    /// Hashes the executable if the namespace needs that, which may take long. Before it has returned, there are no keys.
    pub(super) fn prepare(self) {
        if let Self::Build = self {
            build_id();
        }
    }

    /// Returns the key of a request's page, or `None` if this process cannot identify the handler.
    pub(crate) fn page_key(self, handler_name: &'static str, parts: &KeyParts) -> Option<Vec<u8>> {
        let (local_key, handler) = (parts.key()?.as_bytes(), parts.handler()?);
        let mut key = Vec::with_capacity(local_key.len() + 64);
        match self {
            Self::Build => {
                key.push(BUILD_KEY);
                key.extend_from_slice(BUILD_ID.get()?);
                key.extend_from_slice(local_key);
            }
            Self::Prefix | Self::Version(_) => {
                if !has_unique_name(handler_name, handler) {
                    return None;
                }
                match &self {
                    Self::Version(version) => {
                        key.push(VERSION_KEY);
                        key.extend_from_slice(version);
                    }
                    _ => key.push(PREFIX_KEY),
                }
                for name in [handler_name, handler.name] {
                    key.extend((name.len() as u64).to_le_bytes());
                    key.extend_from_slice(name.as_bytes());
                }
                // The last part of a local key identifies the type of the handler within this executable only.
                key.extend_from_slice(local_key.get(..handler.offset)?);
            }
        }
        Some(key)
    }
}

/// Returns the key of the variant that a request with these headers selects, or `None` if it would be too long.
pub(crate) fn variant_key(
    page_key: &[u8],
    names: &[HeaderName],
    headers: &HeaderMap,
    normalized: &[NormalizedHeader],
) -> Option<Vec<u8>> {
    let mut values = KeyBuf::new();
    push_variant_values(&mut values, names, headers, normalized);
    if values.is_too_long() {
        return None;
    }
    let length = (page_key.len() as u64).to_le_bytes();
    Some([&[VARIANT_KEY], &length[..], page_key, values.as_slice()].concat())
}

/// Returns the URL of a page key or a variant key, and the name of the handler if the key has it.
#[cfg(all(feature = "cli", any(feature = "disk", feature = "redis")))]
pub(super) fn describe_key(key: &[u8]) -> Option<(crate::key::KeyedUrl, Option<String>)> {
    /// Splits bytes of which the first eight are the length of the next ones.
    fn split(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
        let (length, rest) = bytes.split_first_chunk()?;
        rest.split_at_checked(usize::try_from(u64::from_le_bytes(*length)).ok()?)
    }

    let (kind, rest) = key.split_first()?;
    let named = match *kind {
        VARIANT_KEY => {
            let (page_key, _) = split(rest)?;
            // A page key is no variant key, so this ends.
            return page_key
                .first()
                .filter(|kind| **kind != VARIANT_KEY)
                .and_then(|_| describe_key(page_key));
        }
        BUILD_KEY => return Some((crate::key::KeyedUrl::of(rest.get(16..)?)?, None)),
        PREFIX_KEY => rest,
        VERSION_KEY => rest.get(16..)?,
        _ => return None,
    };
    let (name, rest) = split(named)?;
    let (_, local_key) = split(rest)?;
    Some((crate::key::KeyedUrl::of(local_key)?, String::from_utf8(name.to_vec()).ok()))
}

/// Returns the key of an encoded body: that of the page, the coding, and the hash of the body as it is.
pub(super) fn encoding_key(page_key: &[u8], coding: &str, hash: u128) -> Vec<u8> {
    let length = (page_key.len() as u64).to_le_bytes();
    [&[ENCODING_KEY], &length[..], page_key, &hash.to_le_bytes(), coding.as_bytes()].concat()
}

/// Returns the id under which the entry with a key is stored.
pub(crate) fn entry_id(key: &[u8]) -> Id {
    Id(xxh3_128(key).to_le_bytes())
}

/// Returns whether no other handler of this process has the same names. Two functions of the same name in two blocks have.
fn has_unique_name(name: &'static str, handler: HandlerKeyPart) -> bool {
    /// The type of the handler with these names, or `None` if there are several.
    type Handlers = HashMap<(&'static str, &'static str), Option<TypeId>>;
    static HANDLERS: OnceLock<Mutex<Handlers>> = OnceLock::new();

    let handlers = &mut *lock(HANDLERS.get_or_init(Mutex::default));
    match handlers.entry((name, handler.name)) {
        Entry::Vacant(vacant) => vacant.insert(Some(handler.id)).is_some(),
        Entry::Occupied(mut known) => {
            let is_known = *known.get() == Some(handler.id);
            if !is_known && known.insert(None).is_some() {
                tracing::error!(
                    target: "cache_page",
                    handler = name,
                    "two handlers have the same name, so the remote store stores neither; set the option `name` of one of them"
                );
            }
            is_known
        }
    }
}

/// The hash of the executable of this process.
static BUILD_ID: OnceLock<[u8; 16]> = OnceLock::new();

fn build_id() -> [u8; 16] {
    *BUILD_ID.get_or_init(|| {
        hash_executable().unwrap_or_else(|error| {
            tracing::error!(
                target: "cache_page",
                %error,
                "the executable cannot be read, so no other process shares its pages; set a `version`"
            );
            random_id()
        })
    })
}

fn hash_executable() -> io::Result<[u8; 16]> {
    // On Linux, this is the running executable even if the file was replaced.
    let linux = File::open("/proc/self/exe");
    let mut executable = linux.or_else(|_| File::open(std::env::current_exe()?))?;
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; 256 * 1024]);
    loop {
        match executable.read(&mut buffer)? {
            0 => return Ok(hash.digest128().to_le_bytes()),
            length => hash.update(&buffer[..length]),
        }
    }
}

/// Returns 16 bytes that no other process has.
pub(super) fn random_id() -> [u8; 16] {
    // The standard library seeds each `RandomState` from the random numbers of the system.
    let half = |index: u8| RandomState::new().hash_one((index, std::process::id()));
    let both = u128::from(half(0)) << 64 | u128::from(half(1));
    both.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn build_id_is_the_hash_of_the_executable() {
        assert_eq!(hash_executable().unwrap(), build_id());
        assert_ne!(random_id(), random_id());
    }

    #[test]
    fn name_of_two_handlers_is_not_unique() {
        let handler = |id| HandlerKeyPart { id, name: "one", offset: 0 };
        let (one, other) = (handler(TypeId::of::<u8>()), handler(TypeId::of::<u16>()));
        assert!(has_unique_name("app_id::page", one) && has_unique_name("app_id::page", one));
        assert!(!has_unique_name("app_id::page", other));
        assert!(!has_unique_name("app_id::page", one));
        assert!(has_unique_name("app_id::other", other));
    }
}
