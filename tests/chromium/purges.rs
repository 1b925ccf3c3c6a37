//! What a browser shows of a page that it has, after the page has changed and was purged.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use actix_web::{App, HttpRequest, HttpResponse, HttpServer, get, http::header::ORIGIN, web};
use cache_page::{PageCache, cache_page};

use crate::{browser::Browser, site::Site};

/// How often the application has changed.
type Version = Arc<AtomicUsize>;

/// Its body changes with each version.
#[get("/body")]
#[cache_page(600, tags = ["all"])]
async fn body(version: web::Data<Version>) -> HttpResponse {
    HttpResponse::Ok().content_type("text/plain").body(format!("version {}", version.load(Ordering::SeqCst)))
}

const SCRIPT: &str = "<!doctype html><title>no script</title><script>document.title = 'a script'</script>";

/// Its body is always the same. Later versions allow no script.
#[get("/policy")]
#[cache_page(600, tags = ["all"])]
async fn policy(version: web::Data<Version>) -> HttpResponse {
    let policy = if version.load(Ordering::SeqCst) == 0 {
        "default-src 'unsafe-inline'"
    } else {
        "default-src 'none'"
    };
    HttpResponse::Ok()
        .content_type("text/html")
        .insert_header(("content-security-policy", policy))
        .body(SCRIPT)
}

/// Its body is always the same. Later versions are text.
#[get("/type")]
#[cache_page(600, tags = ["all"])]
async fn media_type(version: web::Data<Version>) -> HttpResponse {
    let media_type = if version.load(Ordering::SeqCst) == 0 { "text/html" } else { "text/plain" };
    HttpResponse::Ok().content_type(media_type).body(SCRIPT)
}

/// Allows the origin that asks, as most middleware for CORS does.
#[get("/data")]
#[cache_page(600, tags = ["all"])]
async fn data(#[unkeyed] request: HttpRequest, version: web::Data<Version>) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header(("vary", "Origin"));
    if let Some(origin) = request.headers().get(ORIGIN) {
        response.insert_header(("access-control-allow-origin", origin));
    }
    response.body(format!("version {}", version.load(Ordering::SeqCst)))
}

async fn empty() -> HttpResponse {
    HttpResponse::Ok().content_type("text/html").body("<!doctype html><title>empty</title>")
}

struct Changing {
    site: Site,
    cache: PageCache,
    version: Version,
}

impl Changing {
    fn start() -> Self {
        let (cache, version) = (PageCache::new(), Version::default());
        let (served, shown) = (cache.clone(), web::Data::new(Arc::clone(&version)));
        let site = Site::start(move |[first, second]| {
            let app = move || {
                let pages = (body, policy, media_type, data);
                let app = App::new().app_data(served.clone()).app_data(shown.clone()).service(pages);
                app.route("/empty", web::get().to(empty))
            };
            HttpServer::new(app).workers(2).listen(first).unwrap().listen(second).unwrap().run()
        });
        Self { site, cache, version }
    }

    fn change(&self) {
        self.version.fetch_add(1, Ordering::SeqCst);
        // The purge holds from this call on. There is no remote store to wait for.
        drop(self.cache.purge_tag("all"));
    }
}

#[test]
fn browser_shows_a_new_body_after_a_purge() {
    let changing = Changing::start();
    let browser = Browser::start();
    for version in 0..3 {
        for _ in 0..2 {
            browser.open(&changing.site.url("/body"));
            assert!(browser.source().contains(&format!("version {version}")), "{}", browser.source());
        }
        changing.change();
    }
}

#[test]
fn browser_obeys_new_headers_of_the_same_body_after_a_purge() {
    let changing = Changing::start();
    let browser = Browser::start();
    for (is_changed, policy_title, type_title) in [(false, "a script", "a script"), (true, "no script", "")] {
        for _ in 0..2 {
            browser.open(&changing.site.url("/policy"));
            assert_eq!(browser.title(), policy_title, "changed: {is_changed}");
            browser.open(&changing.site.url("/type"));
            assert_eq!(browser.title(), type_title, "changed: {is_changed}");
        }
        changing.change();
    }
}

/// The browser has the response without `Access-Control-Allow-Origin`, and asks whether it is still right for the other origin.
#[test]
fn fetch_of_another_origin_works_after_one_of_the_same_origin() {
    let changing = Changing::start();
    let browser = Browser::start();
    let url = changing.site.url("/data");
    let fetch = |cache: &str| {
        let script = format!(
            "return fetch('{url}', {{cache: '{cache}'}}).then(page => page.text()).catch(error => String(error))"
        );
        browser.run(&script).as_str().unwrap().to_owned()
    };
    for version in 0..2 {
        for _ in 0..2 {
            for page in [changing.site.url("/empty"), changing.site.other_url("/empty")] {
                browser.open(&page);
                for cache in ["default", "no-cache", "reload"] {
                    assert_eq!(fetch(cache), format!("version {version}"), "{cache} on {page}");
                }
            }
        }
        changing.change();
    }
}
