use cache_page::cache_page;

#[cache_page(60)]
async fn home(name) -> &'static str {
    "page"
}

fn main() {}
