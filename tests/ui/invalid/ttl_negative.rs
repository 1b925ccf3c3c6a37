use cache_page::cache_page;

const YESTERDAY: i64 = -86_400;

#[cache_page(-5)]
async fn number() -> &'static str {
    "page"
}

#[cache_page(YESTERDAY)]
async fn constant() -> &'static str {
    "page"
}

fn main() {}
