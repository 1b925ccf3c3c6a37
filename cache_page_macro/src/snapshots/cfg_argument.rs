#[allow(clippy::async_yields_async)]
async fn page(
    __request: ::cache_page::__private::Request,
    #[cfg(feature = "users")]
    user: Option<web::Data<Users>>,
    #[allow(unused)]
    id: web::Path<u64>,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    #[cfg(feature = "users")] __lookup.key_from::<Option<web::Data<Users>>, _>();
    __lookup.key_from::<web::Path<u64>, _>();
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                String,
            > {
                return __returns;
            }
            #[allow(unused_braces)] { id.to_string() }
        })
        .await
}
