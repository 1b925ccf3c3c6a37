use cache_page::cache_page;

#[cache_page(60, vary = ["Accept-Langauge", "*", "accept language", "", "accept", "Accept", 5])]
async fn headers() -> &'static str {
    "page"
}

#[cache_page(60, vary = "accept-language")]
async fn one_header() -> &'static str {
    "page"
}

#[cache_page(60, vary = [], vary_cookie = [])]
async fn empty() -> &'static str {
    "page"
}

#[cache_page(60, vary_cookie = ["theme", "my theme", "", theme, "theme"])]
async fn cookies() -> &'static str {
    "page"
}

#[cache_page(60, query = ["page", "utm_*", "", 5, "page"])]
async fn parameters() -> &'static str {
    "page"
}

#[cache_page(60, ignore_query = ["utm_*", "*_id", "u*m", "**", "*", "", "utm_*"])]
async fn ignored_parameters() -> &'static str {
    "page"
}

#[cache_page(60, vary = ["user-agnet", "accept-langage", "x-forwarded-hots", "cokie"])]
async fn misspelled_headers() -> &'static str {
    "page"
}

#[cache_page(60, normalize = ["accept", "Cookie" => f, "accept" => f, "x-a" => 5, "*" => f])]
async fn normalized() -> &'static str {
    "page"
}

fn main() {}
