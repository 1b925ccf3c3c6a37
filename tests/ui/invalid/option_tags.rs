use cache_page::cache_page;

#[cache_page(60, tags = ["posts", "", " ", " posts", "post\n", 5, posts, "posts"])]
async fn elements() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["post:{id", "post:id}", "post:{}", "post:{ id }", "post:{a b}", "post:{{id}}"])]
async fn braces() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["post:{id:[0-9]+}"])]
async fn pattern() -> &'static str {
    "page"
}

#[cache_page(60, tags = [])]
async fn empty() -> &'static str {
    "page"
}

#[cache_page(60, tags = "posts")]
async fn not_a_list() -> &'static str {
    "page"
}

#[cache_page(60, tag = "posts")]
async fn misnamed() -> &'static str {
    "page"
}

#[cache_page(60, tags = [
    "0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "10", "11", "12", "13", "14", "15", "16", "17", "18", "19",
    "20", "21", "22", "23", "24", "25", "26", "27", "28", "29", "30", "31", "32", "33",
])]
async fn too_many() -> &'static str {
    "page"
}

#[cache_page(60, tags = ["a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag-a-long-tag"])]
async fn too_long() -> &'static str {
    "page"
}

fn main() {}
