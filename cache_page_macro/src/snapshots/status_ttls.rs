#[allow(clippy::async_yields_async)]
async fn page(
    __request: ::cache_page::__private::Request,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .statuses(&[410])
        .status_ttls(const {
            &[
                (404, ::cache_page::__private::seconds(5)),
                (403, ::cache_page::__private::Ttl(BRIEF).get()),
                (451, ::core::option::Option::None),
            ]
        })
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                String,
            > {
                return __returns;
            }
            #[allow(unused_braces)] { String::new() }
        })
        .await
}
