use cache_page::cache_page;

const NAME: &str = "5m";

fn configured() -> u64 {
    60
}

#[cache_page(NAME)]
async fn string() -> &'static str {
    "page"
}

#[cache_page(configured())]
async fn not_constant() -> &'static str {
    "page"
}

#[cache_page(MISSING)]
async fn unknown() -> &'static str {
    "page"
}

fn main() {}
