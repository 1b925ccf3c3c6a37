//! The option `vary_cookie`.

use actix_web::HttpRequest;
use cache_page::{Reason, cache_page};

use super::assert_own_pages;
use crate::support::{Origin, TestApp};

fn cookie(request: &HttpRequest, name: &str) -> String {
    request.cookie(name).map_or("none".to_owned(), |cookie| format!("[{}]", cookie.value()))
}

#[cache_page(60, vary_cookie = ["theme"])]
async fn themed(#[unkeyed] request: HttpRequest, origin: Origin) -> String {
    origin.count();
    cookie(&request, "theme")
}

async fn app() -> TestApp {
    TestApp::builder().route("/", themed).start().await
}

#[actix_web::test]
async fn vary_cookie_has_a_page_for_each_value() {
    let app = app().await;
    for _ in 0..2 {
        for (cookies, body) in [("theme=dark", "[dark]"), ("theme=light", "[light]"), ("theme=", "[]")] {
            let response = app.get("/").header("cookie", cookies).await;
            response
                .assert_body(body)
                .assert_header("vary", "cookie")
                .assert_header("cache-control", "max-age=60");
        }
        app.get("/").await.assert_body("none");
    }
    assert_eq!(app.runs(), 4);
}

#[actix_web::test]
async fn vary_cookie_ignores_all_other_cookies() {
    let app = app().await;
    app.get("/").header("cookie", "theme=dark").await.assert_stored();
    app.get("/").await.assert_stored();
    for cookies in [
        "session=1; theme=dark",
        "theme=dark; session=2",
        " session=3;theme = dark ;",
        "xtheme=light; theme=dark; THEME=light; theme; =light",
    ] {
        app.get("/").header("cookie", cookies).await.assert_hit().assert_body("[dark]");
    }
    let two_lines = app.get("/").header("cookie", "session=4").header("cookie", "theme=dark");
    two_lines.await.assert_hit().assert_body("[dark]");
    app.get("/").header("cookie", "session=5").await.assert_hit().assert_body("none");
}

/// A client cannot store its own page as that of others by a spelling that only the handler, or only the key, reads.
#[actix_web::test]
async fn cookie_cannot_be_hidden_from_the_key() {
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
        let app = app().await;
        let attack = lines.iter().fold(app.get("/"), |request, line| request.header("cookie", line));
        attack.await.assert_stored();
        for (cookies, body) in [("theme=dark", "[dark]"), ("session=1", "none"), ("theme=", "[]")] {
            let response = app.get("/").header("cookie", cookies).await;
            assert_eq!(response.text(), body, "after {lines:?}: {response:?}");
        }
        assert_eq!(app.get("/").await.text(), "none", "after {lines:?}");
    }
}

#[cache_page(60, vary_cookie = ["theme"])]
async fn raw_theme(#[unkeyed] request: HttpRequest) -> String {
    let cookies = request.cookies_raw().unwrap();
    let theme = cookies.iter().find(|cookie| cookie.name() == "theme");
    theme.map_or("none".to_owned(), |cookie| format!("[{}]", cookie.value()))
}

/// `cookies_raw` reads names and values as they were sent.
#[actix_web::test]
async fn cookie_cannot_be_hidden_from_a_handler_that_decodes_none() {
    for attack in ["th%65me=dark", "th%65me=dark; theme=dark", "theme=dark; th%65me=light", "th%65me=;"] {
        let app = TestApp::builder().route("/", raw_theme).start().await;
        app.get("/").header("cookie", attack).await.assert_stored();
        for (cookies, body) in [("theme=dark", "[dark]"), ("theme=d%61rk", "[d%61rk]"), ("id=1", "none")] {
            let response = app.get("/").header("cookie", cookies).await;
            assert_eq!(response.text(), body, "after {attack}: {response:?}");
        }
    }
}

#[cache_page(60, vary_cookie = ["a", "b"])]
async fn two_cookies(#[unkeyed] request: HttpRequest) -> String {
    format!("{:?}", request.headers().get("cookie"))
}

#[actix_web::test]
async fn cookies_of_two_names_have_their_own_pages() {
    let app = TestApp::builder().route("/", two_cookies).start().await;
    let cookies = [
        "x=1",
        "a=1",
        "b=1",
        "a=1; b=1",
        "a=1; b=2",
        "a=; b=",
        "a=1; a=2",
        "a=2; a=1",
        "b=1; b=2",
        "a=1; b=2; b=3",
        "a=",
        "b=",
    ];
    let sets = cookies.map(|cookies| [("cookie", cookies)]);
    assert_own_pages(&app, "/", &sets.each_ref().map(|headers| &headers[..])).await;
    // A page without the header is that of other cookies.
    app.get("/").await.assert_hit();
}

#[actix_web::test]
async fn order_of_cookies_is_not_part_of_the_key() {
    let app = TestApp::builder().route("/", two_cookies).start().await;
    app.get("/").header("cookie", "a=1; b=2").await.assert_stored();
    app.get("/").header("cookie", "b=2; a=1").await.assert_hit();
}

#[cache_page(60, vary_cookie = ["theme"])]
async fn anonymous_and_themed(#[anonymous] request: HttpRequest) -> String {
    format!("{:?}", request.cookie("session"))
}

/// The handler may read the other cookies.
#[actix_web::test]
async fn vary_cookie_admits_no_other_cookie_to_an_anonymous_page() {
    let app = TestApp::builder().route("/", anonymous_and_themed).start().await;
    for cookies in
        ["theme=dark; session=alice", "th%65me=dark", "theme=dark; th%65me=light", "theme=dark, a=b"]
    {
        let is_keyed = cookies == "theme=dark, a=b";
        let response = app.get("/").header("cookie", cookies).await;
        if is_keyed {
            response.assert_stored()
        } else {
            response.assert_bypass(Reason::Credentials)
        };
    }
    for cookies in ["theme=dark", "theme=light", "theme=dark; theme=light", "other=1; theme=dark"] {
        let response = app.get("/").header("cookie", cookies).await;
        match cookies {
            "other=1; theme=dark" => response.assert_bypass(Reason::Credentials),
            _ => response.assert_stored(),
        };
    }
    app.get("/").header("cookie", "_ga=1; theme=dark").await.assert_hit();
    app.get("/").await.assert_stored();
}

#[cache_page(60, vary = ["cookie"])]
async fn by_all_cookies(#[anonymous] request: HttpRequest) -> String {
    request.cookie("session").map(|cookie| cookie.to_string()).unwrap_or_default()
}

#[actix_web::test]
async fn vary_on_the_cookie_header_has_a_page_for_each_value() {
    let app = TestApp::builder().route("/", by_all_cookies).start().await;
    let sets = [[("cookie", "session=alice")], [("cookie", "session=bob")]];
    assert_own_pages(&app, "/", &[&sets[0], &sets[1]]).await;
    app.get("/").header("cookie", "session=alice").await.assert_body("session=alice");
}
