#[cache_page("5m", name = "home", key_prefix = "v2", crate = framework::cache)]
async fn page() -> String {
    String::new()
}
