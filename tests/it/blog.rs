//! A site whose pages depend on what is written to it: after a write nothing old is sent, and nothing is made for nothing.

#[allow(dead_code)]
#[path = "../../examples/blog.rs"]
mod example;

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use actix_http::Request;
use actix_web::{
    App, Error,
    dev::{Service, ServiceResponse},
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, testing::ManualClock};

use self::example::{Db, configure, open};
use crate::legacy::{Answer, Server, get, send};

/// Every page that the tests write something for, whether or not it is there at the moment.
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

/// Those that show every post. What is purged is a page with all its queries.
const LISTS: [&str; 3] = ["/", "/?from=mail", "/feed.xml"];

/// So often that each of two workers has copies of its own, which a write has to reach as well.
const TIMES: usize = 12;

const FORM: &str = "application/x-www-form-urlencoded";

/// Whether a post was written, and where its author is sent then.
type Written = (u16, Option<String>);

fn written(location: &str) -> Written {
    (303, Some(location.to_owned()))
}

/// The blog with pages that never expire: what is made anew was purged.
async fn blog(
    db: web::Data<Db>,
    cache: PageCache,
) -> impl Service<Request, Response = ServiceResponse, Error = Error> {
    init_service(App::new().app_data(cache).app_data(db).configure(configure)).await
}

fn cache() -> PageCache {
    PageCache::builder().clock(ManualClock::new()).build()
}

async fn post(
    app: &impl Service<Request, Response = ServiceResponse, Error = Error>,
    path: &str,
    form: &str,
) -> Written {
    let request = TestRequest::post().uri(path).insert_header(("content-type", FORM));
    let answer = send(app, request.set_payload(form.to_owned())).await;
    (answer.status, answer.header("location"))
}

/// Asks for all pages, at first for those that the last write changed and in their order. Each is what a cache without any
/// pages sends as well; the changed ones were made for that, once, and the others were not.
async fn check(db: &web::Data<Db>, ask: &impl AsyncFn(&str) -> Answer, after: &str, changed: &[&str]) {
    let fresh = blog(db.clone(), cache()).await;
    let others = PAGES.into_iter().filter(|path| !changed.contains(path));
    for path in changed.iter().copied().chain(others) {
        let truth = get(&fresh, path).await;
        for time in 0..TIMES {
            let answer = ask(path).await;
            let told = format!("{path} after {after}, time {time}: {}", answer.outcome());
            assert_eq!((answer.status, answer.text()), (truth.status, truth.text()), "{told}");
            // That there is no such page is never kept.
            let kept = answer.status == 200 && (time > 0 || !changed.contains(&path));
            assert_eq!(answer.is_hit(), kept, "{told}");
        }
    }
}

/// Everything that authors do, over whatever carries the requests.
async fn steps(
    db: &web::Data<Db>,
    ask: impl AsyncFn(&str) -> Answer,
    post: impl AsyncFn(&str, &str) -> Written,
) {
    let status = async |path| ask(path).await.status;
    let shows = async |path, text| ask(path).await.text().contains(text);
    check(db, &ask, "nothing", &PAGES).await;
    for path in ["/posts/1", "/posts/2", "/tags/rust", "/tags/sql", "/tags/web", "/tags/c%2B%2B"] {
        assert_eq!(status(path).await, 404);
    }

    // The first page that is asked for after each write is the one that its author is sent to.
    let changed = [&["/posts/1"], &LISTS[..], &["/tags/rust", "/tags/c%2B%2B"]].concat();
    assert_eq!(post("/posts", "title=First&body=One&tags=rust,+c%2B%2B").await, written("/posts/1"));
    check(db, &ask, "the first post", &changed).await;
    for path in changed {
        assert!(shows(path, "First").await, "{path}");
    }

    let changed = [&["/posts/2"], &LISTS[..], &["/tags/rust", "/tags/sql"]].concat();
    assert_eq!(post("/posts", "title=Second&body=Two&tags=sql,rust").await, written("/posts/2"));
    check(db, &ask, "the second post", &changed).await;
    for path in changed {
        assert!(shows(path, "Second").await, "{path}");
    }

    let changed = [&["/posts/1"], &LISTS[..], &["/tags/rust", "/tags/c%2B%2B"]].concat();
    assert_eq!(post("/posts/1", "title=Renamed&body=One&tags=rust,c%2B%2B").await, written("/posts/1"));
    check(db, &ask, "another title", &changed).await;
    for path in changed {
        assert!(shows(path, "Renamed").await && !shows(path, "First").await, "{path}");
    }

    // It loses a tag, gets one, and keeps one.
    let changed = [&["/posts/2"], &LISTS[..], &["/tags/sql", "/tags/web", "/tags/rust"]].concat();
    assert_eq!(post("/posts/2", "title=Second&body=Two&tags=web,rust").await, written("/posts/2"));
    check(db, &ask, "other tags", &changed).await;
    assert_eq!((status("/tags/sql").await, status("/tags/web").await), (404, 200));

    for (path, form, refused) in [
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
        assert_eq!(post(path, form).await, (refused, None), "{path} {form}");
        check(db, &ask, &format!("{path} was refused {form}"), &[]).await;
    }

    let changed = [&LISTS[..], &["/posts/1", "/tags/rust", "/tags/c%2B%2B"]].concat();
    assert_eq!(post("/posts/1/delete", "").await, written("/"));
    check(db, &ask, "the first is deleted", &changed).await;
    assert_eq!((status("/posts/1").await, status("/tags/c%2B%2B").await), (404, 404));
    assert!(shows("/tags/rust", "Second").await && !shows("/tags/rust", "Renamed").await);

    // What is not there any more can be refused, and purges nothing either.
    assert_eq!(post("/posts/1/delete", "").await, (404, None));
    check(db, &ask, "it is deleted again", &[]).await;

    let changed = [&LISTS[..], &["/posts/2", "/tags/rust", "/tags/web"]].concat();
    assert_eq!(post("/posts/2/delete", "").await, written("/"));
    check(db, &ask, "the second is deleted", &changed).await;
}

