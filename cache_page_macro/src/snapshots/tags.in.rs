#[cache_page(60, tags = ["posts", "post:{id}"], cache = "big")]
#[get("/posts/{id}")]
async fn post(id: web::Path<u64>) -> String {
    id.to_string()
}
