#[cache_page(uncached)]
#[allow(clippy::async_yields_async)]
async fn refresh(
    __cache_page_request: ::cache_page::__private::PurgingRequest,
) -> ::cache_page::__private::HttpResponse {
    (&__cache_page_request)
        .purge_after(
            {
                static __CACHE_PAGE_POLICY: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
                        ::core::concat!(::core::module_path!(), "::refresh"),
                    )
                    .tags(&["posts"]);
                &__CACHE_PAGE_POLICY
            },
            async move {
                if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                    &'static str,
                > {
                    return __cache_page_returns;
                }
                #[allow(unused_braces)] { "Refreshed" }
            },
        )
        .await
}