#[actix_web::test]
async fn in_process() {
    let db = open().unwrap();
    let app = blog(db.clone(), cache()).await;
    steps(&db, async |path| get(&app, path).await, async |path, form| post(&app, path, form).await).await;
}

/// Two workers: what one of them writes, the other sends from then on.
#[actix_web::test]
async fn over_a_socket() {
    let (db, cache) = (open().unwrap(), cache());
    let server = Server::start({
        let db = db.clone();
        move |config| {
            config.app_data(cache.clone()).app_data(db.clone()).configure(configure);
        }
    });
    let post = async |path: &str, form: &str| {
        let mut stream = TcpStream::connect(server.address).unwrap();
        let (host, length) = ("Host: test\r\nConnection: close", form.len());
        write!(
            stream,
            "POST {path} HTTP/1.1\r\n{host}\r\nContent-Type: {FORM}\r\nContent-Length: {length}\r\n\r\n{form}"
        )
        .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        let location = answer.lines().find_map(|line| line.strip_prefix("location: "));
        (answer[9..12].parse().unwrap(), location.map(str::to_owned))
    };
    steps(&db, async |path| server.ask("GET", path, ""), post).await;
}

/// The tags that the feed's handler gives its page are as good as those in an attribute.
#[actix_web::test]
async fn the_feed_has_the_tags_of_its_posts() {
    let (db, cache) = (open().unwrap(), cache());
    let app = blog(db, cache.clone()).await;
    for form in ["title=First&body=", "title=Second&body="] {
        assert_eq!(post(&app, "/posts", form).await.0, 303);
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
            get(&app, path).await;
        }
        assert_eq!(cache.purge_tag(tag).await.unwrap().pages(), purged.len(), "{tag}");
        for path in pages {
            assert_eq!(get(&app, path).await.is_hit(), !purged.contains(&path), "{path} without {tag}");
        }
    }
}

/// A page has the tags of its URL as it was asked for: were `/posts/01` the first post, an edit of `/posts/1` would leave it.
#[actix_web::test]
async fn a_post_has_one_url() {
    let app = blog(open().unwrap(), cache()).await;
    assert_eq!(post(&app, "/posts", "title=First&body=").await, written("/posts/1"));
    for path in ["/posts/01", "/posts/+1", "/posts/%2B1", "/posts/1.0", "/posts/-1", "/posts/0", "/posts/1/"]
    {
        assert_eq!(send(&app, TestRequest::get().uri(path)).await.status, 404, "{path}");
    }
    // Another spelling of the same URL is another page, and has the same tag.
    for path in ["/posts/1", "/posts/%31"] {
        assert_eq!(get(&app, path).await.status, 200, "{path}");
        assert!(get(&app, path).await.is_hit(), "{path}");
    }
    assert_eq!(post(&app, "/posts/1", "title=Renamed&body=").await, written("/posts/1"));
    for path in ["/posts/1", "/posts/%31"] {
        assert!(get(&app, path).await.text().contains("Renamed"), "{path}");
    }
}

/// So does a tag, whatever letters are in it and however a client writes them.
#[actix_web::test]
async fn tags_of_any_letters() {
    let app = blog(open().unwrap(), cache()).await;
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
        let id = format!("/posts/{}", number + 1);
        assert_eq!(post(&app, "/posts", &format!("title=Old&body=&tags={tag}")).await, written(&id));
        for path in spellings {
            let first = get(&app, path).await;
            assert_eq!((first.status, first.text().contains("Old")), (200, true), "{path}");
            assert!(get(&app, path).await.is_hit(), "{path}");
        }
        assert_eq!(post(&app, &id, &format!("title=New&body=&tags={tag}")).await, written(&id));
        for path in spellings {
            let next = get(&app, path).await;
            assert_eq!((next.is_hit(), next.text().contains("New")), (false, true), "{path}");
        }
    }
}

/// What visitors write is text on every page, and the feed stays XML.
#[actix_web::test]
async fn nothing_written_becomes_markup() {
    let app = blog(open().unwrap(), cache()).await;
    // <script>"'& in all of them, and in the text what no XML can have.
    let evil = "%3Cscript%3E%22%27%26";
    let form = format!("title={evil}%00%0B&body={evil}%EF%BF%BF&tags={evil}");
    assert_eq!(post(&app, "/posts", &form).await, written("/posts/1"));
    for path in ["/", "/feed.xml", "/posts/1", &format!("/tags/{evil}")] {
        let answer = get(&app, path).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = answer.text();
        assert!(text.contains("&#60;script&#62;&#34;&#39;&#38;"), "{path}: {text}");
        assert!(!text.contains("<script") && !text.contains(['\0', '\u{b}', '\u{ffff}']), "{path}: {text}");
    }
}
