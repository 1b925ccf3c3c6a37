//! Metrics of the `metrics` crate.

mod coalescing;
mod gauges;
mod labels;
mod recorder;
mod remote;

use std::collections::BTreeSet;

use cache_page::{Outcome, PageCache, Reason, RemovalCause};

use self::recorder::{Descriptions, Values};
use super::{SAMPLES, builder, send_samples};
use crate::support::TestApp;

/// Sends all samples and returns the values that were recorded.
async fn record() -> (TestApp, Values) {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    send_samples(&app).await;
    (app, values.clone())
}

#[actix_web::test]
async fn request_counter_has_the_counts_of_stats() {
    let (app, values) = record().await;
    let (values, mut requests) = (values.lock(), 0);
    for (handler, counts) in app.cache().stats().handlers() {
        for outcome in Outcome::all().filter(|outcome| counts.count(*outcome) > 0) {
            let (result, reason) = (outcome.as_str(), outcome.reason().map_or("", Reason::as_str));
            let name = format!(
                "cache_page_requests_total cache=site handler={handler} outcome={result} reason={reason}"
            );
            assert_eq!(values[&name].len() as u64, counts.count(outcome), "{name}");
            requests += values[&name].len();
        }
    }
    assert_eq!(requests, SAMPLES.len());
}

#[actix_web::test]
async fn fill_histogram_has_a_duration_for_each_fill() {
    let (app, values) = record().await;
    let values = values.lock();
    for (handler, counts) in app.cache().stats().handlers() {
        let durations = &values[&format!("cache_page_fill_seconds cache=site handler={handler}")];
        assert_eq!(durations.len() as u64, counts.fills(), "{handler}");
        assert!(durations.iter().all(|seconds| *seconds >= 0.0), "{handler}: {durations:?}");
    }
}

#[actix_web::test]
async fn age_histogram_has_the_age_of_each_page_that_was_sent() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    app.get("/plain").await.assert_stored();
    for _ in 0..2 {
        app.advance(7);
        app.get("/plain").await.assert_hit();
    }
    assert_eq!(values.lock()["cache_page_hit_age_seconds cache=site handler=plain"], [7.0, 14.0]);
}

#[actix_web::test]
async fn purges_are_counted_and_set_the_gauges() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    send_samples(&app).await;
    app.cache().purge_path("/plain").await.unwrap();
    app.cache().expire_all().await.unwrap();
    let (values, stats) = (values.lock(), app.cache().stats());
    assert_eq!(values["cache_page_purges_total cache=site mode=purge selector=path"], [1.0]);
    assert_eq!(values["cache_page_purges_total cache=site mode=soft-purge selector=all"], [1.0]);
    assert_eq!(values["cache_page_purged_entries_total cache=site mode=purge"], [2.0]);
    let entries = &values["cache_page_entries cache=site"];
    assert_eq!(entries.last().copied(), Some(stats.pages() as f64));
}

#[actix_web::test]
async fn removed_pages_are_counted_by_cause() {
    let values = Values::default();
    let _guard = metrics::set_default_local_recorder(&values);
    let app = builder().cache(|cache| cache.name("site")).start().await;
    send_samples(&app).await;
    app.cache().purge_path("/plain").await.unwrap();
    app.get("/plain").await.assert_stored();
    app.advance(60);
    app.cache().remove_expired();
    app.cache().record_metrics();
    let (values, stats) = (values.lock(), app.cache().stats());
    for cause in RemovalCause::ALL {
        let name = format!("cache_page_removed_entries_total cache=site cause={cause}");
        let recorded = values.get(&name).map_or(0.0, |counts| counts.iter().sum());
        assert_eq!(recorded, stats.removed(*cause) as f64, "{cause}");
    }
    assert_eq!(values["cache_page_removed_entries_total cache=site cause=purged"], [2.0]);
}

#[actix_web::test]
async fn no_other_metrics_are_recorded() {
    let (_, values) = record().await;
    let known = ["requests_total", "fill_seconds", "hit_age_seconds", "entries", "bytes", "limit_bytes"];
    for name in values.lock().keys() {
        let metric = name.split(' ').next().unwrap();
        assert!(known.iter().any(|known| metric == format!("cache_page_{known}")), "{name}");
    }
}

#[actix_web::test]
async fn all_metrics_are_described_when_a_cache_is_built() {
    let values = Values::default();
    let guard = metrics::set_default_local_recorder(&values);
    let app = builder().start().await;
    send_samples(&app).await;
    app.cache().purge_all().await.unwrap();
    drop(guard);
    let descriptions = Descriptions::default();
    let _guard = metrics::set_default_local_recorder(&descriptions);
    drop(PageCache::new());
    for name in values.lock().keys() {
        let metric = name.split(' ').next().unwrap();
        assert!(descriptions.contains(metric), "{metric}");
    }
}

#[test]
fn dashboard_and_alert_rules_name_described_metrics() {
    let descriptions = Descriptions::default();
    metrics::with_local_recorder(&descriptions, || drop(PageCache::new()));
    for text in [
        include_str!("../../../../docs/operations/grafana.json"),
        include_str!("../../../../docs/operations/alerts.yml"),
    ] {
        let words = text.split(|letter: char| !letter.is_ascii_lowercase() && letter != '_');
        let mut names = words.filter(|word| word.starts_with("cache_page_")).peekable();
        assert!(names.peek().is_some());
        for name in names {
            let suffix = ["_bucket", "_count"].into_iter().find(|suffix| name.ends_with(suffix));
            let metric = name.strip_suffix(suffix.unwrap_or_default()).unwrap_or(name);
            assert!(descriptions.contains(metric), "{name}");
        }
    }
}

#[test]
fn guide_has_a_row_for_each_metric() {
    let descriptions = Descriptions::default();
    metrics::with_local_recorder(&descriptions, || drop(PageCache::new()));
    let guide = include_str!("../../../../src/guide/operating.md");
    let (_, table) = guide.split_once("| metric | labels | |\n").unwrap();
    let cells = table.lines().skip(1).map_while(|row| row.strip_prefix("| ")?.split(" | ").next());
    let names = cells.flat_map(|cell| cell.split('`').skip(1).step_by(2)).map(str::to_owned);
    assert_eq!(names.collect::<BTreeSet<_>>(), descriptions.names());
}
