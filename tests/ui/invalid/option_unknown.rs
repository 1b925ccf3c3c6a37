use cache_page::cache_page;

#[cache_page(60, nmae = "home")]
async fn misspelt() -> &'static str {
    "page"
}

#[cache_page(60, ttl = 60)]
async fn ttl() -> &'static str {
    "page"
}

#[cache_page(60, private)]
async fn flag() -> &'static str {
    "page"
}

#[cache_page(60, name: "home")]
async fn colon() -> &'static str {
    "page"
}

#[cache_page(60, name("home"))]
async fn parentheses() -> &'static str {
    "page"
}

#[cache_page(60,, name = "home")]
async fn comma() -> &'static str {
    "page"
}

#[cache_page(60, when = is_public)]
async fn former_when() -> &'static str {
    "page"
}

#[cache_page(60, unless = is_empty)]
async fn former_unless() -> &'static str {
    "page"
}

#[cache_page(60, client_ttl = 10)]
async fn former_client_ttl() -> &'static str {
    "page"
}

#[cache_page(60, timeout = 60)]
async fn timeout() -> &'static str {
    "page"
}

#[cache_page(60, key = "home")]
async fn key() -> &'static str {
    "page"
}

#[cache_page(60, vary_headers = ["accept"])]
async fn vary_headers() -> &'static str {
    "page"
}

#[cache_page(60, max_body_size = 1024)]
async fn max_body_size() -> &'static str {
    "page"
}

#[cache_page(60, prefix = "v2")]
async fn prefix() -> &'static str {
    "page"
}

#[cache_page(60, stale_while_revalidat = "30s")]
async fn cut_off() -> &'static str {
    "page"
}

#[cache_page(60, ingore_query = ["utm_*"])]
async fn swapped() -> &'static str {
    "page"
}

#[cache_page(60, anonymous = true)]
async fn anonymous() -> &'static str {
    "page"
}

#[cache_page(60, minify = true)]
async fn other() -> &'static str {
    "page"
}

fn main() {}
