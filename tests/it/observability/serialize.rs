//! Statistics as JSON.

use cache_page::{Outcome, Reason};
use serde_json::json;

use super::{SAMPLES, builder, send_samples};

#[test]
fn outcomes_and_reasons_are_strings() {
    for outcome in Outcome::all() {
        let text = serde_json::to_string(&outcome).unwrap();
        assert_eq!(text, format!("\"{outcome}\""));
        assert_eq!(serde_json::from_str::<Outcome>(&text).unwrap(), outcome);
    }
    assert_eq!(serde_json::from_str::<Reason>("\"status\"").unwrap(), Reason::Status);
    let error = serde_json::from_str::<Reason>("\"hit\"").unwrap_err();
    assert!(error.to_string().contains("the name of an outcome or a reason"), "{error}");
}

#[actix_web::test]
async fn statistics_are_an_object() {
    let app = builder().start().await;
    send_samples(&app).await;
    let stats = app.cache().stats();
    let value = serde_json::to_value(&stats).unwrap();
    assert_eq!(value["requests"], SAMPLES.len());
    assert_eq!((&value["pages"], &value["bytes"]), (&json!(stats.pages()), &json!(stats.bytes())));
    assert_eq!(value["max_bytes"], stats.max_bytes());
    assert_eq!(value["removed"]["size"], 0);
    assert_eq!(value["handlers"]["status"]["outcomes"], json!({ "stored": 1, "not-stored: status": 2 }));
    assert_eq!(value["handlers"]["status"]["fills"], 3);
    assert_eq!(
        (&value["handlers"]["status"]["pages"], &value["handlers"]["status"]["purged"]),
        (&json!(1), &json!(0))
    );
    assert!(value["handlers"]["status"]["fill_seconds_p99"].is_f64());
    assert!(value.get("remote").is_none());
}
