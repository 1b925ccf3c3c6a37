//! The blog: a write purges every page that it changes, and no other; users see their own pages.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../../examples/blog/main.rs"]
mod example;

use actix_web::{
    HttpResponse,
    cookie::Key,
    web::{self, ServiceConfig},
};
use cache_page::Reason;

use self::example::{
    configure,
    login::{Password, sessions},
    posts::{Db, open},
};
use crate::support::{TestApp, TestAppBuilder, TestRequest, TestResponse};

/// Every page that the tests change, whether or not it exists at the moment.
const PAGES: [&str; 10] = [
    "/",
    "/?from=mail",
    "/feed.xml",
    "/about",
    "/posts/1",
    "/posts/2",
    "/tags/rust",
    "/tags/sql",
    "/tags/web",
    "/tags/c%2B%2B",
];

/// The pages that show all posts. A path is purged with all its queries.
const LISTS: [&str; 3] = ["/", "/?from=mail", "/feed.xml"];

/// How often a page is requested: often enough that each of two workers has a local copy, which a write has to purge as well.
const REQUESTS: usize = 12;

struct Blog {
    db: web::Data<Db>,
    app: TestApp,
    author: Author,
}

/// The session of a user, with the token for forms.
struct Author {
    cookie: String,
    csrf: String,
}

fn app(db: &web::Data<Db>) -> TestAppBuilder {
    let (db, key) = (db.clone(), Key::generate());
    let password = web::Data::new(Password("secret".to_owned()));
    let builder = TestApp::builder().configure(move |config: &mut ServiceConfig| {
        config.app_data(db.clone()).app_data(password.clone()).configure(configure);
        config.default_service(web::to(|| async { HttpResponse::NotFound().finish() }));
    });
    builder.wrap(move || sessions(key.clone()))
}

/// Returns the session that a response sets.
fn cookie(response: &TestResponse) -> String {
    response.header("set-cookie").unwrap().split(';').next().unwrap().to_owned()
}

/// Returns the token of the forms in a page.
fn csrf(page: &TestResponse) -> String {
    let (_, rest) = page.text().split_once("name=\"csrf\" value=\"").unwrap();
    rest.split('"').next().unwrap().to_owned()
}

fn form(app: &TestApp, path: &str, form: &str) -> TestRequest {
    app.post(path).header("content-type", "application/x-www-form-urlencoded").body(form.to_owned())
}

async fn log_in(app: &TestApp) -> Author {
    let page = app.get("/login").await;
    let login = form(app, "/login", &format!("password=secret&csrf={}", csrf(&page)));
    let response = login.header("cookie", cookie(&page)).await;
    response.assert_status(303).assert_header("location", "/");
    let cookie = cookie(&response);
    let csrf = csrf(&app.get("/about").header("cookie", &cookie).await);
    Author { cookie, csrf }
}

/// Starts a blog without posts in this thread.
async fn empty_blog() -> Blog {
    let db = open().unwrap();
    let app = app(&db).start().await;
    let author = log_in(&app).await;
    Blog { db, app, author }
}

/// Starts a blog without posts in this thread, and one on a socket with two workers.
async fn empty_blogs() -> [Blog; 2] {
    let db = open().unwrap();
    let served = app(&db).serve();
    let author = log_in(&served).await;
    [empty_blog().await, Blog { db, app: served, author }]
}

/// Starts blogs with two posts, all of whose pages are stored.
async fn blogs() -> [Blog; 2] {
    let blogs = empty_blogs().await;
    for blog in &blogs {
        blog.write("/posts", "title=First&body=One&tags=rust,+c%2B%2B", "/posts/1").await;
        blog.write("/posts", "title=Second&body=Two&tags=sql,rust", "/posts/2").await;
        blog.assert_purged(&PAGES, "the posts were written").await;
    }
    blogs
}

impl Blog {
    async fn get(&self, path: &str) -> TestResponse {
        self.app.get(path).await
    }

    async fn post(&self, path: &str, fields: &str) -> TestResponse {
        let Author { cookie, csrf } = &self.author;
        form(&self.app, path, &format!("{fields}&csrf={csrf}")).header("cookie", cookie).await
    }

    /// Writes a post, and checks where its author is redirected to.
    async fn write(&self, path: &str, form: &str, location: &str) {
        self.post(path, form).await.assert_status(303).assert_header("location", location);
    }

