#[allow(clippy::async_yields_async)]
async fn post(
    __request: ::cache_page::__private::Request,
    id: web::Path<u64>,
    db: web::Data<Db>,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::post"));
    fn __returns(_: Result<impl Responder, AppError>) {}
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Path<u64>, _>();
    __lookup.key_from::<web::Data<Db>, _>();
    (__lookup)
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
