#[post("/login")]
#[allow(clippy::async_yields_async)]
async fn login(
    __request: ::cache_page::__private::Request,
    form: web::Form<Login>,
    db: web::Data<Db>,
) -> ::cache_page::__private::HttpResponse {
    fn __returns(_: Result<impl Responder, AppError>) {}
    (&__request)
        .uncached(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                Result<_, AppError>,
            > {
                return __returns;
            }
            #[allow(unused_braces)]
            {
                db.login(form).await?;
                Ok(Redirect::to("/"))
            }
        })
        .await
}
