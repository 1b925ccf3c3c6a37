#[purge_page("/posts", tags = ["post:{slug}"], tag = "posts")]
#[post("/posts/{id}")]
fn edit(#[key] id: web::Path<u64>) {
    save(id);
}
