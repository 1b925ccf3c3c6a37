#[purge_page(tags = ["post:{id}", "posts"], paths = ["/posts", "/posts/{id}"])]
#[post("/posts/{id}")]
pub async fn edit(id: web::Path<u64>, web::Json(post): web::Json<Post>) -> Result<impl Responder, AppError> {
    post.save(*id).await?;
    Ok("Edited")
}
