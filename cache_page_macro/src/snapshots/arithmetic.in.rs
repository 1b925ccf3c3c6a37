#[cache_page(24 * (60 * 60))]
async fn page() -> String {
    String::new()
}
