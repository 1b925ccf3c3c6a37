use cache_page::cache_page;

#[cache_page("5 minutes please")]
async fn words() -> &'static str {
    "page"
}

#[cache_page("60")]
async fn no_unit() -> &'static str {
    "page"
}

#[cache_page("")]
async fn empty() -> &'static str {
    "page"
}

#[cache_page("soon")]
async fn no_number() -> &'static str {
    "page"
}

#[cache_page("5 parsecs")]
async fn unknown_unit() -> &'static str {
    "page"
}

#[cache_page("1h 30")]
async fn second_unit_missing() -> &'static str {
    "page"
}

#[cache_page("99999999999999999999s")]
async fn huge() -> &'static str {
    "page"
}

fn main() {}
