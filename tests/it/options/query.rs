//! Which parts of a query make a page.

use actix_web::{App, get, test::init_service, web};
use cache_page::{PageCache, cache_page, testing::ManualClock};

use super::Seen;
use crate::legacy::{Runs, get};

/// Both requests are answered with one page: whoever comes second is sent the page of the first.
macro_rules! assert_one_page {
    ($app:expr, $one:expr, $other:expr) => {{
        let answers = [get($app, $one).await, get($app, $other).await];
        assert!(answers[1].is_hit(), "{} {}: {}", $one, $other, answers[1].outcome());
        assert_eq!(answers[0].body, answers[1].body);
    }};
}

macro_rules! assert_two_pages {
    ($app:expr, $one:expr, $other:expr) => {{
        let answers = [get($app, $one).await, get($app, $other).await];
        assert!(answers.iter().all(|answer| answer.is_stored()), "{} {}", $one, $other);
    }};
}

#[get("/only")]
#[cache_page(60, query = ["page", "tag"])]
async fn only(seen: Seen, runs: web::Data<Runs>) -> String {
    format!("{} {}", runs.count(), seen.0.query_string())
}

#[actix_web::test]
async fn query() {
    let (app, _, _) = app!(only);
    assert_one_page!(&app, "/only?page=1&tag=a", "/only?tag=a&page=1");
    assert_one_page!(&app, "/only?page=2", "/only?x=1&page=2&utm_source=y&PAGE=3");
    assert_one_page!(&app, "/only?page=3", "/only?page=%33");
    assert_one_page!(&app, "/only?page=4+5", "/only?page=4%205");
    assert_one_page!(&app, "/only", "/only?");
    assert_one_page!(&app, "/only", "/only?x=1");
    assert_one_page!(&app, "/only?page=6", "/only?&&page=6&");
    assert_two_pages!(&app, "/only?tag=a&tag=b", "/only?tag=b&tag=a");
    assert_two_pages!(&app, "/only?tag=c", "/only?tag=c&tag=c");
    assert_two_pages!(&app, "/only?tag=", "/only?page=");
    assert_two_pages!(&app, "/only?page=7%26tag=d", "/only?page=7&tag=d");
}

/// A client cannot name a parameter so that only the handler finds it.
#[actix_web::test]
async fn a_parameter_cannot_be_hidden_from_the_key() {
    #[derive(Debug)]
    struct Number(#[allow(dead_code)] Option<String>);
    #[get("/")]
    #[cache_page(60, query = ["page"])]
    async fn page(query: web::Query<Vec<(String, String)>>) -> String {
        let page = query.iter().find(|(name, _)| name == "page").map(|(_, value)| value.clone());
        format!("{:?}", Number(page))
    }
    for hidden in ["?p%61ge=evil", "?%70%61%67%65=evil", "?x&p%61ge=evil", "?page%3D=x&p%61ge=evil"] {
        let (app, _, _) = app!(page);
        assert_eq!(get(&app, &format!("/{hidden}")).await.text(), "Number(Some(\"evil\"))");
        assert_eq!(get(&app, "/").await.text(), "Number(None)", "{hidden}");
        assert_eq!(get(&app, "/?x").await.text(), "Number(None)", "{hidden}");
        assert!(get(&app, "/?page=evil").await.is_hit(), "{hidden}");
    }
}

#[actix_web::test]
async fn no_query() {
    #[get("/")]
    #[cache_page(60, query = [])]
    async fn page() -> &'static str {
        "page"
    }
    let (app, _, _) = app!(page);
    assert_one_page!(&app, "/", "/?a=1");
    assert_one_page!(&app, "/?", "/?b=1&c=2");
}

#[actix_web::test]
async fn ignore_query() {
    #[get("/")]
    #[cache_page(60, ignore_query = ["utm_*", "ref"])]
    async fn page(runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }
    let (app, _, _) = app!(page);
    assert_one_page!(&app, "/", "/?utm_source=a&utm_=b&ref=c");
    assert_one_page!(&app, "/", "/?");
    assert_one_page!(&app, "/?a=1&b=2", "/?b=2&ref=x&a=1");
    assert_one_page!(&app, "/?a=3", "/?ut%6d_x=1&a=3&r%65f=2");
    assert_two_pages!(&app, "/?a=4&a=5", "/?a=5&a=4");
    assert_two_pages!(&app, "/?a=6", "/?a=6&a=6");
    assert_two_pages!(&app, "/?refs=1", "/?utm=1");
    assert_two_pages!(&app, "/?c=7%26d=8", "/?c=7&d=8");
    assert_two_pages!(&app, "/?e", "/?=e");
}

/// Without either of them, the query counts as it was sent.
#[actix_web::test]
async fn the_whole_query() {
    #[get("/")]
    #[cache_page(60)]
    async fn page(runs: web::Data<Runs>) -> String {
        runs.count().to_string()
    }
    let (app, _, _) = app!(page);
    assert_two_pages!(&app, "/", "/?");
    assert_two_pages!(&app, "/?a=1&b=2", "/?b=2&a=1");
    assert_two_pages!(&app, "/?a", "/?%61");
}