    /// Requests these pages and then all others. Each response must be what an empty cache would send, the handlers of these
    /// pages must run once, and no other handler.
    async fn assert_purged(&self, purged: &[&str], after: &str) {
        let empty_cache = app(&self.db).start().await;
        let others = PAGES.into_iter().filter(|path| !purged.contains(path));
        for path in purged.iter().copied().chain(others) {
            let expected = empty_cache.get(path).await;
            for number in 0..REQUESTS {
                let response = self.get(path).await;
                response.assert_status(expected.status).assert_body(&expected.body);
                // A 404 is never stored.
                let is_hit = response.status == 200 && (number > 0 || !purged.contains(&path));
                assert_eq!(response.is_hit(), is_hit, "request {number} after {after}: {response:?}");
            }
        }
    }

    async fn assert_shows(&self, path: &str, shown: &str) {
        let response = self.get(path).await;
        assert!(response.text().contains(shown), "{shown} is missing: {response:?}");
    }

    async fn assert_does_not_show(&self, path: &str, hidden: &str) {
        let response = self.get(path).await;
        assert!(!response.text().contains(hidden), "{hidden} is still there: {response:?}");
    }
}

/// A browser asks for each page with the tag that it has: no purge reaches it.
#[actix_web::test]
async fn browser_of_the_author_shows_each_change_at_once() {
    for blog in blogs().await {
        let mut tags = Vec::new();
        for path in PAGES {
            let page = blog.get(path).await;
            if page.status == 200 && path != "/about" {
                page.assert_header("cache-control", "no-cache");
                tags.push((path, page.header("etag").unwrap()));
            }
        }
        blog.write("/posts/1", "title=Third&body=Three&tags=rust,+c%2B%2B", "/posts/1").await;
        for (path, tag) in tags {
            let shows_post = !["/posts/2", "/tags/sql"].contains(&path);
            let status = if shows_post { 200 } else { 304 };
            blog.app.get(path).header("if-none-match", tag).await.assert_status(status);
        }
    }
}

#[actix_web::test]
async fn empty_blog_has_lists_and_stores_no_404() {
    for blog in empty_blogs().await {
        blog.assert_purged(&PAGES, "the start").await;
        for path in ["/posts/1", "/posts/2", "/tags/rust", "/tags/sql", "/tags/web", "/tags/c%2B%2B"] {
            blog.get(path).await.assert_status(404);
        }
    }
}

/// The first page in each list is the one that the author is redirected to.
#[actix_web::test]
async fn new_post_purges_the_lists_and_the_pages_of_its_tags() {
    for blog in empty_blogs().await {
        blog.assert_purged(&PAGES, "the start").await;
        for (form, location, title, tags) in [
            ("title=First&body=One&tags=rust,+c%2B%2B", "/posts/1", "First", ["/tags/rust", "/tags/c%2B%2B"]),
            ("title=Second&body=Two&tags=sql,rust", "/posts/2", "Second", ["/tags/rust", "/tags/sql"]),
        ] {
            blog.write("/posts", form, location).await;
            let purged = [&[location], &LISTS[..], &tags].concat();
            blog.assert_purged(&purged, title).await;
            for path in purged {
                blog.assert_shows(path, title).await;
            }
        }
    }
}

#[actix_web::test]
async fn new_title_purges_every_page_that_shows_it() {
    for blog in blogs().await {
        blog.write("/posts/1", "title=Renamed&body=One&tags=rust,c%2B%2B", "/posts/1").await;
        let purged = [&["/posts/1"], &LISTS[..], &["/tags/rust", "/tags/c%2B%2B"]].concat();
        blog.assert_purged(&purged, "the new title").await;
        for path in purged {
            blog.assert_shows(path, "Renamed").await;
            blog.assert_does_not_show(path, "First").await;
        }
    }
}

#[actix_web::test]
async fn new_tags_purge_the_pages_of_the_old_and_the_new_tags() {
    for blog in blogs().await {
        blog.write("/posts/2", "title=Second&body=Two&tags=web,rust", "/posts/2").await;
        let purged = [&["/posts/2"], &LISTS[..], &["/tags/sql", "/tags/web", "/tags/rust"]].concat();
        blog.assert_purged(&purged, "the new tags").await;
        blog.get("/tags/sql").await.assert_status(404);
        blog.get("/tags/web").await.assert_status(200);
    }
}

