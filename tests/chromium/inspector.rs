//! The inspector: its pages obey their own policy, show hostile text as text, and purge; no other site can.

use std::env;

use actix_web::{
    App, HttpResponse, HttpServer,
    dev::Service as _,
    get,
    http::header::ContentType,
    rt::System,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, PageControl, cache_page};
use serde_json::json;

use crate::{browser::Browser, site::Site};

/// It would show that a script runs: the title and the text of the page would change.
const HOSTILE: &str =
    "%3Cscript%3Edocument.title='run'%3C%2Fscript%3E%3Cimg%20src=x%20onerror=document.title='run'%3E%22'%3E";

#[get("/posts/{id}")]
#[cache_page(600, name = "posts", tags = ["posts", "post:{id}"])]
async fn post(id: web::Path<String>, control: PageControl) -> HttpResponse {
    let hostile = "\"><script>document.title='run'</script>";
    control.tag(hostile);
    HttpResponse::Ok().insert_header(("x-hostile", hostile)).body(id.into_inner())
}

/// Sends a form with the fields of its own query.
const SUBMIT: &str = "<!doctype html><title>submit</title><body><script>
    const form = document.createElement('form');
    form.method = 'post';
    for (const [name, value] of new URLSearchParams(location.search)) {
        const field = document.createElement('input');
        [field.name, field.value] = [name, value];
        if (name == 'target') form.setAttribute('action', value); else form.append(field);
    }
    document.body.append(form);
    form.submit();
</script>";

async fn html(text: &'static str) -> HttpResponse {
    HttpResponse::Ok().content_type(ContentType::html()).body(text)
}

/// An application with an inspector, on two origins, and a browser.
struct Inspected {
    cache: PageCache,
    site: Site,
    browser: Browser,
}

impl Inspected {
    fn start() -> Self {
        let inspected = Self::start_empty();
        for number in 1..=30 {
            inspected.site.get(&format!("/posts/{number}"));
        }
        inspected.site.get(&format!("/posts/{HOSTILE}"));
        assert_eq!(inspected.cache.stats().pages(), 31);
        inspected
    }

    fn start_empty() -> Self {
        let cache = PageCache::builder().max_bytes(4 << 30).named_cache("second", PageCache::new()).build();
        let served = cache.clone();
        let site = Site::start(move |[first, second]| {
            let app = move || {
                App::new()
                    .app_data(served.clone())
                    .service(post)
                    .service(served.inspector("/cache"))
                    .route("/submit", web::get().to(|| html(SUBMIT)))
            };
            HttpServer::new(app).workers(1).listen(first).unwrap().listen(second).unwrap().run()
        });
        Self { cache, site, browser: Browser::start() }
    }

    /// Returns the token in the form of the page about a purge.
    fn token(&self) -> String {
        let (_, page) = self.site.get("/cache/purge?kind=all");
        let token = page.split("name=\"token\" value=\"").nth(1).and_then(|rest| rest.split('"').next());
        token.expect("a form with a token").to_owned()
    }

    /// Opens a page, and checks that it shows these texts.
    #[track_caller]
    fn assert_page(&self, path: &str, shown: &[&str]) {
        self.browser.open(&self.site.url(path));
        self.assert_shows(shown);
        self.browser.take_screenshots(path);
    }

    /// Checks that the current page belongs to the inspector, obeys its own policy, has run no script, and shows these texts.
    #[track_caller]
    fn assert_shows(&self, shown: &[&str]) {
        let (browser, path) = (&self.browser, self.browser.path());
        let (source, console) = (browser.source(), browser.take_console());
        assert!(source.contains("cache_page</strong>"), "{path} is no page of the inspector:\n{source}");
        assert_ne!(browser.title(), "run", "{path}: a script ran");
        assert!(console.is_empty(), "{path}: the console has {console:#?}");
        for text in shown {
            assert!(source.contains(text), "{text:?} is not on {path}:\n{source}");
        }
        self.assert_readable_on_a_phone();
    }

    /// Checks that the current page fits a phone, and that no path or value in it is squeezed.
    #[track_caller]
    fn assert_readable_on_a_phone(&self) {
        let Self { browser, .. } = self;
        let phone = json!({ "width": 360, "height": 800, "deviceScaleFactor": 1, "mobile": true });
        browser.devtools("Emulation.setDeviceMetricsOverride", &phone);
        let width = browser.run("return document.documentElement.scrollWidth").as_u64().unwrap();
        assert!(width <= 360, "{} is {width} pixels wide", browser.path());
        let squeezed =
            "return [...document.querySelectorAll('.text')].filter(cell => cell.offsetWidth < 200).length";
        assert_eq!(browser.run(squeezed), 0, "{} has squeezed cells", browser.path());
        browser.devtools("Emulation.clearDeviceMetricsOverride", &json!({}));
    }
}

fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

