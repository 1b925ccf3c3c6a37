#[cache_page(None)]
async fn page() -> String {
    String::new()
}
