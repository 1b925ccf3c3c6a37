#[cache_page(60, query = [], browser_ttl = config::BROWSER_TTL)]
async fn page() -> String {
    String::new()
}
