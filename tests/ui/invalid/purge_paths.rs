use cache_page::purge_page;

#[purge_page(paths = ["/posts", "", "posts", "https://example.com/posts", "/posts ", 5, "/posts"])]
async fn elements() -> &'static str {
    "page"
}

#[purge_page(paths = ["/posts?page=1", "/posts#last"])]
async fn queries() -> &'static str {
    "page"
}

#[purge_page(paths = ["/posts/*", "/*", "/posts/*/comments", "/files/{tail}*"])]
async fn wildcards() -> &'static str {
    "page"
}

#[purge_page(paths = ["/posts/{id", "/posts/id}", "/posts/{}", "/posts/{id:[0-9]+}"])]
async fn braces() -> &'static str {
    "page"
}

#[purge_page(paths = [])]
async fn empty() -> &'static str {
    "page"
}

#[purge_page(paths = "/posts")]
async fn not_a_list() -> &'static str {
    "page"
}

fn main() {}
