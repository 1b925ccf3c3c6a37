//! Pages that depend on request headers that only their handler knows of: it names them in `Vary`.

use std::{
    sync::{Arc, RwLock},
    time::Duration,
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpRequest, HttpResponse,
    dev::{Service, ServiceResponse},
    http::{Method, header::HeaderName},
    test::init_service,
    web,
};
use cache_page::{PageCache, PageCacheBuilder, cache_page, testing::ManualClock};

use crate::legacy::{Answer, Runs, asking, send};

/// The lines of `Vary` that the handler sends.
#[derive(Clone, Default)]
struct Told(Arc<RwLock<&'static [&'static str]>>);

impl Told {
    fn set(&self, lines: &'static [&'static str]) {
        *self.0.write().unwrap() = lines;
    }
}

/// The page is what the handler sees of `x-a`, `x-b` and `cookie`.
#[cache_page(60)]
async fn page(
    #[unkeyed] request: HttpRequest,
    #[unkeyed] told: web::Data<Told>,
    runs: web::Data<Runs>,
) -> HttpResponse {
    runs.count();
    let mut response = HttpResponse::Ok();
    for line in *told.0.read().unwrap() {
        response.append_header(("vary", *line));
    }
    let padding = request.uri().query().and_then(|length| length.parse().ok()).unwrap_or(0);
    response.body(format!("{} {}", seen(&request), "x".repeat(padding)))
}

fn seen(request: &HttpRequest) -> String {
    let lines = |name: &'static str| {
        let lines = request.headers().get_all(HeaderName::from_static(name));
        lines.map(|line| line.to_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    format!("{:?} {:?} {:?}", lines("x-a"), lines("x-b"), lines("cookie"))
}

struct Site<S> {
    app: S,
    told: Told,
    runs: Runs,
    clock: ManualClock,
    cache: PageCache,
}

async fn site(
    told: &'static [&'static str],
) -> Site<impl Service<Request, Response = ServiceResponse, Error = Error>> {
    site_with(PageCache::builder(), told).await
}

async fn site_with(
    cache: PageCacheBuilder,
    first: &'static [&'static str],
) -> Site<impl Service<Request, Response = ServiceResponse, Error = Error>> {
    let (told, runs, clock) = (Told::default(), Runs::default(), ManualClock::new());
    told.set(first);
    let cache = cache.clock(clock.clone()).build();
    let app = App::new()
        .app_data(cache.clone())
        .app_data(web::Data::new(told.clone()))
        .app_data(web::Data::new(runs.clone()))
        .default_service(web::to(page));
    Site { app: init_service(app).await, told, runs, clock, cache }
}

impl<S: Service<Request, Response = ServiceResponse, Error = Error>> Site<S> {
    async fn ask(&self, lines: &[(&str, &str)]) -> Answer {
        self.ask_at("/", lines).await
    }

    async fn ask_at(&self, uri: &str, lines: &[(&str, &str)]) -> Answer {
        send(&self.app, asking(uri, lines)).await
    }
}

const STORED: &str = "cache_page; fwd=miss; stored; ttl=60";
const ANOTHER_STORED: &str = "cache_page; fwd=vary-miss; stored; ttl=60";

#[actix_web::test]
async fn a_page_for_each_value() {
    let site = site(&["x-a"]).await;
    let sets: [&[(&str, &str)]; 7] = [
        &[],
        &[("x-a", "")],
        &[("x-a", "1")],
        &[("x-a", "2")],
        &[("x-a", "1"), ("x-a", "2")],
        &[("x-a", "2"), ("x-a", "1")],
        &[("x-a", "1"), ("x-a", "1")],
    ];
    let mut made = Vec::new();
    for (position, lines) in sets.into_iter().enumerate() {
        let answer = site.ask(lines).await;
        assert_eq!(answer.outcome(), if position == 0 { STORED } else { ANOTHER_STORED }, "{lines:?}");
        assert_eq!(answer.header("vary").as_deref(), Some("x-a"));
        made.push(answer.body);
    }
    for (lines, made) in sets.into_iter().zip(made) {
        let answer = site.ask(lines).await;
        assert_eq!((answer.is_hit(), answer.body), (true, made), "{lines:?}");
        let more: Vec<_> = lines.iter().copied().chain([("x-b", "9"), ("cookie", "a=1")]).collect();
        assert!(site.ask(&more).await.is_hit(), "other headers do not matter");
        let head = send(&site.app, asking("/", lines).method(Method::HEAD)).await;
        assert!(head.is_hit());
    }
    assert_eq!(site.runs.get(), 7);
    assert_eq!(site.cache.stats().pages(), 7);
}

