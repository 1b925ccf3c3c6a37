use cache_page::cache_page;

struct Site<const SECONDS: u64>;

impl<const SECONDS: u64> Site<SECONDS> {
    #[cache_page(SECONDS)]
    async fn page() -> &'static str {
        "page"
    }
}

fn main() {}
