//! `actix-web-lab`: the same as the extractors of actix-web.

use actix_web_lab::extract::{Host, Path, Query, ReconstructedPath};
use cache_page::cache_page;

use crate::{
    key::assert_own_pages,
    support::{Origin, TestApp},
};

#[cache_page(60)]
async fn url(
    origin: Origin,
    Path(id): Path<String>,
    query: Query<Vec<(String, String)>>,
    host: Host,
    path: ReconstructedPath,
) -> String {
    format!("{} {id} {:?} {host} {path}", origin.count(), query.0)
}

#[actix_web::test]
async fn url_and_forwarded_prefix_have_their_own_pages() {
    let app = TestApp::builder().route("/{id}", url).start().await;
    let prefix = ("x-forwarded-prefix", "/blog");
    let sets: &[&[_]] = &[
        &[prefix],
        &[("x-forwarded-prefix", "/shop")],
        &[prefix, ("x-forwarded-host", "other.example")],
        &[prefix, ("host", "other.example")],
    ];
    assert_own_pages(&app, "/1", sets).await;
    assert_own_pages(&app, "/2", sets).await;
    assert_own_pages(&app, "/2?page=1", sets).await;
    let vary = app.get("/1").headers(&[prefix]).await.header("vary");
    assert_eq!(vary.as_deref(), Some("x-forwarded-prefix"));
}
