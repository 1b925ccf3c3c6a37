#[cache_page(uncached)]
#[post("/login")]
async fn login(form: web::Form<Login>, db: web::Data<Db>) -> Result<impl Responder, AppError> {
    db.login(form).await?;
    Ok(Redirect::to("/"))
}
