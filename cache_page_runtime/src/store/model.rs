//! The store against a plain map.

use std::{collections::BTreeMap, time::Duration};

use actix_web::{
    http::{
        StatusCode,
        header::{HeaderName, HeaderValue},
    },
    test::TestRequest,
    web::Bytes,
};
use proptest::{collection::vec, option, prelude::*, sample::select};

use super::*;
use crate::store::{entry::Lifetime, eviction::SLACK, node::cost_of_key};
use crate::{
    KeyBuilder, Policy,
    http::StaleWindows,
    page::{Page, ResponseHead},
    purge::{PurgeKeys, PurgeSeq, RequestSubject, StableIds, Tag},
    time::{clock::Clock, manual::ManualClock},
};

const NAMES: [&str; 2] = ["x-a", "x-b"];

/// What a request says under the two names.
type Said = [Option<&'static str>; 2];

#[derive(Clone, Debug)]
enum Step {
    Put { key: u8, depends_on: [bool; 2], said: Said, length: usize, seconds: Option<u64> },
    Get { key: u8, said: Said },
    Wait { seconds: u64 },
    Purge(Meant),
}

/// What is purged: the pages with a tag, or all of them.
#[derive(Clone, Copy, Debug)]
enum Meant {
    Tag(u64),
    All,
}

/// Every page has one of so many tags, by its number.
const TAGS: u64 = 3;

fn tag_of(number: u64) -> Tag {
    Tag::new(&format!("tag:{}", number % TAGS))
}

fn about(tags: &[Tag]) -> Arc<PurgeKeys> {
    static POLICY: Policy = Policy::new("model", None);
    let request = TestRequest::with_uri("/page").to_http_request();
    RequestSubject::new(&request, POLICY.purge_subject(), PurgeSeq::now(), StableIds::Omit).with_tags(tags)
}

fn said() -> impl Strategy<Value = Said> {
    let value = || select(&[None, Some(""), Some("1"), Some("2")][..]);
    (value(), value()).prop_map(|(a, b)| [a, b])
}

fn steps(length: impl Strategy<Value = usize> + 'static) -> impl Strategy<Value = Vec<Step>> {
    let depends_on = select(&[[false, false], [true, false], [false, true], [true, true]][..]);
    let put = (0..4_u8, depends_on, said(), length, option::of(1..10_u64)).prop_map(
        |(key, depends_on, said, length, seconds)| Step::Put { key, depends_on, said, length, seconds },
    );
    let get = (0..4_u8, said()).prop_map(|(key, said)| Step::Get { key, said });
    let wait = (0..6_u64).prop_map(|seconds| Step::Wait { seconds });
    let what = prop_oneof![2 => (0..TAGS).prop_map(Meant::Tag), 1 => Just(Meant::All)];
    let purge = what.prop_map(Step::Purge);
    vec(prop_oneof![10 => put, 10 => get, 2 => wait, 1 => purge], 0..60)
}

fn names(depends_on: [bool; 2]) -> VaryNames {
    let wanted = NAMES.into_iter().zip(depends_on).filter(|(_, depends)| *depends);
    wanted.map(|(name, _)| HeaderName::from_static(name)).collect()
}

fn request(said: Said) -> HeaderMap {
    let lines = NAMES.into_iter().zip(said).filter_map(|(name, value)| Some((name, value?)));
    lines.map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value))).collect()
}

/// What is said under the names that count.
fn selected(said: Said, depends_on: [bool; 2]) -> [Option<Option<&'static str>>; 2] {
    [0, 1].map(|at| depends_on[at].then_some(said[at]))
}

struct World {
    store: Store,
    clock: ManualClock,
    made: u64,
}

impl World {
    fn new(max_bytes: usize) -> Self {
        Self { store: Store::new(max_bytes), clock: ManualClock::new(), made: 0 }
    }

    fn now(&self) -> Instant {
        Clock::Manual(self.clock.clone()).now()
    }

