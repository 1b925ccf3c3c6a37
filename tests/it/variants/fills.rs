//! Concurrent requests for variants of a page whose names are known.

use super::varying;
use crate::support::{Crowd, TestApp};

#[actix_web::test]
async fn follower_of_one_variant_does_not_wait_for_another_variant() {
    let app = TestApp::with_handler(varying(&["x-a"])).await;
    app.get("/").header("x-a", "1").await.assert_stored();
    app.pause();
    let values = ["2", "3", "2", "3", "1"];
    let crowd = Crowd::send(values.map(|value| app.get("/").header("x-a", value))).await;
    assert_eq!((app.waiting(), crowd.answered()), (vec![2, 3], 1), "only the stored variant is answered");
    app.finish_run(3).await;
    assert_eq!(crowd.answered(), 3, "the fill that started first still runs");
    app.finish_run(2).await;
    let responses = crowd.responses().await;
    for (value, response) in values.iter().zip(&responses) {
        response.assert_body(format!("[{value:?}] [] [] "));
    }
    responses[0].assert_stored().assert_fwd("vary-miss");
    responses[1].assert_stored().assert_fwd("vary-miss");
    responses[2].assert_collapsed();
    responses[3].assert_collapsed();
    responses[4].assert_hit();
    assert_eq!(app.runs(), 3);
}
