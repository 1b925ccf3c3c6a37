use cache_page::cache_page;

#[cache_page(60, name = 5)]
async fn name() -> &'static str {
    "page"
}

#[cache_page(60, name = )]
async fn name_missing() -> &'static str {
    "page"
}

#[cache_page(60, name = "")]
async fn name_empty() -> &'static str {
    "page"
}

#[cache_page(60, key_prefix = v2)]
async fn key_prefix() -> &'static str {
    "page"
}

#[cache_page(60, key_prefix = "v2" + "beta")]
async fn key_prefix_computed() -> &'static str {
    "page"
}

#[cache_page(60, key_prefix = "")]
async fn key_prefix_empty() -> &'static str {
    "page"
}

#[cache_page(60, crate = "cache_page")]
async fn krate() -> &'static str {
    "page"
}

#[cache_page(60, crate = )]
async fn krate_missing() -> &'static str {
    "page"
}

fn main() {}
