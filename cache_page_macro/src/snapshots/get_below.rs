#[get("/")]
#[allow(clippy::async_yields_async)]
async fn hello(
    __cache_page_request: ::cache_page::__private::CachedRequest,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::hello"));
            &__CACHE_PAGE_POLICY
        });
    (__cache_page_lookup)
        .serve(async move { #[allow(unused_braces)] { "Hello World" } })
        .await
}
