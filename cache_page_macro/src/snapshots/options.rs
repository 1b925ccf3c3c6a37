#[allow(clippy::async_yields_async)]
async fn page(
    __cache_page_request: framework::cache::__private::CachedRequest,
) -> framework::cache::__private::HttpResponse {
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            #[allow(unused_qualifications)]
            static __CACHE_PAGE_POLICY: framework::cache::__private::HandlerPolicy = framework::cache::__private::Policy::with_ttl(
                    framework::cache::__private::seconds(300),
                )
                .key_prefix("v2")
                .for_handler("home");
            &__CACHE_PAGE_POLICY
        });
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                String,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)] { String::new() }
        })
        .await
}