#[actix_web::test]
async fn how_the_names_are_written_does_not_matter() {
    let spellings: [&[&str]; 7] = [
        &["x-a, x-b"],
        &["X-B,X-A"],
        &[" x-b ,\tX-a "],
        &["x-a", "x-b"],
        &["x-b", "", "x-a"],
        &["x-a,,x-b,x-a"],
        &["x-a, x-b"],
    ];
    let site = site(spellings[0]).await;
    for (number, spelling) in spellings.into_iter().enumerate() {
        site.told.set(spelling);
        assert!(site.ask(&[("x-a", &number.to_string())]).await.is_stored());
    }
    // None of them was taken for other headers, which would have hidden the variants before.
    for number in 0..spellings.len() {
        assert!(site.ask(&[("x-a", &number.to_string())]).await.is_hit(), "{number}");
    }
    assert!(!site.ask(&[("x-b", "0")]).await.is_hit());
}

#[actix_web::test]
async fn how_the_lines_of_a_request_are_split_does_not_matter() {
    let site = site(&["x-a, cookie"]).await;
    let alike: [[&[(&str, &str)]; 2]; 4] = [
        [&[("x-a", "1"), ("x-a", "2")], &[("x-a", "1, 2")]],
        [&[("x-a", " 3 ")], &[("x-a", "3")]],
        [&[("cookie", "a=1"), ("cookie", "b=2")], &[("cookie", "a=1; b=2")]],
        [&[("x-a", "4"), ("cookie", "c=3")], &[("cookie", "c=3"), ("x-a", "4")]],
    ];
    for [one, other] in alike {
        assert!(site.ask(one).await.is_stored(), "{one:?}");
        assert!(site.ask(other).await.is_hit(), "{other:?}");
    }
    let apart: [&[(&str, &str)]; 5] = [
        &[("x-a", "a=1; b=2")],
        &[("cookie", "a=1, b=2")],
        &[("cookie", "b=2; a=1")],
        &[("x-a", "1"), ("cookie", "")],
        &[("x-a", ""), ("cookie", "1")],
    ];
    for lines in apart {
        assert!(site.ask(lines).await.is_stored(), "{lines:?}");
    }
}

/// Whoever names fewer headers than others did takes nothing back.
#[actix_web::test]
async fn the_names_only_grow() {
    let site = site(&["x-a"]).await;
    assert!(site.ask(&[("x-a", "1"), ("x-b", "1")]).await.is_stored());
    site.told.set(&["x-b"]);
    assert!(site.ask(&[("x-a", "2"), ("x-b", "1")]).await.is_stored());
    let after: [&[&str]; 4] = [&[], &["x-a"], &["x-b"], &["x-b, x-a"]];
    for round in 0..3 {
        for a in 1..=6 {
            for b in 1..=6 {
                site.told.set(after[(a + b) % after.len()]);
                let (a, b) = (a.to_string(), b.to_string());
                let answer = site.ask(&[("x-a", &a), ("x-b", &b)]).await;
                assert!(answer.text().starts_with(&format!("[{a:?}] [{b:?}]")), "{a} {b}: {}", answer.text());
                if round > 0 {
                    assert!(answer.is_hit(), "{a} {b}");
                }
            }
        }
    }
    // Also after every page's time is over.
    site.clock.advance(Duration::from_secs(60));
    site.told.set(&[]);
    for a in ["1", "7", "8"] {
        let answer = site.ask(&[("x-a", a), ("x-b", "1")]).await;
        assert!(answer.is_stored() && answer.text().starts_with(&format!("[{a:?}]")), "{}", answer.text());
    }
}

/// Before anybody named a header, a page was for everybody; from then on, it is not.
#[actix_web::test]
async fn a_page_for_everybody_may_become_variants() {
    let site = site(&[]).await;
    assert_eq!(site.ask(&[("x-a", "1")]).await.outcome(), STORED);
    assert!(site.ask(&[("x-a", "2")]).await.is_hit());
    site.clock.advance(Duration::from_secs(60));
    site.told.set(&["x-a"]);
    assert_eq!(site.ask(&[("x-a", "2")]).await.outcome(), "cache_page; fwd=stale; stored; ttl=60");
    for a in ["1", "3"] {
        let answer = site.ask(&[("x-a", a)]).await;
        assert_eq!(answer.outcome(), ANOTHER_STORED);
        assert!(answer.text().starts_with(&format!("[{a:?}]")));
    }
    assert_eq!(site.cache.stats().pages(), 3);
}

