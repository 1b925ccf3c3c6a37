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
async fn nothing() -> &'static str {
    "page"
}

fn main() {}
