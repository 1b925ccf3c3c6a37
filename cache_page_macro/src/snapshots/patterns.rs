#[allow(clippy::async_yields_async)]
async fn page(
    __request: ::cache_page::__private::Request,
    web::Query(Page { number, mut size }): web::Query<Page>,
    (method, ref uri): (Method, Uri),
    _: HttpRequest,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Query<Page>, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Uri, _>();
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                String,
            > {
                return __returns;
            }
            #[allow(unused_braces)]
            {
                size += number;
                format!("{method} {uri} {size}")
            }
        })
        .await
}
