#[actix_web::routes]
#[get("/posts/{id}")]
///A post.
#[allow(clippy::async_yields_async)]
pub async fn page(
    __cache_page_request: ::cache_page::__private::CachedRequest,
    id: web::Path<u64>,
    user: User,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::page"));
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<web::Path<u64>, _>();
    __cache_page_lookup.key_value(&user);
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                Result<_, AppError>,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)] { render(id.into_inner(), user) }
        })
        .await
}
#[allow(dead_code)]
///A post.
pub async fn original_page(
    id: web::Path<u64>,
    user: User,
) -> Result<impl Responder, AppError> {
    render(id.into_inner(), user)
}
