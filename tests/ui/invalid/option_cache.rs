use cache_page::{cache_page, purge_page};

#[cache_page(60, cache = "")]
async fn empty() -> &'static str {
    "page"
}

#[cache_page(60, cache = big)]
async fn not_a_string() -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"], cache = "big", cache = "small")]
async fn repeated() -> &'static str {
    "page"
}

fn main() {}
