#[cache_page("1h", policy = LISTING, name = "archive", vary = ["accept-language"])]
async fn page() -> String {
    String::new()
}
