//! Encoded bodies and the copies that workers have of popular pages.

use super::{ALL, LONG, SHORT, app, get, html, in_coding};

/// More requests than it takes until a worker makes a copy.
const OFTEN: usize = 20;

#[actix_web::test]
async fn worker_with_a_copy_sees_bodies_that_are_encoded_later() {
    for length in [SHORT, LONG] {
        let app = app(length).await;
        for _ in 0..OFTEN {
            app.get("/").await.assert_coding(None);
        }
        for coding in ["gzip", "br", "zstd"] {
            in_coding(&get(&app, coding), coding).await.assert_hit();
            for _ in 0..OFTEN {
                let response = get(&app, coding).await;
                response.assert_hit().assert_coding(coding);
                assert_eq!(response.decoded(), html(1, length));
            }
        }
        assert_eq!(app.cache().stats().encodings(), 3);
    }
}

#[actix_web::test]
async fn copy_of_a_replaced_page_is_not_sent_encoded() {
    let app = app(SHORT).await;
    for run in 1..=3 {
        for _ in 0..OFTEN {
            let response = get(&app, ALL).await;
            assert_eq!(response.decoded(), html(run, SHORT));
        }
        if run % 2 == 0 {
            app.cache().purge_all().await.unwrap();
        } else {
            app.advance(60);
        }
    }
}
