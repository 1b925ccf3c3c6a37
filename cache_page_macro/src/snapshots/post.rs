#[allow(clippy::async_yields_async)]
async fn post(
    __cache_page_request: ::cache_page::__private::CachedRequest,
    id: web::Path<u64>,
    db: web::Data<Db>,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::post"));
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<web::Path<u64>, _>();
    __cache_page_lookup.key_from::<web::Data<Db>, _>();
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                Result<_, AppError>,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)]
            {
                let post = db.post(*id).await?;
                Ok(post.render())
            }
        })
        .await
}
