#[cache_page(60, statuses = [410, 404 => "5s", 403 => BRIEF, 451 => None])]
async fn page() -> String {
    String::new()
}
