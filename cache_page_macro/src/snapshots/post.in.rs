#[get("/posts/{id}")]
#[cache_page(60)]
async fn post(id: web::Path<u64>, db: web::Data<Db>) -> Result<impl Responder, AppError> {
    let post = db.post(*id).await?;
    Ok(post.render())
}
