#[allow(clippy::async_yields_async)]
async fn create(
    __cache_page_request: ::cache_page::__private::PurgingRequest,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    (&__cache_page_request)
        .purge_after(
            {
                static __CACHE_PAGE_POLICY: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
                        ::core::concat!(::core::module_path!(), "::create"),
                    )
                    .tags(&["posts"]);
                &__CACHE_PAGE_POLICY
            },
            async move {
                #[allow(unused_braces)]
                {
                    RUNS.fetch_add(1, Ordering::Relaxed);
                    "Created"
                }
            },
        )
        .await
}
