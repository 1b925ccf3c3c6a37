use cache_page::cache_page;

#[cache_page(1.5)]
async fn float() -> &'static str {
    "page"
}

#[cache_page(true)]
async fn boolean() -> &'static str {
    "page"
}

#[cache_page('5')]
async fn character() -> &'static str {
    "page"
}

#[cache_page(99999999999999999999)]
async fn huge() -> &'static str {
    "page"
}

#[cache_page(5m)]
async fn unit_without_quotes() -> &'static str {
    "page"
}

#[cache_page(5 minutes)]
async fn word_without_quotes() -> &'static str {
    "page"
}

#[cache_page(=)]
async fn punctuation() -> &'static str {
    "page"
}

fn main() {}
