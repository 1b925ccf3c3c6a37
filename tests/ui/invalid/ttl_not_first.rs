use cache_page::cache_page;

#[cache_page(name = "home", 60)]
async fn after_an_option() -> &'static str {
    "page"
}

#[cache_page(60, 120)]
async fn second() -> &'static str {
    "page"
}

#[cache_page(, 60)]
async fn after_a_comma() -> &'static str {
    "page"
}

fn main() {}
