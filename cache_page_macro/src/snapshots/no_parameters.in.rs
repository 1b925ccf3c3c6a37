#[cache_page(60, query = [], client_ttl = config::CLIENT_TTL)]
async fn page() -> String {
    String::new()
}
