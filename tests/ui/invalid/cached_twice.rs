use cache_page::cache_page;

#[cache_page(60)]
#[cache_page(120)]
async fn home() -> &'static str {
    "page"
}

#[cache_page(60)]
#[cache_page::cache_page(60)]
async fn about() -> &'static str {
    "page"
}

fn main() {}
