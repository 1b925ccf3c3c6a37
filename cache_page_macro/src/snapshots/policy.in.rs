#[cache_page(policy = config::LISTING)]
async fn page() -> String {
    String::new()
}