#[actix_web::test]
async fn rejected_write_purges_nothing() {
    for blog in blogs().await {
        for (path, form, status) in [
            ("/posts", "title=+&body=x&tags=rust", 400),
            ("/posts", "body=x&tags=rust", 400),
            ("/posts/1", "title=&body=x&tags=rust", 400),
            ("/posts/1", "body=x&tags=rust", 400),
            ("/posts/1", "title=x&body=x&tags=rust,a%00b", 400),
            ("/posts", &format!("title=x&body=x&tags=rust,{}", "a".repeat(300)), 400),
            ("/posts/9", "title=x&body=x&tags=rust", 404),
            ("/posts/01", "title=x&body=x&tags=rust", 404),
            ("/posts/9/delete", "", 404),
        ] {
            blog.post(path, form).await.assert_status(status).assert_no_header("location");
            blog.assert_purged(&[], &format!("{path} with {form}")).await;
        }
    }
}

#[actix_web::test]
async fn deletion_purges_every_page_that_showed_the_post() {
    for blog in blogs().await {
        blog.write("/posts/1/delete", "", "/").await;
        let purged = [&LISTS[..], &["/posts/1", "/tags/rust", "/tags/c%2B%2B"]].concat();
        blog.assert_purged(&purged, "the first deletion").await;
        blog.get("/posts/1").await.assert_status(404);
        blog.get("/tags/c%2B%2B").await.assert_status(404);
        blog.assert_shows("/tags/rust", "Second").await;
        blog.assert_does_not_show("/tags/rust", "First").await;

        blog.write("/posts/2/delete", "", "/").await;
        let purged = [&LISTS[..], &["/posts/2", "/tags/rust", "/tags/sql"]].concat();
        blog.assert_purged(&purged, "the second deletion").await;
    }
}

#[actix_web::test]
async fn deletion_of_a_deleted_post_purges_nothing() {
    for blog in blogs().await {
        blog.write("/posts/1/delete", "", "/").await;
        blog.assert_purged(&[&LISTS[..], &["/posts/1", "/tags/rust", "/tags/c%2B%2B"]].concat(), "it").await;
        blog.post("/posts/1/delete", "").await.assert_status(404).assert_no_header("location");
        blog.assert_purged(&[], "the second deletion").await;
    }
}

#[actix_web::test]
async fn feed_has_the_tags_that_its_handler_adds() {
    let blog = empty_blog().await;
    for form in ["title=First&body=", "title=Second&body="] {
        blog.post("/posts", form).await.assert_status(303);
    }
    let pages = ["/", "/feed.xml", "/posts/1", "/posts/2"];
    for (tag, purged) in [
        ("post:1", &["/feed.xml", "/posts/1"][..]),
        ("post:2", &["/feed.xml", "/posts/2"]),
        ("posts", &["/", "/feed.xml"]),
        ("post:3", &[]),
        ("post:", &[]),
    ] {
        for path in pages {
            blog.get(path).await;
        }
        assert_eq!(blog.app.cache().purge_tag(tag).await.unwrap().pages(), purged.len(), "{tag}");
        for path in pages {
            assert_eq!(blog.get(path).await.is_hit(), !purged.contains(&path), "{path} without {tag}");
        }
    }
}

/// The tag has the ID as the URL spells it. If `/posts/01` were the first post, an edit of `/posts/1` would not purge it.
#[actix_web::test]
async fn post_has_one_url() {
    let blog = empty_blog().await;
    blog.write("/posts", "title=First&body=", "/posts/1").await;
    for path in ["/posts/01", "/posts/+1", "/posts/%2B1", "/posts/1.0", "/posts/-1", "/posts/0", "/posts/1/"]
    {
        blog.get(path).await.assert_status(404);
    }
}

#[actix_web::test]
async fn encoded_path_of_a_post_is_purged_with_it() {
    let blog = empty_blog().await;
    blog.write("/posts", "title=First&body=", "/posts/1").await;
    let spellings = ["/posts/1", "/posts/%31"];
    for path in spellings {
        blog.get(path).await.assert_stored();
        blog.get(path).await.assert_hit();
    }
    blog.write("/posts/1", "title=Renamed&body=", "/posts/1").await;
    for path in spellings {
        blog.assert_shows(path, "Renamed").await;
    }
}

