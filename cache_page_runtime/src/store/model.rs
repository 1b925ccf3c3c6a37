//! Compares the store with a plain map, for random sequences of operations.

use std::{collections::BTreeMap, time::Duration};

use actix_web::http::header::{HeaderName, HeaderValue};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::{
    super::{
        consistency::check,
        fixtures::{entry, is_revalidatable, new_store, with_request},
        variants::MAX_VARIANTS,
    },
    *,
};
use crate::{
    KeyBuilder,
    purge::Tag,
    time::{Clock, ManualClock},
};

/// The request headers that pages may vary by.
const NAMES: [&str; 2] = ["x-a", "x-b"];

/// The values of these headers in a request.
type Values = [Option<&'static str>; 2];

/// Which of these headers a page varies by.
type Varies = [bool; 2];

#[derive(Clone, Debug)]
enum Step {
    Put { key: u8, varies: Varies, values: Values, length: usize, ttl: Option<u64> },
    Get { key: u8, values: Values },
    Wait { seconds: u64 },
    Purge(Selector),
}

#[derive(Clone, Copy, Debug)]
enum Selector {
    Tag(u64),
    All,
}

impl Selector {
    fn matches(self, number: u64) -> bool {
        match self {
            Self::All => true,
            Self::Tag(tag) => number % TAGS == tag,
        }
    }
}

/// The number of different tags. A page has one of them, by its number.
const TAGS: u64 = 3;

fn tag(number: u64) -> Tag {
    Tag::new(&format!("tag:{}", number % TAGS))
}

fn values() -> impl Strategy<Value = Values> {
    let value = || select(&[None, Some(""), Some("1"), Some("2")][..]);
    (value(), value()).prop_map(|(a, b)| [a, b])
}

fn steps(length: impl Strategy<Value = usize> + 'static) -> impl Strategy<Value = Vec<Step>> {
    let varies = select(&[[false, false], [true, false], [false, true], [true, true]][..]);
    let put = (0..4_u8, varies, values(), length, option::of(1..10_u64))
        .prop_map(|(key, varies, values, length, ttl)| Step::Put { key, varies, values, length, ttl });
    let get = (0..4_u8, values()).prop_map(|(key, values)| Step::Get { key, values });
    let wait = (0..6_u64).prop_map(|seconds| Step::Wait { seconds });
    let selector = prop_oneof![2 => (0..TAGS).prop_map(Selector::Tag), 1 => Just(Selector::All)];
    let purge = selector.prop_map(Step::Purge);
    vec(prop_oneof![10 => put, 10 => get, 2 => wait, 1 => purge], 0..60)
}

fn names(varies: Varies) -> VaryNames {
    let names = NAMES.into_iter().zip(varies).filter(|(_, varies)| *varies);
    names.map(|(name, _)| HeaderName::from_static(name)).collect()
}

fn request(values: Values) -> HeaderMap {
    let lines = NAMES.into_iter().zip(values).filter_map(|(name, value)| Some((name, value?)));
    lines.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// Returns the values of the headers that a page varies by.
fn selected(values: Values, varies: Varies) -> [Option<Option<&'static str>>; 2] {
    [0, 1].map(|index| varies[index].then_some(values[index]))
}

/// A store whose pages have their number as the first eight bytes of the body.
struct World {
    store: Arc<Store>,
    clock: ManualClock,
    pages: u64,
}

impl World {
    fn new(max_bytes: usize) -> Self {
        Self { store: Arc::new(new_store(max_bytes)), clock: ManualClock::new(), pages: 0 }
    }

    fn now(&self) -> Instant {
        Clock::Manual(self.clock.clone()).now()
    }

    fn with_key<T>(&self, key: u8, f: impl FnOnce(&Store, CacheKey<'_>) -> T) -> T {
        with_request(|request| {
            let mut builder = KeyBuilder::new(request);
            builder.bytes(&[key]);
            f(&self.store, builder.parts.key().unwrap())
        })
    }

    fn get(&self, key: u8, values: Values) -> Result<u64, ForwardReason> {
        let found = self.with_key(key, |store, key| store.get(key, &request(values), self.now()));
        let found = found.map_err(|miss| miss.cause)?;
        Ok(u64::from_le_bytes(found.page.body()[..8].try_into().unwrap()))
    }

    fn put(
        &mut self,
        key: u8,
        varies: Varies,
        values: Values,
        length: usize,
        ttl: Option<u64>,
    ) -> Result<u64, Reason> {
        self.pages += 1;
        let mut body = self.pages.to_le_bytes().to_vec();
        body.resize(8 + length, 0);
        let entry = entry(body.into(), self.now(), ttl.map(Duration::from_secs), &[tag(self.pages)]);
        let put = self.with_key(key, |store, key| store.put(key, names(varies), &request(values), entry));
        put.map(|()| self.pages)
    }

    fn purge(&self, selector: Selector) -> usize {
        let selector = match selector {
            Selector::Tag(number) => LocalSelector::Tag(tag(number).key),
            Selector::All => LocalSelector::All,
        };
        self.store.purge(PurgeMode::Remove, &selector, self.now()).entries()
    }

    fn varies(&self, key: u8) -> Varies {
        let names = self.with_key(key, Store::vary_names);
        NAMES.map(|name| names.iter().any(|stored| *stored == name))
    }
}

#[derive(Clone, Copy, Debug)]
struct ModelEntry {
    number: u64,
    expires_at: Option<u64>,
    is_revalidatable: bool,
}

impl ModelEntry {
    fn is_expired(&self, now: u64) -> bool {
        self.expires_at.is_some_and(|expires_at| expires_at <= now)
    }
}

/// What is stored under one key.
#[derive(Clone, Debug)]
enum ModelSlot {
    Entry(ModelEntry),
    Variants(Varies, BTreeMap<[Option<Option<&'static str>>; 2], ModelEntry>),
}

/// The plain map that the store is compared with.
#[derive(Default)]
struct Model(BTreeMap<u8, ModelSlot>);

impl Model {
    fn get(&self, key: u8, values: Values) -> Result<ModelEntry, ForwardReason> {
        match self.0.get(&key) {
            None => Err(ForwardReason::Miss),
            Some(ModelSlot::Entry(entry)) => Ok(*entry),
            Some(ModelSlot::Variants(varies, entries)) => {
                entries.get(&selected(values, *varies)).copied().ok_or(ForwardReason::VaryMiss)
            }
        }
    }

    fn put(&mut self, key: u8, varies: Varies, values: Values, entry: ModelEntry) {
        let (before, mut entries) = match self.0.remove(&key) {
            Some(ModelSlot::Variants(before, entries)) => (before, entries),
            _ if varies == [false, false] => {
                self.0.insert(key, ModelSlot::Entry(entry));
                return;
            }
            _ => ([false, false], BTreeMap::new()),
        };
        let varies = [0, 1].map(|index| before[index] || varies[index]);
        if varies != before {
            entries.clear();
        }
        entries.insert(selected(values, varies), entry);
        self.0.insert(key, ModelSlot::Variants(varies, entries));
    }

    /// Removes the matching entries, and returns them.
    fn purge(&mut self, selector: Selector) -> Vec<ModelEntry> {
        let mut purged = Vec::new();
        self.0.retain(|_, slot| match slot {
            ModelSlot::Entry(entry) => {
                let matches = selector.matches(entry.number);
                purged.extend(matches.then_some(*entry));
                !matches
            }
            ModelSlot::Variants(_, entries) => {
                purged.extend(entries.values().filter(|entry| selector.matches(entry.number)));
                entries.retain(|_, entry| !selector.matches(entry.number));
                // Only a purge of everything removes the names.
                matches!(selector, Selector::Tag(_))
            }
        });
        purged
    }
}

proptest! {
    #[test]
    fn store_with_room_behaves_as_a_map(steps in steps(0..10_usize)) {
        let mut world = World::new(1 << 20);
        let mut model = Model::default();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Put { key, varies, values, length, ttl } => {
                    let number = world.put(key, varies, values, length, ttl).unwrap();
                    let is_revalidatable = is_revalidatable(8 + length);
                    let entry = ModelEntry { number, expires_at: ttl.map(|ttl| now + ttl), is_revalidatable };
                    model.put(key, varies, values, entry);
                }
                Step::Purge(selector) => {
                    let purged = world.purge(selector);
                    let expected = model.purge(selector);
                    // The store may have removed expired entries before, and it also purges variants by fewer names.
                    prop_assert!(expected.iter().filter(|entry| !entry.is_expired(now)).count() <= purged);
                }
                Step::Get { key, values } => {
                    match (world.get(key, values), model.get(key, values)) {
                        (Err(ForwardReason::Stale), Ok(entry)) => prop_assert!(entry.is_expired(now)),
                        // The store may have removed an expired entry before a request found it.
                        (Err(_), Ok(entry)) => {
                            prop_assert!(entry.is_expired(now) && !entry.is_revalidatable);
                        }
                        (Ok(number), Ok(entry)) => {
                            prop_assert!(number == entry.number && !entry.is_expired(now));
                        }
                        (found, Err(expected)) => prop_assert_eq!(found, Err(expected)),
                    }
                }
                Step::Wait { seconds } => {
                    world.clock.advance(Duration::from_secs(seconds));
                    now += seconds;
                }
            }
            check(&world.store)?;
        }
    }

    /// Entries may be evicted, but no entry is found in the place of a later one.
    #[test]
    fn store_without_room_never_returns_a_wrong_entry(
        steps in steps(prop_oneof![4 => 0..300_usize, 1 => 0..4000_usize]),
        max_bytes in 500..6000_usize,
    ) {
        let mut world = World::new(max_bytes);
        // Everything that was stored, the latest first.
        let mut history: Vec<(u8, Varies, Values, ModelEntry)> = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Put { key, varies, values, length, ttl } => {
                    if let Ok(number) = world.put(key, varies, values, length, ttl) {
                        let expires_at = ttl.map(|ttl| now + ttl);
                        let entry = ModelEntry { number, expires_at, is_revalidatable: false };
                        history.insert(0, (key, world.varies(key), values, entry));
                        prop_assert_eq!(world.get(key, values), Ok(number), "what is stored is found");
                    }
                }
                Step::Purge(selector) => {
                    world.purge(selector);
                    for (.., entry) in history.iter_mut().filter(|(.., entry)| selector.matches(entry.number)) {
                        entry.expires_at = Some(0);
                    }
                }
                Step::Get { key, values } => {
                    if let Ok(found) = world.get(key, values) {
                        let matches = |(stored, varies, stored_values, _): &&(u8, Varies, Values, ModelEntry)| {
                            *stored == key && selected(values, *varies) == selected(*stored_values, *varies)
                        };
                        let (.., latest) = history.iter().find(matches).unwrap();
                        prop_assert_eq!(latest.number, found);
                        prop_assert!(!latest.is_expired(now));
                    }
                }
                Step::Wait { seconds } => {
                    world.clock.advance(Duration::from_secs(seconds));
                    now += seconds;
                }
            }
            check(&world.store)?;
        }
    }
}

proptest! {
    // One run has many steps of the same kind.
    #![proptest_config(ProptestConfig::with_cases(if cfg!(miri) { 1 } else { 16 }))]

    #[test]
    fn page_has_a_limited_number_of_variants(
        values in vec(1..100_usize, 100..300),
        wait in 0..300_usize,
        ttl in option::of(Just(10)),
    ) {
        let mut world = World::new(1 << 20);
        let texts: Vec<&'static str> = (0..100).map(|value| &*format!("{value}").leak()).collect();
        let mut stored = BTreeMap::new();
        let mut popular = None;
        for (step, value) in values.into_iter().enumerate() {
            if step == wait {
                world.clock.advance(Duration::from_secs(10));
            }
            let popular_values = [Some(texts[0]), None];
            if world.get(0, popular_values).is_err() {
                prop_assert!(popular.is_none() || ttl.is_some() && step == wait, "a popular variant stays");
                popular = Some(world.put(0, [true, false], popular_values, 0, ttl).unwrap());
            }
            let number = world.put(0, [true, false], [Some(texts[value]), None], 0, ttl).unwrap();
            prop_assert_eq!(world.get(0, [Some(texts[value]), None]), Ok(number), "what is stored is found");
            stored.insert(value, number);
            prop_assert!(world.store.entry_count() <= MAX_VARIANTS);
        }
        check(&world.store)?;
        for (value, number) in stored {
            let found = world.get(0, [Some(texts[value]), None]);
            prop_assert!(found == Ok(number) || found.is_err());
        }
    }
}
