use cache_page::purge_page;

#[purge_page]
async fn bare() -> &'static str {
    "page"
}

#[purge_page()]
async fn empty() -> &'static str {
    "page"
}

#[purge_page(name = "edit", cache = "big")]
async fn nothing_purged() -> &'static str {
    "page"
}

#[purge_page(60, tags = ["posts"])]
async fn ttl() -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"], ttl = 60)]
async fn named_ttl() -> &'static str {
    "page"
}

#[purge_page("/posts")]
async fn unnamed_path() -> &'static str {
    "page"
}

#[purge_page("posts")]
async fn unnamed_tag() -> &'static str {
    "page"
}

#[purge_page(["posts"])]
async fn unnamed_list() -> &'static str {
    "page"
}

#[purge_page(tags("posts"))]
async fn parentheses() -> &'static str {
    "page"
}

#[purge_page(POSTS)]
async fn constant() -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"], vary = ["accept"], path = "/posts", tag = "posts")]
async fn unknown() -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"],, tags = ["post"])]
async fn repeated() -> &'static str {
    "page"
}

fn main() {}
