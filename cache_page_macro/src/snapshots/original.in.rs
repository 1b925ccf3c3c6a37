#[cache_page(60, uncached = original_page)]
#[actix_web::routes]
#[get("/posts/{id}")]
#[doc = "A post."]
pub async fn page(id: web::Path<u64>, #[key] user: User) -> Result<impl Responder, AppError> {
    render(id.into_inner(), user)
}
