use cache_page::cache_page;

const LIMIT: u64 = 1024;

#[cache_page(60, max_body = "64k")]
async fn string() -> &'static str {
    "page"
}

#[cache_page(60, max_body = 64k)]
async fn unit() -> &'static str {
    "page"
}

#[cache_page(60, max_body = -1)]
async fn negative() -> &'static str {
    "page"
}

#[cache_page(60, max_body = LIMIT)]
async fn other_type() -> &'static str {
    "page"
}

fn main() {}
