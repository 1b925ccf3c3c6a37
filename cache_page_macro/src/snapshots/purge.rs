#[allow(clippy::async_yields_async)]
async fn create(
    __request: ::cache_page::__private::Request,
) -> ::cache_page::__private::HttpResponse {
    static __PURGE: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
            ::core::concat!(::core::module_path!(), "::create"),
        )
        .tags(&["posts"]);
    fn __returns(_: impl Responder) {}
    (&__request)
        .purge_after(
            &__PURGE,
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
