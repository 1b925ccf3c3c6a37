#[allow(clippy::async_yields_async)]
async fn post(
    __page: ::cache_page::__private::Request,
    id: web::Path<u64>,
    db: web::Data<Db>,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::Policy = ::cache_page::__private::Policy::new(
        ::core::concat!(::core::module_path!(), "::post"),
        ::cache_page::__private::seconds(60),
    );
    fn __returns(_: Result<impl Responder, AppError>) {}
    let __page = &mut (&__page).begin(&__POLICY);
    __page.reads::<web::Path<u64>>();
    __page.reads::<web::Data<Db>>();
    (__page)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                Result<_, AppError>,
            > {
                return __returns;
            }
            #[allow(unused_braces)]
            {
                let post = db.post(*id).await?;
                Ok(post.render())
            }
        })
        .await
}
