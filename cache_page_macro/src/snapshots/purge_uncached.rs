#[cache_page(uncached)]
#[allow(clippy::async_yields_async)]
async fn refresh(
    __request: ::cache_page::__private::Request,
) -> ::cache_page::__private::HttpResponse {
    static __PURGE: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
            ::core::concat!(::core::module_path!(), "::refresh"),
        )
        .tags(&["posts"]);
    (&__request)
        .purge_after(
            &__PURGE,
            async move {
                if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                    &'static str,
                > {
                    return __returns;
                }
                #[allow(unused_braces)] { "Refreshed" }
            },
        )
        .await
}
