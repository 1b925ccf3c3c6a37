#[post("/login")]
#[allow(clippy::async_yields_async)]
async fn login(
    __cache_page_request: ::cache_page::__private::UncachedRequest,
    form: web::Form<Login>,
    db: web::Data<Db>,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    (&__cache_page_request)
        .uncached(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                Result<_, AppError>,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)]
            {
                db.login(form).await?;
                Ok(Redirect::to("/"))
            }
        })
        .await
}
