//! What a page is known by in all processes that may show it.

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

use crate::{key::Id, remote::tier::lock};
use crate::{
    key::{HandlerKeyPart, KeyBuf, KeyParts, push_variant_values},
    policy::Policy,
};

const BUILD_KEY: u8 = 0;
const PREFIX_KEY: u8 = 1;
const VARIANT_KEY: u8 = 2;

/// Whose pages are one's own.
#[derive(Clone, Copy)]
pub(crate) enum Namespace {
    /// Those of processes that run the same program, byte for byte.
    Build,
    /// Those of all that say the same prefix. Handlers go by their names then.
    Prefix,
}

impl Namespace {
    pub(crate) fn new(key_prefix: &str) -> Self {
        if key_prefix.is_empty() { Self::Build } else { Self::Prefix }
    }

    /// Finds out what it has to know, which takes the time of reading the program. There are no keys before.
    pub(crate) fn prepare(&self) {
        if let Self::Build = self {
            build_id();
        }
    }

    /// The key of a request's page for all processes; `None` where this one cannot say which handler it is of.
    pub(crate) fn key(&self, policy: &Policy, cover: &KeyParts) -> Option<Vec<u8>> {
        let (key, handler) = (cover.key()?.as_bytes(), cover.handler()?);
        let mut whole = Vec::with_capacity(key.len() + 64);
        match self {
            Self::Build => {
                whole.push(BUILD_KEY);
                whole.extend_from_slice(BUILD.get()?);
                whole.extend_from_slice(key);
            }
            Self::Prefix => {
                if !has_unique_name(policy.handler(), handler) {
                    return None;
                }
                whole.push(PREFIX_KEY);
                for name in [policy.handler(), handler.name] {
                    whole.extend((name.len() as u64).to_le_bytes());
                    whole.extend_from_slice(name.as_bytes());
                }
                // What is recorded of its type comes last, and says nothing to other programs.
                whole.extend_from_slice(key.get(..handler.offset)?);
            }
        }
        Some(whole)
    }
}

/// The key of the variant of a page that a request gets.
pub(crate) fn variant_key(key: &[u8], names: &[HeaderName], headers: &HeaderMap) -> Option<Vec<u8>> {
    let mut values = KeyBuf::new();
    push_variant_values(&mut values, names, headers);
    if values.is_too_long() {
        return None;
    }
    // No key of a request begins like this.
    Some([&[VARIANT_KEY], &(key.len() as u64).to_le_bytes()[..], key, values.as_slice()].concat())
}

pub(crate) fn id(key: &[u8]) -> Id {
    Id(xxh3_128(key).to_le_bytes())
}

/// Whether no other handler of this process goes by the same names: two functions of one name in two blocks do.
fn has_unique_name(name: &'static str, handler: HandlerKeyPart) -> bool {
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
                    "two handlers go by this name, so neither has pages in the shared tier: give one of them a `name`"
                );
            }
            is_known
        }
    }
}

/// The program that this process runs.
static BUILD: OnceLock<[u8; 16]> = OnceLock::new();

fn build_id() -> [u8; 16] {
    *BUILD.get_or_init(|| {
        hash_executable().unwrap_or_else(|error| {
            tracing::error!(
                target: "cache_page",
                %error,
                "the program cannot be read, so its pages are for this process alone: give the cache a `key_prefix`"
            );
            random_id()
        })
    })
}

fn hash_executable() -> io::Result<[u8; 16]> {
    // On Linux that is the program which runs, also where another one has taken its place in the file system.
    let linux = File::open("/proc/self/exe");
    let mut program = linux.or_else(|_| File::open(std::env::current_exe()?))?;
    let (mut hash, mut buffer) = (Xxh3::new(), vec![0; 256 * 1024]);
    loop {
        match program.read(&mut buffer)? {
            0 => return Ok(hash.digest128().to_le_bytes()),
            read => hash.update(&buffer[..read]),
        }
    }
}

/// Bytes that no other process has.
pub(crate) fn random_id() -> [u8; 16] {
    // Each of these has keys of its own, which the standard library makes of the system's random numbers.
    let half = |number: u8| RandomState::new().hash_one((number, std::process::id()));
    let both = u128::from(half(0)) << 64 | u128::from(half(1));
    both.to_le_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_is_known_by_its_program() {
        assert_eq!(hash_executable().unwrap(), build_id());
        assert_ne!(random_id(), random_id());
    }

    #[test]
    fn two_handlers_of_one_name_are_no_longer_told_apart_by_it() {
        let handler = |id| HandlerKeyPart { id, name: "one", offset: 0 };
        let (one, other) = (handler(TypeId::of::<u8>()), handler(TypeId::of::<u16>()));
        assert!(has_unique_name("app_id::page", one) && has_unique_name("app_id::page", one));
        assert!(!has_unique_name("app_id::page", other));
        assert!(!has_unique_name("app_id::page", one));
        assert!(has_unique_name("app_id::other", other));
    }
}
