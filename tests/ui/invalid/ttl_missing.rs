use cache_page::cache_page;

#[cache_page]
async fn bare() -> &'static str {
    "page"
}

#[cache_page()]
async fn empty() -> &'static str {
    "page"
}

#[cache_page(name = "home")]
async fn only_options() -> &'static str {
    "page"
}

#[cache_page(ttl = 60)]
async fn named() -> &'static str {
    "page"
}

fn main() {}
