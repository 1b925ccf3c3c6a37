use cache_page::cache_page;

struct Site;

impl Site {
    #[cache_page(60)]
    async fn home(&self) -> &'static str {
        "page"
    }

    #[cache_page(60)]
    async fn about(self) -> &'static str {
        "page"
    }
}

fn main() {}
