use cache_page::cache_page;

#[cache_page(60)]
struct Home;

#[cache_page(60)]
mod pages {}

trait Site {
    #[cache_page(60)]
    async fn home() -> &'static str;
}

fn main() {}