#[actix_web::test]
async fn what_depends_on_everything_is_never_kept() {
    let site = site(&["x-a"]).await;
    assert!(site.ask(&[("x-a", "1")]).await.is_stored());
    let everything: [&[&str]; 3] = [&["*"], &["x-a, *"], &["x-a", " * "]];
    for lines in everything {
        site.told.set(lines);
        for _ in 0..2 {
            let answer = site.ask(&[("x-a", "2")]).await;
            assert_eq!(answer.outcome(), "cache_page; fwd=vary-miss; detail=vary");
            assert_eq!(answer.header("cache-control"), None);
        }
    }
    assert!(site.ask(&[("x-a", "1")]).await.is_hit(), "what was kept before stays");
}

/// Clients choose what they say, and could fill the cache with one page.
#[actix_web::test]
async fn there_are_only_so_many_variants() {
    const MOST: usize = 64;
    let site = site(&["x-a"]).await;
    let value = |number: usize| number.to_string();
    for number in 0..MOST {
        assert!(site.ask(&[("x-a", &value(number))]).await.is_stored(), "{number}");
    }
    for _ in 0..2 {
        let answer = site.ask(&[("x-a", "more")]).await;
        assert_eq!(answer.outcome(), "cache_page; fwd=vary-miss; detail=too-many-variants");
        assert_eq!(answer.header("cache-control"), None);
        assert!(answer.text().starts_with("[\"more\"]"));
    }
    assert_eq!(site.cache.stats().pages(), MOST);
    assert!(site.ask_at("/other", &[("x-a", "more")]).await.is_stored(), "other pages have their own");
    for number in 0..MOST {
        assert!(site.ask(&[("x-a", &value(number))]).await.is_hit(), "{number}");
    }
    // A place is free again once a variant's time is over, whether anybody asks for that one or not.
    site.clock.advance(Duration::from_secs(60));
    for number in MOST..2 * MOST {
        assert!(site.ask(&[("x-a", &value(number))]).await.is_stored(), "{number}");
    }
    assert!(site.ask(&[("x-a", "more")]).await.outcome().ends_with("detail=too-many-variants"));
    for number in MOST..2 * MOST {
        assert!(site.ask(&[("x-a", &value(number))]).await.is_hit(), "{number}");
    }
}

/// A variant that is made again takes no place of another.
#[actix_web::test]
async fn a_variant_made_again_counts_once() {
    let site = site(&["x-a"]).await;
    for _ in 0..100 {
        assert!(site.ask(&[("x-a", "1")]).await.is_stored());
        assert!(site.ask(&[("x-a", "2")]).await.is_stored());
        site.clock.advance(Duration::from_secs(60));
    }
    for number in 1..=64 {
        assert!(site.ask(&[("x-a", &number.to_string())]).await.is_stored(), "{number}");
    }
}

#[actix_web::test]
async fn variants_within_a_small_budget() {
    const BUDGET: usize = 30_000;
    let site = site_with(PageCache::builder().max_bytes(BUDGET), &["x-a"]).await;
    for number in 0..500 {
        let value = number.to_string();
        let lines = [("x-a", value.as_str())];
        assert!(site.ask_at("/?1000", &lines).await.is_stored(), "{number}");
        let bytes = site.cache.stats().bytes();
        assert!(bytes <= BUDGET, "{bytes}");
        let again = site.ask_at("/?1000", &lines).await;
        assert!(again.is_hit(), "the newest stays: {number} {}", again.outcome());
        assert!(again.text().starts_with(&format!("[{value:?}]")));
    }
    assert!(site.cache.stats().bytes() > BUDGET / 2, "the budget is there to be used");
    assert!(!site.ask_at("/?1000", &[("x-a", "0")]).await.is_hit(), "the oldest went");

    // Many pages of a few variants each.
    for number in 0..200 {
        let uri = format!("/{number}?1000");
        for a in ["1", "2", "3"] {
            assert!(site.ask_at(&uri, &[("x-a", a)]).await.is_stored());
            assert!(site.ask_at(&uri, &[("x-a", a)]).await.text().starts_with(&format!("[{a:?}]")));
            assert!(site.cache.stats().bytes() <= BUDGET);
        }
    }
}

