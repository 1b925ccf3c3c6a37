#[allow(clippy::async_yields_async)]
async fn page(
    __cache_page_request: ::cache_page::__private::CachedRequest,
    id: web::Path<u64>,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .stale_while_revalidate(
                    ::cache_page::__private::finite(::cache_page::__private::seconds(30)),
                )
                .stale_if_error(
                    ::cache_page::__private::finite(
                        ::cache_page::__private::Ttl(DAY).get(),
                    ),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::page"));
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<web::Path<u64>, _>();
    (__cache_page_lookup)
        .serve_stale(async move { #[allow(unused_braces)] { id.to_string() } })
        .await
}
