#[allow(clippy::async_yields_async)]
async fn page(
    __cache_page_request: ::cache_page::__private::CachedRequest,
    web::Query(Page { number, mut size }): web::Query<Page>,
    (method, ref uri): (Method, Uri),
    _: HttpRequest,
) -> ::cache_page::__private::HttpResponse {
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::page"));
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<web::Query<Page>, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Uri, _>();
    __cache_page_lookup.unkeyed::<HttpRequest>();
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                String,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)]
            {
                size += number;
                format!("{method} {uri} {size}")
            }
        })
        .await
}