/// What is asked for stays, with the names that it is found by; what nobody asks for makes room.
#[actix_web::test]
async fn a_variant_that_is_asked_for_outlives_the_others() {
    let site = site_with(PageCache::builder().max_bytes(20_000), &["x-a"]).await;
    for a in ["1", "2", "3"] {
        assert!(site.ask_at("/?1000", &[("x-a", a)]).await.is_stored());
    }
    // Does not keep anything.
    let is_hit =
        async |a: &str| send(&site.app, asking("/?1000", &[("x-a", a)]).method(Method::HEAD)).await.is_hit();
    for number in 0..200 {
        assert!(site.ask_at(&format!("/{number}?500"), &[]).await.is_stored());
        assert!(is_hit("2").await, "{number}");
    }
    assert!(!is_hit("1").await && !is_hit("3").await);
}

/// However many other pages came since, and whichever of its parts went for them.
#[actix_web::test]
async fn a_variant_is_found_once_it_is_made_again() {
    for others in 0..30 {
        let site = site_with(PageCache::builder().max_bytes(20_000), &["x-a"]).await;
        assert!(site.ask_at("/?1000", &[("x-a", "1")]).await.is_stored());
        for number in 0..others {
            assert!(site.ask_at(&format!("/{number}?500"), &[]).await.is_stored());
        }
        site.clock.advance(Duration::from_secs(60));
        assert!(site.ask_at("/?1000", &[("x-a", "1")]).await.is_stored());
        assert!(site.ask_at("/?1000", &[("x-a", "1")]).await.is_hit(), "{others}");
        assert!(site.cache.stats().bytes() <= 20_000);
    }
}

/// In a cache that has no room for much more than the names.
#[actix_web::test]
async fn a_budget_of_next_to_nothing() {
    for budget in (0..3000).step_by(50) {
        let site = site_with(PageCache::builder().max_bytes(budget).max_body(budget), &["x-a"]).await;
        for number in 0..50 {
            let (a, length) = ((number % 3).to_string(), 100 * (number % 5));
            let answer = site.ask_at(&format!("/?{length}"), &[("x-a", &a)]).await;
            assert!(answer.text().starts_with(&format!("[{a:?}]")), "{budget} {}", answer.text());
            assert!(site.cache.stats().bytes() <= budget);
        }
    }
}

/// What the key covers needs no second look.
#[actix_web::test]
async fn headers_that_the_key_covers() {
    #[cache_page(60, vary = ["x-a"])]
    async fn covered(#[unkeyed] request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header(("vary", "X-A, x-b")).body(seen(&request))
    }
    let cache = PageCache::new();
    let app = init_service(App::new().app_data(cache).default_service(web::to(covered))).await;
    for (lines, outcome) in [
        ([("x-a", "1"), ("x-b", "1")], STORED),
        ([("x-a", "2"), ("x-b", "1")], STORED),
        ([("x-a", "2"), ("x-b", "2")], ANOTHER_STORED),
        ([("x-a", "1"), ("x-b", "2")], ANOTHER_STORED),
    ] {
        assert_eq!(send(&app, asking("/", &lines)).await.outcome(), outcome, "{lines:?}");
    }
    let answer = send(&app, asking("/", &[("x-a", "1"), ("x-b", "1")])).await;
    assert!(answer.is_hit());
    assert_eq!(answer.header("vary").as_deref(), Some("X-A, x-b"), "named once is enough");
}

/// Part of a cookie header in the key is not all of it.
#[actix_web::test]
async fn one_cookie_in_the_key_does_not_cover_the_others() {
    #[cache_page(60, vary_cookie = ["theme"])]
    async fn themed(#[unkeyed] request: HttpRequest) -> HttpResponse {
        HttpResponse::Ok().insert_header(("vary", "cookie")).body(seen(&request))
    }
    let app = init_service(App::new().app_data(PageCache::new()).default_service(web::to(themed))).await;
    for cookie in ["theme=dark; session=alice", "theme=dark; session=bob", "theme=dark"] {
        let answer = send(&app, asking("/", &[("cookie", cookie)])).await;
        assert!(answer.is_stored() && answer.text().contains(cookie), "{cookie}");
    }
}
