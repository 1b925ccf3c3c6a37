use cache_page::cache_page;

#[cache_page(60, statuses = [404 => 0, 410 => "5", 206 => "5s", 404 => -1])]
async fn elements() -> &'static str {
    "page"
}

const ZERO: u64 = 0;

#[cache_page(60, statuses = [404 => ZERO])]
async fn constant() -> &'static str {
    "page"
}

#[cache_page(60, statuses = [404 = 5])]
async fn equals_sign() -> &'static str {
    "page"
}

#[cache_page(60, statuses = [404 =>])]
async fn no_ttl() -> &'static str {
    "page"
}

fn main() {}
