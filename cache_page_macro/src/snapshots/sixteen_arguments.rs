#[allow(clippy::async_yields_async)]
async fn page(
    __cache_page_request: ::cache_page::__private::CachedRequest,
    a: Method,
    b: Method,
    c: Method,
    d: Method,
    e: Method,
    f: Method,
    g: Method,
    h: Method,
    i: Method,
    j: Method,
    k: Method,
    l: Method,
    m: Method,
    (n, mut o): (Uri, web::Query<Page>),
    #[allow(unused)]
    p: Method,
) -> ::cache_page::__private::HttpResponse {
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::page"));
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Method, _>();
    __cache_page_lookup.key_from::<Uri, _>();
    __cache_page_lookup.key_from::<web::Query<Page>, _>();
    __cache_page_lookup.key_from::<Method, _>();
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                String,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)] { o.next() }
        })
        .await
}
