//! `If-Range` (RFC 9110 13.1.5): parts of two versions must never be joined.

use super::{BEFORE, CHANGED, Handler, on_miss_and_hit, tagged, untagged};

async fn assert_status(handler: Handler, if_range: &str, status: u16) {
    for response in on_miss_and_hit(handler, &[("range", "bytes=2-3"), ("if-range", if_range)]).await {
        response.assert_status(status);
    }
}

#[actix_web::test]
async fn if_range_with_the_strong_tag_of_the_page_gets_the_range() {
    assert_status(tagged, "\"v1\"", 206).await;
}

#[actix_web::test]
async fn if_range_with_a_weak_tag_gets_the_full_page() {
    assert_status(tagged, "W/\"v1\"", 200).await;
    let weak = on_miss_and_hit(untagged, &[]).await[0].header("etag").unwrap();
    assert_status(untagged, &weak, 200).await;
    // The strong form of the weak tag that the cache added.
    assert_status(untagged, weak.trim_start_matches("W/"), 200).await;
}

#[actix_web::test]
async fn if_range_with_anything_but_one_tag_gets_the_full_page() {
    for if_range in ["\"v2\"", "junk", "*", "\"v1\", \"v2\""] {
        assert_status(tagged, if_range, 200).await;
    }
}

#[actix_web::test]
async fn if_range_with_the_date_of_change_gets_the_range() {
    assert_status(tagged, CHANGED, 206).await;
    assert_status(untagged, CHANGED, 206).await;
    assert_status(tagged, BEFORE, 200).await;
}