#[actix_web::test]
async fn tag_is_purged_in_every_spelling_of_its_path() {
    let blog = empty_blog().await;
    for (number, (tag, spellings)) in [
        ("caf%C3%A9", &["/tags/caf%C3%A9", "/tags/%63af%c3%a9"][..]),
        ("a%2Fb", &["/tags/a%2Fb", "/tags/a%2fb"]),
        ("100%25", &["/tags/100%25", "/tags/%31%30%30%25"]),
        ("a%2Bb", &["/tags/a%2Bb", "/tags/a+b"]),
        ("two+words", &["/tags/two%20words"]),
        ("%7Bid%7D", &["/tags/%7Bid%7D"]),
        ("%25C3%25A9", &["/tags/%25C3%25A9"]),
    ]
    .into_iter()
    .enumerate()
    {
        let post = format!("/posts/{}", number + 1);
        blog.write("/posts", &format!("title=Old&body=&tags={tag}"), &post).await;
        for path in spellings {
            blog.get(path).await.assert_stored().assert_status(200);
            blog.get(path).await.assert_hit();
            blog.assert_shows(path, "Old").await;
        }
        blog.write(&post, &format!("title=New&body=&tags={tag}"), &post).await;
        for path in spellings {
            let response = blog.get(path).await;
            response.assert_stored();
            assert!(response.text().contains("New"), "{response:?}");
        }
    }
}

#[actix_web::test]
async fn written_text_is_escaped_on_every_page() {
    let blog = empty_blog().await;
    // `<script>"'&` everywhere, and characters that XML cannot represent in the title and the body.
    let text = "%3Cscript%3E%22%27%26";
    let form = format!("title={text}%00%0B&body={text}%EF%BF%BF&tags={text}");
    blog.write("/posts", &form, "/posts/1").await;
    for path in ["/", "/feed.xml", "/posts/1", &format!("/tags/{text}")] {
        let response = blog.get(path).await;
        response.assert_status(200);
        blog.assert_shows(path, "&#60;script&#62;&#34;&#39;&#38;").await;
        blog.assert_does_not_show(path, "<script").await;
        assert!(!response.text().contains(['\0', '\u{b}', '\u{ffff}']), "{response:?}");
    }
}

#[actix_web::test]
async fn user_sees_pages_of_an_own_which_nobody_else_is_sent() {
    for blog in blogs().await {
        for path in PAGES.into_iter().filter(|path| *path != "/feed.xml" && *path != "/tags/web") {
            blog.get(path).await.assert_status(200);
            let own = blog.app.get(path).header("cookie", &blog.author.cookie).await;
            own.assert_status(200).assert_bypass(Reason::LoggedIn).assert_header("cache-control", "no-store");
            assert!(own.text().contains("Log out") && own.text().contains(&blog.author.csrf), "{own:?}");
            for _ in 0..REQUESTS {
                let public = blog.get(path).await;
                public.assert_header("vary", "cookie, authorization").assert_no_header("set-cookie");
                assert!(!public.text().contains("csrf") && public.text().contains("Log in"), "{public:?}");
            }
        }
    }
}

#[actix_web::test]
async fn user_who_logs_out_sees_the_pages_of_all() {
    for blog in blogs().await {
        let response = blog.post("/logout", "").await;
        response.assert_status(303);
        assert!(cookie(&response).ends_with('='), "the cookie is removed: {response:?}");
        blog.get("/").await;
        blog.get("/").await.assert_hit();
    }
}

#[actix_web::test]
async fn only_a_user_with_the_token_of_the_session_may_write() {
    for blog in blogs().await {
        let other = log_in(&blog.app).await;
        for path in ["/posts", "/posts/1", "/posts/1/delete", "/logout"] {
            let fields = "title=x&body=x&tags=rust";
            form(&blog.app, path, fields).await.assert_status(401);
            form(&blog.app, path, &format!("{fields}&csrf={}", other.csrf)).await.assert_status(401);
            for csrf in ["", &format!("&csrf={}", blog.author.csrf)] {
                let request = form(&blog.app, path, &format!("{fields}{csrf}"));
                request.header("cookie", &other.cookie).await.assert_status(403);
            }
        }
        for path in ["/posts/new", "/posts/1/edit"] {
            blog.get(path).await.assert_status(401);
            blog.app.get(path).header("cookie", &other.cookie).await.assert_status(200);
        }
        blog.assert_purged(&[], "the rejected writes").await;
    }
}

#[actix_web::test]
async fn login_needs_the_password_and_the_token_of_its_form() {
    let blog = empty_blog().await;
    let page = blog.get("/login").await;
    for (fields, status) in [
        ("password=secret", 403),
        ("password=secret&csrf=00", 403),
        (&format!("password=guess&csrf={}", csrf(&page)), 401),
    ] {
        let login = form(&blog.app, "/login", fields).header("cookie", cookie(&page));
        login.await.assert_status(status).assert_no_header("set-cookie");
    }
    assert_ne!(csrf(&blog.get("/login").await), csrf(&page));
}
