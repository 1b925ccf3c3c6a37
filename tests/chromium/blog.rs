//! The blog, as its author and its visitors see it.

#[allow(dead_code, reason = "the tests do not call `main`")]
#[path = "../../examples/blog/main.rs"]
mod example;

use actix_web::{App, HttpServer, cookie::Key, middleware::Compress, web};
use cache_page::PageCache;

use self::example::{
    configure,
    login::{Password, sessions},
    posts::open,
};
use crate::{browser::Browser, site::Site};

/// What is on all pages of users, and on no page of a visitor.
const USERS: [&str; 4] = ["The author", "New post", "Log out", "csrf"];

/// Starts the blog as its `main` does.
fn start() -> Site {
    let cache = PageCache::builder().compress(true).build();
    let (db, key) = (open().unwrap(), Key::generate());
    let password = web::Data::new(Password("secret".to_owned()));
    Site::start(move |[first, second]| {
        let app = move || {
            App::new()
                .app_data(db.clone())
                .app_data(password.clone())
                .app_data(cache.clone())
                .wrap(sessions(key.clone()))
                .wrap(Compress::default())
                .configure(configure)
        };
        HttpServer::new(app).workers(2).listen(first).unwrap().listen(second).unwrap().run()
    })
}

/// Checks what the current page shows, and what it does not show.
#[track_caller]
fn assert_page(browser: &Browser, path: &str, shown: &[&str], hidden: &[&str]) {
    let source = browser.source();
    assert_eq!(browser.path(), path, "{source}");
    for text in shown {
        assert!(source.contains(text), "{text:?} is not on {path}:\n{source}");
    }
    for text in hidden {
        assert!(!source.contains(text), "{text:?} is on {path}:\n{source}");
    }
}

fn log_in(site: &Site, author: &Browser) {
    author.open(&site.url("/"));
    author.click("a[href='/login']");
    author.fill_in("input[name=password]", "secret");
    author.click("button");
    assert_page(author, "/", &USERS, &["Log in"]);
}

fn write(author: &Browser, title: &str, body: &str, tags: &str) {
    author.click("a[href='/posts/new']");
    for (field, text) in [("input[name=title]", title), ("textarea", body), ("input[name=tags]", tags)] {
        author.fill_in(field, text);
    }
    author.click("form[action='/posts'] button");
}

/// Returns the `Cache-Status` of a page that a browser requests.
fn cache_status(browser: &Browser, path: &str) -> String {
    let script = format!(
        "return fetch('{path}', {{cache: 'no-store'}}).then(page => page.headers.get('cache-status'))"
    );
    browser.run(&script).as_str().unwrap().to_owned()
}

#[test]
fn visitor_sees_each_post_at_once_and_gets_hits() {
    let site = start();
    let (author, visitor) = (Browser::start(), Browser::start());
    // The visitor, and the memory of the server, have the pages as they were before.
    for path in ["/", "/feed.xml"] {
        visitor.open(&site.url(path));
    }
    visitor.open(&site.url("/"));
    assert_page(&visitor, "/", &["None.", "Log in"], &USERS);
    log_in(&site, &author);
    write(&author, "First <b>", "One", "rust, sql");
    assert_page(&author, "/posts/1", &["First &lt;b&gt;", "One", "#rust", "Edit"], &["Log in"]);
    for path in ["/", "/posts/1", "/tags/rust", "/tags/sql"] {
        visitor.open(&site.url(path));
        assert_page(&visitor, path, &["First &lt;b&gt;", "Log in"], &USERS);
        assert!(cache_status(&visitor, path).contains("; hit; ttl="), "{path}");
        assert!(cache_status(&author, path).contains("; fwd=bypass; detail=logged-in"), "{path}");
        author.open(&site.url(path));
        assert_page(&author, path, &["First &lt;b&gt;", "Log out"], &["Log in"]);
    }
    author.open(&site.url("/posts/1/edit"));
    author.fill_in("input[name=title]", " changed");
    author.click("form[action='/posts/1'] button");
    for path in ["/posts/1", "/", "/tags/rust"] {
        visitor.open(&site.url(path));
        assert_page(&visitor, path, &["First &lt;b&gt; changed", "Log in"], &USERS);
    }
    author.click("form[action='/posts/1/delete'] button");
    visitor.open(&site.url("/"));
    assert_page(&visitor, "/", &["None."], &["First"]);
    assert_eq!(author.take_console(), Vec::<String>::new());
}

/// On a computer that several people use, the next one presses Back.
#[test]
fn log_out_leaves_no_page_of_the_user_behind() {
    let site = start();
    let author = Browser::start();
    log_in(&site, &author);
    write(&author, "First", "One", "rust");
    author.click("a[href='/tags/rust']");
    author.click("form[action='/logout'] button");
    assert_page(&author, "/", &["First", "Log in"], &USERS);
    for path in ["/tags/rust", "/posts/1"] {
        author.back();
        assert_page(&author, path, &["First", "Log in"], &USERS);
        author.reload();
        assert_page(&author, path, &["First", "Log in"], &USERS);
        assert!(cache_status(&author, path).contains("; hit; ttl="), "{path}");
    }
    author.open(&site.url("/posts/new"));
    assert_page(&author, "/posts/new", &["Log in first."], &USERS);
}

/// Each of them is first on some page.
#[test]
fn users_and_visitors_never_see_pages_of_each_other() {
    let site = start();
    let (author, visitor) = (Browser::start(), Browser::start());
    log_in(&site, &author);
    for number in 1..=4 {
        write(&author, "A post", "One", "rust");
        let path = format!("/posts/{number}");
        let mut browsers = [(&author, true), (&visitor, false)];
        if number % 2 == 0 {
            browsers.reverse();
        }
        for path in [path.as_str(), "/about", "/"] {
            for (browser, is_author) in browsers.into_iter().chain(browsers) {
                browser.open(&site.url(path));
                match is_author {
                    true => assert_page(browser, path, &USERS, &["Log in"]),
                    false => assert_page(browser, path, &["Log in"], &USERS),
                }
            }
        }
    }
}
