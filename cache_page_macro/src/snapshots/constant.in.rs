#[cache_page(config::MINUTES * 60)]
async fn page() -> String {
    String::new()
}
