/// The page.
#[must_use]
#[allow(clippy::async_yields_async)]
pub async fn page(
    __request: ::cache_page::__private::Request,
) -> ::cache_page::__private::HttpResponse {
    #![allow(unused_variables)]
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                String,
            > {
                return __returns;
            }
            #[allow(unused_braces)]
            {
                let unused = 5;
                String::new()
            }
        })
        .await
}
