#[purge_page(tags = ["posts"])]
#[cache_page(uncached)]
async fn refresh() -> &'static str {
    "Refreshed"
}