#[test]
fn every_page_obeys_its_policy() {
    let inspected = Inspected::start();
    inspected.assert_page("/cache", &["Overview of default", "Hit ratio", "<svg"]);
    inspected.assert_page("/cache/handlers?sort=stored", &[">posts</a>"]);
    inspected.assert_page("/cache/entries?sort=bytes", &["31 pages found", "&lt;script&gt;document.title"]);
    inspected.assert_page("/cache/entries?tag=post:7", &[">/posts/7</a>"]);
    let hostile =
        inspected.cache.entries().find(|entry| entry.path().contains("script")).expect("it is stored");
    inspected.assert_page(
        &format!("/cache/entries?path={}", encoded(hostile.path())),
        &["&lt;script&gt;document.title"],
    );
    inspected.browser.click("main a[href^='/cache/entries/']");
    inspected.assert_shows(&["x-hostile", "\"&gt;&lt;script&gt;"]);
    inspected.browser.take_screenshots("entry");
    let entry = inspected.site.url(&inspected.browser.path());
    for (link, shown) in
        [("purge", "Remove 1 page"), ("explain", "<strong>hit</strong>"), ("entries?", "1 page shown")]
    {
        inspected.browser.open(&entry);
        inspected.browser.click(&format!("main a[href^='/cache/{link}']"));
        inspected.assert_shows(&[shown]);
    }
    inspected.assert_page("/cache/explain?url=/posts/7", &["<strong>hit</strong>"]);
    inspected.assert_page("/cache/purge?kind=tag&value=post:7", &["Remove 1 page"]);
    inspected.assert_page("/cache?cache=second", &["Overview of second"]);
}

#[test]
fn hostile_tag_and_url_are_text_wherever_they_are_asked_for() {
    let inspected = Inspected::start();
    for place in ["entries?tag=post:", "entries?path=/", "purge?kind=tag&value=post:", "explain?url=/posts/"]
    {
        inspected.browser.open(&inspected.site.url(&format!("/cache/{place}{HOSTILE}")));
        inspected.assert_shows(&["script&gt;"]);
    }
}

#[test]
fn overview_shows_new_requests_by_itself() {
    let inspected = Inspected::start();
    inspected.assert_page("/cache", &["Overview of default"]);
    let outcomes = || inspected.browser.run("return document.querySelector('main').innerText");
    let before = outcomes();
    for _ in 0..100 {
        inspected.site.get("/posts/7");
    }
    inspected.browser.wait_until("updated", |_| outcomes() != before);
    inspected.assert_shows(&["Overview of default"]);
    assert!(outcomes().as_str().unwrap().contains("100"), "{}", outcomes());
}

#[test]
fn purge_by_form_shows_what_will_go_and_what_went() {
    let inspected = Inspected::start();
    let browser = &inspected.browser;
    browser.open(&inspected.site.url("/cache"));
    browser.click("nav a[href='/cache/purge']");
    browser.fill_in("main form input[name=value]", "post:7");
    browser.click("main form[method=get] button");
    inspected.assert_shows(&[">/posts/7</a>", "Remove 1 page"]);
    assert_eq!(inspected.cache.stats().pages(), 31);
    browser.click("form[method=post] button");
    inspected.assert_shows(&["<strong>1</strong> page removed"]);
    assert_eq!(inspected.cache.stats().pages(), 30);
    browser.open(&inspected.site.url("/cache/purge?kind=all&mode=expire"));
    browser.click("form[method=post] button");
    inspected.assert_shows(&["<strong>30</strong> pages made stale"]);
    assert!(inspected.cache.entries().all(|entry| !entry.is_fresh()));
}

#[test]
fn form_explains_a_request_with_headers() {
    let inspected = Inspected::start();
    inspected.browser.open(&inspected.site.url("/cache/explain"));
    inspected.browser.fill_in("main input[name=url]", "/posts/7?a");
    inspected.browser.fill_in("main textarea[name=headers]", "Accept: */*");
    inspected.browser.click("main form button");
    inspected.assert_shows(&["<strong>miss</strong>", "differ in the query"]);
}

#[test]
fn other_site_purges_nothing_even_with_the_token() {
    let inspected = Inspected::start();
    let target = encoded(&inspected.site.url("/cache/purge"));
    let token = inspected.token();
    let browser = &inspected.browser;
    browser.open(&inspected.site.other_url(&format!("/submit?target={target}&kind=all&token={token}")));
    browser.wait_until("refused", |browser| {
        browser.source().contains("The request does not come from a page of this site")
    });
    assert_eq!(inspected.cache.stats().pages(), 31);
    // The same form is accepted from its own site.
    browser.open(&inspected.site.url(&format!("/submit?target={target}&kind=all&token={token}")));
    browser.wait_until("purged", |browser| browser.source().contains("<strong>31</strong> pages removed"));
}

/// `CACHE_PAGE_ENTRIES=1000000 cargo test --release …` shows a million of them.
#[test]
fn pages_about_many_entries_are_usable() {
    let count = env::var("CACHE_PAGE_ENTRIES").map_or(20_000, |count| count.parse().unwrap());
    let inspected = Inspected::start_empty();
    System::new().block_on(async {
        let app = init_service(App::new().app_data(inspected.cache.clone()).service(post)).await;
        for number in 1..=count {
            let request = TestRequest::with_uri(&format!("/posts/{number}")).to_request();
            drop(app.call(request).await.unwrap());
        }
    });
    assert_eq!(inspected.cache.stats().pages(), count);
    let link = format!(">/posts/{count}</a>");
    inspected.assert_page("/cache?paused=1", &["Overview of default"]);
    inspected.assert_page("/cache/entries", &["<table"]);
    inspected.assert_page("/cache/entries?sort=bytes", &["<table"]);
    inspected.assert_page(&format!("/cache/entries?path=/posts/{count}"), &[&link]);
    inspected.assert_page(&format!("/cache/entries?tag=post:{count}"), &[&link]);
}
