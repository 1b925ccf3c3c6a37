//! Hit ratios with room for a tenth of all pages: `cargo xtask bench ratios`.
//!
//! This cache, moka and `quick_cache` use the same traces, weights and budget. Everything is derived from fixed seeds.

#![allow(clippy::unwrap_used)]

use actix_web::{
    App, HttpResponse,
    dev::Service as _,
    test::{TestRequest, init_service},
    web::{self, Bytes},
};
use cache_page::{Outcome, PageCache, cache_page};

const PAGES: usize = 100_000;
const REQUESTS: usize = 500_000;

#[cache_page(None)]
async fn page(lengths: web::Data<Vec<usize>>, number: web::Path<usize>) -> HttpResponse {
    static BYTES: [u8; 1 << 20] = [b'x'; 1 << 20];
    HttpResponse::Ok().body(Bytes::from_static(&BYTES[..lengths[*number % PAGES]]))
}

#[actix_web::main]
async fn main() {
    let lengths = lengths();
    let overhead = overhead(&lengths).await;
    let weights: Vec<u64> = lengths.iter().map(|length| (length + overhead) as u64).collect();
    let budget = weights.iter().sum::<u64>() / 10;
    println!(
        "hit ratios of {REQUESTS} requests for {PAGES} pages of {} bytes in total, in {budget} bytes",
        budget * 10
    );
    println!(
        "{:>10} {:>7} {:>11} {:>21}  {:>7} {:>7}  trace",
        "cache_page", "moka", "quick_cache", "over the better one", "SIEVE", "S3-FIFO"
    );
    for exponent in [0.7, 0.9, 1.1] {
        for (kind, what) in [
            (Kind::Constant, ""),
            (Kind::Scanned, ", with one scan of as many other pages"),
            (Kind::Drifting, ", with a changing set of hot pages"),
        ] {
            let trace = trace(exponent, kind);
            let own = own(&trace, &lengths, budget).await;
            let moka = moka(&trace, &weights, budget);
            let quick = quick(&trace, &weights, budget);
            let points = 100.0 * (own - moka.max(quick));
            let (sieve, s3_fifo) =
                (policies::sieve(&trace, &weights, budget), policies::s3_fifo(&trace, &weights, budget));
            println!(
                "{own:>10.4} {moka:>7.4} {quick:>11.4} {points:>+14.2} points  {sieve:>7.4} {s3_fifo:>7.4}  Zipf {exponent}{what}"
            );
        }
    }
}

/// Other eviction policies, as in their papers, without regard to size.
mod policies {
    use std::collections::{BTreeMap, HashMap, VecDeque};

    use super::{PAGES, ratio};

    pub(super) fn sieve(trace: &[usize], weights: &[u64], budget: u64) -> f64 {
        // Pages by age, with their visited flag. The hand moves from the oldest to the newest.
        let mut queue: BTreeMap<u64, (usize, bool)> = BTreeMap::new();
        let mut positions: HashMap<usize, u64> = HashMap::new();
        let (mut newest, mut hand, mut bytes) = (0, 0, 0);
        ratio(trace, |page| {
            if let Some(visited) = positions.get(&page).and_then(|position| queue.get_mut(position)) {
                visited.1 = true;
                return true;
            }
            while bytes + weights[page % PAGES] > budget {
                let next = queue.range(hand..).next().or_else(|| queue.iter().next());
                let Some((position, (other, visited))) = next.map(|(position, entry)| (*position, *entry))
                else {
                    break;
                };
                hand = position + 1;
                if visited {
                    queue.insert(position, (other, false));
                } else {
                    queue.remove(&position);
                    positions.remove(&other);
                    bytes -= weights[other % PAGES];
                }
            }
            newest += 1;
            queue.insert(newest, (page, false));
            positions.insert(page, newest);
            bytes += weights[page % PAGES];
            false
        })
    }

    pub(super) fn s3_fifo(trace: &[usize], weights: &[u64], budget: u64) -> f64 {
        let mut frequencies: HashMap<usize, u8> = HashMap::new();
        let (mut small, mut main) = (VecDeque::new(), VecDeque::new());
        let (mut small_bytes, mut main_bytes) = (0, 0);
        let mut ghosts = VecDeque::new();
        ratio(trace, |page| {
            if let Some(frequency) = frequencies.get_mut(&page) {
                *frequency = 3.min(*frequency + 1);
                return true;
            }
            let weight = weights[page % PAGES];
            while small_bytes + main_bytes + weight > budget {
                let from_small = small_bytes > budget / 10 || main.is_empty();
                let Some(other) = (if from_small { &mut small } else { &mut main }).pop_front() else {
                    break;
                };
                let weight = weights[other % PAGES];
                *(if from_small { &mut small_bytes } else { &mut main_bytes }) -= weight;
                let frequency = frequencies.remove(&other).unwrap_or(0);
                if frequency > 0 {
                    frequencies.insert(other, if from_small { 0 } else { frequency - 1 });
                    main.push_back(other);
                    main_bytes += weight;
                } else if from_small {
                    ghosts.push_back(other);
                    ghosts.drain(..ghosts.len().saturating_sub(frequencies.len()));
                }
            }
            frequencies.insert(page, 0);
            if ghosts.iter().rev().any(|ghost| *ghost == page) {
                main.push_back(page);
                main_bytes += weight;
            } else {
                small.push_back(page);
                small_bytes += weight;
            }
            false
        })
    }
}

