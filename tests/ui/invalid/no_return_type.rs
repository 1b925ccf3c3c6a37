use cache_page::cache_page;

#[cache_page(60)]
async fn home() {}

#[cache_page(60)]
async fn about() -> () {}

fn main() {}
