use cache_page::cache_page;

#[cache_page(60, query = ["page"], ignore_query = ["utm_*"])]
async fn both() -> &'static str {
    "page"
}

#[cache_page(60, ignore_query = ["utm_*"], query = "page")]
async fn both_and_invalid() -> &'static str {
    "page"
}

fn main() {}