struct Random(u64);

impl Random {
    /// Returns a number in `0.0..1.0` (xorshift64*).
    fn next(&mut self) -> f64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 11) as f64 / (1_u64 << 53) as f64
    }
}

/// Returns the body lengths: log-normal, around 4 KB.
fn lengths() -> Vec<usize> {
    let mut random = Random(7);
    let mut length = || {
        let normal =
            (-2.0 * (1.0 - random.next()).ln()).sqrt() * (std::f64::consts::TAU * random.next()).cos();
        ((4096_f64.ln() + normal).exp() as usize).clamp(100, 1 << 20)
    };
    (0..PAGES).map(|_| length()).collect()
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Constant,
    Scanned,
    Drifting,
}

fn trace(exponent: f64, kind: Kind) -> Vec<usize> {
    let mut sum = 0.0;
    let cumulative: Vec<f64> = (1..=PAGES)
        .map(|rank| {
            sum += (rank as f64).powf(-exponent);
            sum
        })
        .collect();
    let mut random = Random(42);
    let mut pages: Vec<usize> = (0..PAGES).collect();
    for position in (1..PAGES).rev() {
        pages.swap(position, (random.next() * (position + 1) as f64) as usize);
    }
    let mut trace = Vec::new();
    for number in 0..REQUESTS {
        let drawn = random.next() * sum;
        let rank = cumulative.partition_point(|sum| *sum < drawn).min(PAGES - 1);
        // Ten times in total, the ranks of all pages shift by a hundredth of the pages.
        let shift = if kind == Kind::Drifting { number * 10 / REQUESTS * (PAGES / 100) } else { 0 };
        trace.push(pages[(rank + shift) % PAGES]);
        if kind == Kind::Scanned && number % (REQUESTS / PAGES) == 0 {
            trace.push(PAGES + number / (REQUESTS / PAGES));
        }
    }
    trace
}

/// Returns the hit ratio of the requests that are not part of a scan.
fn ratio(trace: &[usize], mut is_hit: impl FnMut(usize) -> bool) -> f64 {
    let (mut hits, mut all) = (0, 0);
    for &page in trace {
        let hit = is_hit(page);
        if page < PAGES {
            all += 1;
            hits += u64::from(hit);
        }
    }
    hits as f64 / f64::from(all)
}

fn moka(trace: &[usize], weights: &[u64], budget: u64) -> f64 {
    let weigh = |_: &usize, weight: &u32| *weight;
    let cache = moka::sync::Cache::builder().weigher(weigh).max_capacity(budget).build();
    ratio(trace, |page| {
        let hit = cache.get(&page).is_some();
        if !hit {
            cache.insert(page, weights[page % PAGES] as u32);
        }
        cache.run_pending_tasks();
        hit
    })
}

#[derive(Clone)]
struct Weigh;

impl quick_cache::Weighter<usize, u64> for Weigh {
    fn weight(&self, _: &usize, weight: &u64) -> u64 {
        *weight
    }
}

fn quick(trace: &[usize], weights: &[u64], budget: u64) -> f64 {
    let cache = quick_cache::sync::Cache::with_weighter(PAGES / 10, budget, Weigh);
    ratio(trace, |page| {
        let hit = cache.get(&page).is_some();
        if !hit {
            cache.insert(page, weights[page % PAGES]);
        }
        hit
    })
}

async fn own(trace: &[usize], lengths: &[usize], budget: u64) -> f64 {
    let cache = PageCache::builder().max_bytes(budget as usize).build();
    let data = web::Data::new(lengths.to_vec());
    let app = App::new().app_data(cache.clone()).app_data(data);
    let app = init_service(app.route("/{number}", web::get().to(page))).await;
    let (mut hits, mut all) = (0, 0);
    for &page in trace {
        let before = if page < PAGES { cache.stats().count(Outcome::Hit) } else { 0 };
        let request = TestRequest::get().uri(&format!("/{page:06}")).to_request();
        drop(app.call(request).await.unwrap());
        if page < PAGES {
            all += 1;
            hits += cache.stats().count(Outcome::Hit) - before;
        }
    }
    assert!(cache.stats().bytes() as u64 <= budget);
    hits as f64 / f64::from(all)
}

/// Returns the bytes that a page takes in addition to its body.
async fn overhead(lengths: &[usize]) -> usize {
    let cache = PageCache::new();
    let data = web::Data::new(lengths.to_vec());
    let app = App::new().app_data(cache.clone()).app_data(data);
    let app = init_service(app.route("/{number}", web::get().to(page))).await;
    drop(app.call(TestRequest::get().uri("/000000").to_request()).await.unwrap());
    cache.stats().bytes() - lengths[0]
}
