//! HandlerStats of what became of requests.
//!
//! A tally has one writer: it belongs to one thread, one cache and one handler, so that counting a hit writes nothing that
//! another worker reads. Whoever asks for the numbers adds up the tallies.

use std::{
    cell::RefCell,
    collections::BTreeMap,
    fmt,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use crate::{
    observe::report::{RefreshReport, Report},
    outcome::Outcome,
    policy::policy::Policy,
    remote::RemoteStats,
};

thread_local! {
    /// This thread's tallies, by the number of the handler's policy.
    static TALLIES: RefCell<Vec<Vec<Arc<ThreadCounters>>>> = const { RefCell::new(Vec::new()) };
}

struct ThreadCounters {
    cache: u64,
    handler: &'static str,
    counts: [AtomicU64; Outcome::COUNT],
    fills: AtomicU64,
    fill_nanos: AtomicU64,
    refreshes: AtomicU64,
}

impl ThreadCounters {
    /// Only the thread that the tally belongs to writes, so nothing is lost between the two.
    fn add(counter: &AtomicU64, more: u64) {
        counter.store(counter.load(Ordering::Relaxed).saturating_add(more), Ordering::Relaxed);
    }

    fn add_fill(&self, time: Duration) {
        Self::add(&self.fills, 1);
        Self::add(&self.fill_nanos, u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
    }
}

/// The counts of one cache.
pub(crate) struct Counters {
    cache: u64,
    tallies: Mutex<Vec<Arc<ThreadCounters>>>,
}

impl Counters {
    pub(crate) fn new() -> Self {
        static CACHES: AtomicU64 = AtomicU64::new(0);
        Self { cache: CACHES.fetch_add(1, Ordering::Relaxed), tallies: Mutex::default() }
    }

    pub(crate) fn count(&self, policy: &'static Policy, report: &Report) {
        self.with_tally(policy, |tally| {
            ThreadCounters::add(&tally.counts[report.outcome.index()], 1);
            if let Some(fill) = report.fill {
                tally.add_fill(fill);
            }
        });
    }

    pub(crate) fn count_refresh(&self, policy: &'static Policy, refresh: &RefreshReport) {
        self.with_tally(policy, |tally| {
            if let Some(fill) = refresh.fill {
                tally.add_fill(fill);
            }
            ThreadCounters::add(&tally.refreshes, u64::from(refresh.kept.is_ok()));
        });
    }

    fn with_tally(&self, policy: &'static Policy, count: impl FnOnce(&ThreadCounters)) {
        let Some(number) = policy.number() else { return };
        // A request that ends while its thread does is the one that is not counted.
        let _ = TALLIES.try_with(|tallies| {
            let tallies = &mut *tallies.borrow_mut();
            if tallies.len() <= number {
                tallies.resize_with(number + 1, Vec::new);
            }
            let own = &mut tallies[number];
            let position = own.iter().position(|tally| tally.cache == self.cache);
            let tally = match position {
                Some(position) => &own[position],
                None => {
                    // Those of caches that are gone are only held here.
                    own.retain(|tally| Arc::strong_count(tally) > 1);
                    own.push(self.tally(policy.handler()));
                    &own[own.len() - 1]
                }
            };
            count(tally);
        });
    }

    fn tally(&self, handler: &'static str) -> Arc<ThreadCounters> {
        let tally = Arc::new(ThreadCounters {
            cache: self.cache,
            handler,
            counts: [const { AtomicU64::new(0) }; Outcome::COUNT],
            fills: AtomicU64::new(0),
            fill_nanos: AtomicU64::new(0),
            refreshes: AtomicU64::new(0),
        });
        self.tallies.lock().unwrap_or_else(PoisonError::into_inner).push(Arc::clone(&tally));
        tally
    }

    pub(crate) fn stats(
        &self,
        pages: usize,
        bytes: usize,
        filling: usize,
        shared: Option<RemoteStats>,
    ) -> Stats {
        let mut handlers: BTreeMap<&'static str, HandlerStats> = BTreeMap::new();
        for tally in &*self.tallies.lock().unwrap_or_else(PoisonError::into_inner) {
            let counts = handlers.entry(tally.handler).or_default();
            for (sum, count) in counts.outcomes.iter_mut().zip(&tally.counts) {
                *sum += count.load(Ordering::Relaxed);
            }
            counts.fills += tally.fills.load(Ordering::Relaxed);
            counts.refreshes += tally.refreshes.load(Ordering::Relaxed);
            counts.fill_time += Duration::from_nanos(tally.fill_nanos.load(Ordering::Relaxed));
        }
        Stats { handlers, pages, bytes, filling, shared }
    }
}

/// What became of all requests to the handlers of a cache so far, and what it holds.
///
/// Every request is in exactly one [`Outcome`], so the counts add up.
///
/// ```
/// use cache_page::{Outcome, PageCache};
///
/// let stats = PageCache::new().stats();
/// assert_eq!(stats.requests(), 0);
/// for (handler, counts) in stats.handlers() {
///     println!("{handler}: {} hits of {}", counts.of(Outcome::Hit), counts.requests());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Stats {
    handlers: BTreeMap<&'static str, HandlerStats>,
    pages: usize,
    bytes: usize,
    filling: usize,
    shared: Option<RemoteStats>,
}

impl Stats {
    /// What the shared tier did and did not do, where there is one.
    #[must_use]
    pub fn remote(&self) -> Option<&RemoteStats> {
        self.shared.as_ref()
    }

    /// Requests of that outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.handlers.values().map(|counts| counts.count(outcome)).sum()
    }

    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.handlers.values().map(HandlerStats::requests).sum()
    }

    /// The counts by handler, in the order of their names.
    pub fn handlers(&self) -> impl Iterator<Item = (&'static str, &HandlerStats)> {
        self.handlers.iter().map(|(name, counts)| (*name, counts))
    }

    /// Pages that are kept now, each variant of one counted.
    #[must_use]
    pub fn pages(&self) -> usize {
        self.pages
    }

    /// Pages that handlers are making at the moment, for whoever asks for them meanwhile.
    #[must_use]
    pub fn fills_in_flight(&self) -> usize {
        self.filling
    }

    /// What the pages take, in bytes, as [`max_bytes`](crate::PageCacheBuilder::max_bytes) counts them.
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }
}