    fn with_key<T>(&self, key: u8, then: impl FnOnce(&Store, CacheKey<'_>) -> T) -> T {
        let request = TestRequest::default().to_http_request();
        let mut builder = KeyBuilder::new(&request);
        builder.bytes(&[key]);
        then(&self.store, builder.parts.key().unwrap())
    }

    fn get(&self, key: u8, said: Said) -> Result<u64, ForwardReason> {
        let found = self.with_key(key, |store, key| store.get(key, &request(said), self.now()));
        let found = found.map_err(|miss| miss.cause)?;
        Ok(u64::from_le_bytes(found.page.body()[..8].try_into().unwrap()))
    }

    /// Puts a page that is known by its number.
    fn put(
        &mut self,
        key: u8,
        depends_on: [bool; 2],
        said: Said,
        length: usize,
        seconds: Option<u64>,
    ) -> Result<u64, Reason> {
        self.made += 1;
        let mut body = self.made.to_le_bytes().to_vec();
        body.resize(8 + length, 0);
        let ttl = seconds.map(Duration::from_secs);
        let lifetime = Lifetime {
            created_at: self.now(),
            initial_age: Duration::ZERO,
            ttl,
            stale: StaleWindows::default(),
            fill_time: Duration::ZERO,
        };
        let head = ResponseHead {
            status: StatusCode::OK,
            reason: None,
            headers: &HeaderMap::new(),
            has_connection: false,
        };
        let about = about(&[tag_of(self.made)]);
        let page =
            Arc::new(Entry::new(Page::from_response(head, &[], Some(Bytes::from(body))), lifetime, about));
        let put = self.with_key(key, |store, key| store.put(key, names(depends_on), &request(said), page));
        put.map(|()| self.made)
    }

    fn purge(&self, what: Meant) -> usize {
        let target = match what {
            Meant::Tag(number) => LocalSelector::Tag(tag_of(number).key),
            Meant::All => LocalSelector::All,
        };
        self.store.purge(PurgeMode::Remove, &target, self.now())
    }

    /// What the pages under a key depend on.
    fn depends_on(&self, key: u8) -> [bool; 2] {
        match self.with_key(key, |store, key| store.what(key.as_bytes())) {
            Some((Slot::Variants(variants), _)) => {
                NAMES.map(|name| variants.names.iter().any(|there| *there == name))
            }
            _ => [false, false],
        }
    }

    /// What the store says of itself is what is there.
    fn check(&self) -> Result<(), TestCaseError> {
        let order = self.store.order();
        let is_kept = |node: &Arc<EntryNode>| {
            self.store.map.get(&*node.key).is_some_and(|kept| Arc::ptr_eq(&kept.key().0, node))
        };
        let (kept, gone): (Vec<_>, Vec<_>) = order.nodes().partition(|node| is_kept(node));
        prop_assert!(kept.iter().all(|node| !node.is_gone()) && gone.iter().all(|node| node.is_gone()));
        let weights: usize = kept.iter().map(|node| node.weight).sum();
        let keys: usize = gone.iter().map(|node| node.own_cost()).sum();
        prop_assert_eq!(
            order.bytes,
            weights + keys + order.ghost_bytes() + order.copies + order.index.bytes()
        );
        prop_assert_eq!(order.queued_bytes(), weights);
        prop_assert!(order.bytes <= self.store.max_bytes);
        prop_assert_eq!(order.keys, self.store.map.len());
        prop_assert!(kept.len() + gone.len() <= 2 * order.keys + SLACK);
        let is_page = |what: &Slot| matches!(what, Slot::Page(_) | Slot::Variant(..));
        let is_there = |node: &EntryNode, what: &Slot| is_page(what) && !node.is_purged();
        let there = self.store.map.iter().filter(|kept| is_there(&kept.key().0, kept.value()));
        prop_assert_eq!(order.pages, there.count());
        prop_assert!(order.index.is_of(&kept), "what is kept is in its lists, and nothing else is");
        for there in &self.store.map {
            let node = &there.key().0;
            let queued = kept.iter().filter(|known| Arc::ptr_eq(known, node));
            prop_assert_eq!(queued.count(), 1, "what is kept goes once, when it is its turn");
            if let Slot::Variant(_, variants) = there.value() {
                let known = variants.nodes();
                prop_assert!(known.len() <= MOST_VARIANTS);
                prop_assert_eq!(known.iter().filter(|known| Arc::ptr_eq(known, node)).count(), 1);
            }
        }
        Ok(())
    }
}

#[derive(Clone, Copy, Debug)]
struct Known {
    number: u64,
    until: Option<u64>,
}

/// What is under one key.
#[derive(Clone, Debug)]
enum Model {
    Page(Known),
    Variants([bool; 2], BTreeMap<[Option<Option<&'static str>>; 2], Known>),
}

fn look_up(model: &mut BTreeMap<u8, Model>, key: u8, said: Said, now: u64) -> Result<u64, ForwardReason> {
    let is_over = |known: Known| known.until.is_some_and(|until| until <= now);
    match model.get_mut(&key) {
        None => Err(ForwardReason::Miss),
        Some(Model::Page(known)) if !is_over(*known) => Ok(known.number),
        Some(Model::Page(_)) => {
            model.remove(&key);
            Err(ForwardReason::Stale)
        }
        Some(Model::Variants(depends_on, pages)) => {
            let selected = selected(said, *depends_on);
            match pages.get(&selected) {
                None => Err(ForwardReason::VaryMiss),
                Some(known) if !is_over(*known) => Ok(known.number),
                Some(_) => {
                    pages.remove(&selected);
                    Err(ForwardReason::Stale)
                }
            }
        }
    }
}

fn is_fresh(known: &Known, now: u64) -> bool {
    known.until.is_none_or(|until| now < until)
}

fn is_meant(what: Meant, number: u64) -> bool {
    match what {
        Meant::All => true,
        Meant::Tag(tag) => number % TAGS == tag,
    }
}

fn purge(model: &mut BTreeMap<u8, Model>, what: Meant) -> Vec<Known> {
    let mut went = Vec::new();
    model.retain(|_, kept| match kept {
        Model::Page(known) => {
            let goes = is_meant(what, known.number);
            went.extend(goes.then_some(*known));
            !goes
        }
        Model::Variants(_, pages) => {
            went.extend(pages.values().filter(|known| is_meant(what, known.number)));
            pages.retain(|_, known| !is_meant(what, known.number));
            // What they depend on goes with everything, and with nothing else.
            matches!(what, Meant::Tag(_))
        }
    });
    went
}

fn replace(model: &mut BTreeMap<u8, Model>, key: u8, depends_on: [bool; 2], said: Said, known: Known) {
    let (before, mut pages) = match model.remove(&key) {
        Some(Model::Variants(before, pages)) => (before, pages),
        _ if depends_on == [false, false] => return drop(model.insert(key, Model::Page(known))),
        _ => ([false, false], BTreeMap::new()),
    };
    let both = [0, 1].map(|at| before[at] || depends_on[at]);
    if both != before {
        pages.clear();
    }
    pages.insert(selected(said, both), known);
    model.insert(key, Model::Variants(both, pages));
}

proptest! {
    #[test]
    fn with_room_it_is_a_map(steps in steps(0..10_usize)) {
        let mut world = World::new(1 << 20);
        let mut model = BTreeMap::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Put { key, depends_on, said, length, seconds } => {
                    let number = world.put(key, depends_on, said, length, seconds).unwrap();
                    let until = seconds.map(|seconds| now + seconds);
                    replace(&mut model, key, depends_on, said, Known { number, until });
                }
                Step::Purge(what) => {
                    let went = world.purge(what);
                    let known = purge(&mut model, what);
                    // What was over may have been swept out before; and variants that nobody finds any more, because more
                    // names came to matter, go as well.
                    prop_assert!(known.iter().filter(|known| is_fresh(known, now)).count() <= went);
                }
                Step::Get { key, said } => {
                    match (world.get(key, said), look_up(&mut model, key, said, now)) {
                        // What is over may have been swept out before anybody saw it.
                        (Err(ForwardReason::Miss | ForwardReason::VaryMiss), Err(ForwardReason::Stale)) => {}
                        (found, known) => prop_assert_eq!(found, known),
                    }
                }
                Step::Wait { seconds } => {
                    world.clock.advance(Duration::from_secs(seconds));
                    now += seconds;
                }
            }
            world.check()?;
        }
    }

