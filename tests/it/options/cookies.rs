//! A page for each value of a cookie.

use actix_web::{
    App, HttpRequest, get,
    test::{TestRequest, init_service},
    web,
};
use cache_page::{PageCache, cache_page, testing::ManualClock};

use super::Seen;
use crate::legacy::{Runs, get, send};

impl Seen {
    fn cookie(&self, name: &str) -> String {
        self.0.cookie(name).map_or("none".to_owned(), |cookie| format!("[{}]", cookie.value()))
    }
}

#[get("/theme")]
#[cache_page(60, vary_cookie = ["theme"])]
async fn themed(seen: Seen, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.count(), seen.cookie("theme"))
}

#[actix_web::test]
async fn vary_cookie() {
    let (app, runs, _) = app!(themed);
    for _ in 0..2 {
        for (cookie, seen) in [("theme=dark", "[dark]"), ("theme=light", "[light]"), ("theme=", "[]")] {
            let answer = ask!(app, "/theme", ("cookie", cookie));
            assert!(answer.text().ends_with(seen), "{cookie} {}", answer.text());
            assert_eq!(answer.header("vary").as_deref(), Some("cookie"));
            assert_eq!(answer.header("cache-control").as_deref(), Some("max-age=60"));
        }
        assert!(get(&app, "/theme").await.text().ends_with("none"));
    }
    assert_eq!(runs.get(), 4);
    for cookies in [
        "session=1; theme=dark",
        "theme=dark; session=2",
        " session=3;theme = dark ;",
        "xtheme=light; theme=dark; THEME=light; theme; =light",
    ] {
        assert!(ask!(app, "/theme", ("cookie", cookies)).is_hit(), "{cookies}");
    }
    assert!(ask!(app, "/theme", ("cookie", "session=4"), ("cookie", "theme=dark")).is_hit());
    assert!(ask!(app, "/theme", ("cookie", "session=5")).is_hit());
    assert_eq!(runs.get(), 4);
}

/// A client cannot have its own page kept as that of others by writing the cookie so that only the handler finds it, or
/// only the key.
#[actix_web::test]
async fn a_cookie_cannot_be_hidden_from_the_key() {
    let hidden: [&[&[u8]]; 11] = [
        &[b"th%65me=evil"],
        &[b"%74%68%65%6d%65=evil"],
        &[b"theme=dark; th%65me=evil"],
        &[b"th%65me=evil; theme=dark"],
        &[b"\xc2\xa0theme=evil"],
        &[b"theme\xe2\x80\x83=evil"],
        &[b"a=1;\xe3\x80\x80theme=evil"],
        &[b"theme=dark; x=\xff"],
        &[b"theme=dark", b"x=\xff"],
        &[b"x=\xff", b"theme=dark"],
        &[b"x=%ff; th%65me=evil"],
    ];
    for lines in hidden {
        let (app, _, _) = app!(themed);
        let request = TestRequest::get().uri("/theme");
        let request = lines.iter().fold(request, |request, line| request.append_header(("cookie", *line)));
        assert!(send(&app, request).await.is_stored(), "{lines:?}");
        for (ordinary, seen) in [("theme=dark", "[dark]"), ("session=1", "none"), ("theme=", "[]")] {
            let answer = ask!(app, "/theme", ("cookie", ordinary));
            assert!(answer.text().ends_with(seen), "{lines:?} {ordinary}: {}", answer.text());
        }
        assert!(get(&app, "/theme").await.text().ends_with("none"), "{lines:?}");
    }
}

#[actix_web::test]
async fn cookies_are_kept_apart_from_each_other() {
    #[get("/")]
    #[cache_page(60, vary_cookie = ["a", "b"])]
    async fn page(seen: Seen) -> String {
        format!("{} {}", seen.cookie("a"), seen.cookie("b"))
    }
    let (app, _, _) = app!(page);
    for cookies in ["a=1", "b=1", "a=1; b=1", "a=; b=", "a=1; a=2", "a=2; a=1", "a=1; b=2; b=3", "x=1"] {
        assert!(ask!(app, "/", ("cookie", cookies)).is_stored(), "{cookies}");
    }
    assert!(ask!(app, "/", ("cookie", "b=1; a=1")).is_hit(), "the order of names does not matter");
    assert!(ask!(app, "/", ("cookie", "b=1; a=1")).text().ends_with("[1] [1]"));
}

/// The handler may read the other cookies too.
#[actix_web::test]
async fn one_cookie_is_not_all_of_them() {
    #[get("/")]
    #[cache_page(60, vary_cookie = ["theme"])]
    async fn page(request: HttpRequest) -> String {
        format!("{:?}", request.cookie("session"))
    }
    let (app, _, _) = app!(page);
    for cookies in ["theme=dark", "theme=dark; session=alice"] {
        assert_eq!(
            ask!(app, "/", ("cookie", cookies)).outcome(),
            "cache_page; fwd=bypass; detail=credentials"
        );
    }
    assert!(get(&app, "/").await.is_stored());
}

/// All of them are: the header as a whole makes pages of its own.
#[actix_web::test]
async fn all_cookies_are() {
    #[get("/")]
    #[cache_page(60, vary = ["cookie"])]
    async fn page(request: HttpRequest) -> String {
        request.cookie("session").map(|cookie| cookie.to_string()).unwrap_or_default()
    }
    let (app, _, _) = app!(page);
    for hit in [false, true] {
        for cookie in ["session=alice", "session=bob"] {
            let answer = ask!(app, "/", ("cookie", cookie));
            assert_eq!((answer.text(), answer.is_hit()), (cookie, hit));
        }
    }
}