/// What became of the requests to one handler.
#[derive(Clone)]
pub struct HandlerStats {
    outcomes: [u64; Outcome::COUNT],
    fills: u64,
    refreshes: u64,
    fill_time: Duration,
}

impl Default for HandlerStats {
    fn default() -> Self {
        Self { outcomes: [0; Outcome::COUNT], fills: 0, refreshes: 0, fill_time: Duration::ZERO }
    }
}

impl HandlerStats {
    /// Requests of that outcome.
    #[must_use]
    pub fn count(&self, outcome: Outcome) -> u64 {
        self.outcomes[outcome.index()]
    }

    /// All requests.
    #[must_use]
    pub fn requests(&self) -> u64 {
        self.outcomes.iter().sum()
    }

    /// How often the handler ran to its end, in the background or for a request.
    #[must_use]
    pub fn fills(&self) -> u64 {
        self.fills
    }

    /// How often it made a page anew in the background. Nobody waited for that, so it is no request.
    #[must_use]
    pub fn refreshes(&self) -> u64 {
        self.refreshes
    }

    /// How long the handler took, all its runs together.
    #[must_use]
    pub fn fill_time(&self) -> Duration {
        self.fill_time
    }
}

impl fmt::Debug for HandlerStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counted =
            Outcome::all().map(|outcome| (outcome, self.count(outcome))).filter(|(_, count)| *count > 0);
        f.debug_map().entries(counted).finish()
    }
}
