#[purge_page(tags = ["posts"])]
#[cache_page(off)]
async fn refresh() -> &'static str {
    "Refreshed"
}