    /// Without enough room, pages may be gone, but none comes back in the place of a later one.
    #[test]
    fn without_room_it_forgets_and_errs_never(
        steps in steps(prop_oneof![4 => 0..300_usize, 1 => 0..4000_usize]),
        max_bytes in 500..6000_usize,
    ) {
        let mut world = World::new(max_bytes);
        // All that was kept, last first: key, what it depended on, what was said there, and the page.
        let mut kept: Vec<(u8, [bool; 2], Said, Known)> = Vec::new();
        let mut now = 0;
        for step in steps {
            match step {
                Step::Put { key, depends_on, said, length, seconds } => {
                    if let Ok(number) = world.put(key, depends_on, said, length, seconds) {
                        let until = seconds.map(|seconds| now + seconds);
                        let depends_on = world.depends_on(key);
                        kept.insert(0, (key, depends_on, said, Known { number, until }));
                        prop_assert_eq!(world.get(key, said), Ok(number), "what is kept is found");
                    }
                }
                Step::Purge(what) => {
                    world.purge(what);
                    // None of these may be found any more: their time is over.
                    for (.., known) in kept.iter_mut().filter(|(.., known)| is_meant(what, known.number)) {
                        known.until = Some(0);
                    }
                }
                Step::Get { key, said } => {
                    if let Ok(found) = world.get(key, said) {
                        let answers = |(at, depends_on, told, _): &&(u8, [bool; 2], Said, Known)| {
                            *at == key && selected(said, *depends_on) == selected(*told, *depends_on)
                        };
                        let (.., latest) = kept.iter().find(answers).unwrap();
                        prop_assert_eq!(latest.number, found);
                        prop_assert!(latest.until.is_none_or(|until| now < until));
                    }
                }
                Step::Wait { seconds } => {
                    world.clock.advance(Duration::from_secs(seconds));
                    now += seconds;
                }
            }
            world.check()?;
        }
    }

}

proptest! {
    // A run is long, and its steps differ little.
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn a_page_has_so_many_variants_and_no_more(values in vec(0..100_usize, 100..300), wait in 0..300_usize) {
        let mut world = World::new(1 << 20);
        let texts: Vec<&'static str> = (0..100).map(|value| &*format!("{value}").leak()).collect();
        let mut kept = BTreeMap::new();
        for (round, value) in values.into_iter().enumerate() {
            if round == wait {
                world.clock.advance(Duration::from_secs(10));
                kept.clear();
            }
            let put = world.put(0, [true, false], [Some(texts[value]), None], 0, Some(10));
            if kept.contains_key(&value) || kept.len() < MOST_VARIANTS {
                prop_assert!(put.is_ok());
                kept.insert(value, put.unwrap());
            } else {
                prop_assert_eq!(put, Err(Reason::TooManyVariants));
            }
        }
        world.check()?;
        for (value, number) in kept {
            prop_assert_eq!(world.get(0, [Some(texts[value]), None]), Ok(number));
        }
    }
}

/// Keys that nobody asks for again, as many as anybody may care to send.
#[test]
fn a_million_keys_stay_within_the_budget() {
    const BUDGET: usize = 1 << 20;
    let store = Store::new(BUDGET);
    let request = TestRequest::default().to_http_request();
    let page = endless();
    let mut most = 0;
    for number in 0..1_000_000_u32 {
        let mut builder = KeyBuilder::new(&request);
        builder.bytes(&number.to_le_bytes());
        let key = builder.parts.key().unwrap();
        store.put(key, VaryNames::new(), request.headers(), Arc::clone(&page)).unwrap();
        let order = store.order();
        assert!(order.bytes <= BUDGET);
        assert!(number % 1000 > 0 || order.nodes().count() < 10 * BUDGET / cost_of_key(&[]));
        most = most.max(order.bytes);
    }
    assert!(most > BUDGET * 9 / 10, "the budget is there to be used");
    assert_eq!(store.pages(), store.map.len());
}

/// Whoever asks while a page takes the place of another finds one of them: nobody is sent to the handler then.
#[test]
fn a_page_that_is_replaced_is_never_missing() {
    let store = Store::new(1 << 20);
    std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let request = TestRequest::default().to_http_request();
            let builder = KeyBuilder::new(&request);
            for _ in 0..50_000 {
                store
                    .put(builder.parts.key().unwrap(), VaryNames::new(), request.headers(), endless())
                    .unwrap();
            }
        });
        let request = TestRequest::default().to_http_request();
        let builder = KeyBuilder::new(&request);
        let get = || store.get(builder.parts.key().unwrap(), request.headers(), Clock::System.now());
        while get().is_err() && !writer.is_finished() {}
        let mut number = 0;
        while !writer.is_finished() {
            assert!(get().is_ok());
            number += 1;
        }
        assert!(number > 0, "nobody asked meanwhile");
    });
    assert_eq!((store.pages(), store.map.len()), (1, 1));
}

/// A page that is never stale.
fn endless() -> Arc<Entry> {
    let head = ResponseHead {
        status: StatusCode::OK,
        reason: None,
        headers: &HeaderMap::new(),
        has_connection: false,
    };
    let lifetime = Lifetime {
        created_at: Clock::System.now(),
        initial_age: Duration::ZERO,
        ttl: None,
        stale: StaleWindows::default(),
        fill_time: Duration::ZERO,
    };
    let about = about(&[]);
    Arc::new(Entry::new(Page::from_response(head, &[], Some(Bytes::from_static(b"page"))), lifetime, about))
}
