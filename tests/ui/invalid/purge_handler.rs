use actix_web::{post, web::Bytes};
use cache_page::{cache_page, purge_page};

#[purge_page(tags = ["posts"])]
fn not_async() -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"])]
async fn no_return_type() {}

#[purge_page(tags = ["posts"])]
async fn arg_attributes(#[key] _body: Bytes, #[unkeyed] _again: Bytes) -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"])]
#[cache_page(60)]
async fn cached_below(#[key] _body: Bytes) -> &'static str {
    "page"
}

#[cache_page(60)]
#[purge_page(tags = ["posts"])]
async fn cached_above() -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"])]
#[post("/posts")]
#[cache_page::purge_page(tags = ["post"])]
async fn repeated() -> &'static str {
    "page"
}

#[purge_page(tags = ["posts"])]
struct Posts;

struct Editor;

impl Editor {
    #[purge_page(tags = ["posts"])]
    async fn edit(&self) -> &'static str {
        "page"
    }
}

trait Edit {
    #[purge_page(tags = ["posts"])]
    async fn edit() -> &'static str;
}

fn main() {}
