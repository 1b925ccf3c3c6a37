#[allow(clippy::async_yields_async)]
async fn page(
    __request: ::cache_page::__private::Request,
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
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Method, _>();
    __lookup.key_from::<Uri, _>();
    __lookup.key_from::<web::Query<Page>, _>();
    __lookup.key_from::<Method, _>();
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                String,
            > {
                return __returns;
            }
            #[allow(unused_braces)] { o.next() }
        })
        .await
}
