#[allow(clippy::async_yields_async)]
async fn edit<T: Store>(
    __cache_page_request: framework::cache::__private::PurgingRequest,
    store: web::Data<T>,
) -> framework::cache::__private::HttpResponse {
    (&__cache_page_request)
        .purge_after(
            {
                #[allow(unused_qualifications)]
                static __CACHE_PAGE_POLICY: framework::cache::__private::PurgePolicy = framework::cache::__private::PurgePolicy::new(
                        "edit",
                    )
                    .paths(&["/posts"])
                    .refill(true)
                    .cache("big");
                &__CACHE_PAGE_POLICY
            },
            async move {
                if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                    HttpResponse,
                > {
                    return __cache_page_returns;
                }
                #[allow(unused_braces)] { store.edit() }
            },
        )
        .await
}
