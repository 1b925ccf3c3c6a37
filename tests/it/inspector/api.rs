//! The JSON API.

use std::time::Duration;

use cache_page::PageCache;

use super::{api, builder, builder_with, local, page};
use crate::support::Crowd;

#[actix_web::test]
async fn overview_counts_what_stats_count() {
    let app = builder().start().await;
    app.get("/posts/1").await.assert_stored();
    app.get("/posts/1").await.assert_hit();
    app.get("/account").header("cookie", "session=1").await;
    app.get("/missing").await;
    app.get("/missing").await;
    let value = api(&app, "/overview").await;
    let stats = app.cache().stats();
    assert_eq!(value["stats"], serde_json::to_value(&stats).unwrap());
    assert_eq!(value["hit_ratio"], 0.25);
    let reasons: Vec<_> = value["reasons"]
        .as_array()
        .unwrap()
        .iter()
        .map(|reason| (&reason["outcome"], &reason["reason"], &reason["count"]))
        .collect();
    assert_eq!(
        format!("{reasons:?}"),
        r#"[(String("not-stored"), String("status"), Number(2)), (String("bypass"), String("credentials"), Number(1))]"#
    );
    assert!(value["reasons"][1]["advice"].as_str().unwrap().contains("session_cookies"));
}

#[actix_web::test]
async fn minutes_of_the_last_hour_are_remembered() {
    let app = builder().start().await;
    for minute in 0..70_u64 {
        for _ in 0..=minute % 3 {
            app.get(&format!("/posts/{minute}")).await;
        }
        app.advance(60);
        crate::support::settle().await;
    }
    let value = api(&app, "/overview").await;
    let minutes = value["minutes"].as_array().unwrap();
    assert_eq!(minutes.len(), 60);
    for (minute, counted) in (10..70).zip(minutes) {
        assert_eq!((&counted["stored"], &counted["answered"]), (&1.into(), &(minute % 3).into()), "{minute}");
        assert!(counted["bytes"].as_u64().unwrap() > 0);
    }
}

#[actix_web::test]
async fn handlers_are_sorted_by_any_column() {
    let app = builder().start().await;
    app.get("/missing").await;
    for _ in 0..3 {
        app.get("/posts/1").await;
    }
    let names = async |sort: &str| -> Vec<String> {
        let rows = api(&app, &format!("/handlers?sort={sort}")).await;
        rows.as_array().unwrap().iter().map(|row| row["handler"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names("name").await, ["missing", "posts"]);
    assert_eq!(names("requests").await, ["posts", "missing"]);
    assert_eq!(names("hit-ratio").await, ["posts", "missing"]);
    for column in ["hits", "pages", "bytes"] {
        assert_eq!(names(column).await, ["posts", "missing"], "{column}");
    }
    // Equal numbers are in the order of the names.
    for column in ["misses", "bypass", "purged", "unknown"] {
        assert_eq!(names(column).await, ["missing", "posts"], "{column}");
    }
    app.cache().purge_path("/posts/1").await.unwrap();
    assert_eq!(names("purged").await, ["posts", "missing"]);
}

#[actix_web::test]
async fn handler_has_its_times_pages_and_purges() {
    let app = builder().paused().start().await;
    for millis in [10, 20, 400] {
        let crowd = Crowd::send([app.get(&format!("/{millis}"))]).await;
        app.advance_by(Duration::from_millis(millis));
        app.finish(1).await;
        crowd.responses().await;
    }
    app.get("/10").await.assert_hit();
    app.cache().purge_path("/20").await.unwrap();
    let row = &api(&app, "/handlers").await[0];
    assert_eq!((&row["answered"], &row["stored"], &row["fills"]), (&1.into(), &3.into(), &3.into()));
    assert_eq!((&row["pages"], &row["purged"]), (&2.into(), &1.into()));
    assert_eq!(
        row["bytes"].as_u64().unwrap() as usize,
        app.cache().entries().map(|entry| entry.bytes()).sum::<usize>()
    );
    for (quantile, seconds) in [("p50", 0.02), ("p99", 0.4)] {
        let found = row[format!("fill_seconds_{quantile}")].as_f64().unwrap();
        assert!((found - seconds).abs() <= seconds / 8.0, "{quantile}: {found}");
    }
    let page = page(&app, "/handlers?sort=p99").await;
    assert!(page.contains("aria-sort=\"descending\"") && page.contains("Hit ratio"), "{page}");
}

#[actix_web::test]
async fn named_cache_is_shown_by_its_name() {
    let downloads = PageCache::builder().max_bytes(1 << 20).build();
    let app =
        builder_with(|cache| cache.named_cache("downloads", downloads), |inspector| inspector).start().await;
    assert_eq!(api(&app, "/overview?cache=downloads").await["stats"]["max_bytes"], 1 << 20);
    local(app.get("/cache/api/overview?cache=unknown")).await.assert_status(404);
}
