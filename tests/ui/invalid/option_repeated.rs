use cache_page::cache_page;

#[cache_page(60, name = "home", name = "start")]
async fn name() -> &'static str {
    "page"
}

#[cache_page(60, key_prefix = "v1", key_prefix = "v2")]
async fn key_prefix() -> &'static str {
    "page"
}

#[cache_page(60, crate = cache_page, crate = cache_page)]
async fn krate() -> &'static str {
    "page"
}

fn main() {}
