use cache_page::cache_page;

#[cache_page(60)]
fn home() -> &'static str {
    "page"
}

fn main() {}
