#[cache_page("1s 500ms")]
async fn page() -> String {
    String::new()
}
