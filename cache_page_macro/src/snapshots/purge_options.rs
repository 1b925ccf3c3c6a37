#[allow(clippy::async_yields_async)]
async fn edit<T: Store>(
    __request: framework::cache::__private::Request,
    store: web::Data<T>,
) -> framework::cache::__private::HttpResponse {
    #[allow(unused_qualifications)]
    static __PURGE: framework::cache::__private::PurgePolicy = framework::cache::__private::PurgePolicy::new(
            "edit",
        )
        .paths(&["/posts"])
        .cache("big");
    (&__request)
        .purge_after(
            &__PURGE,
            async move {
                if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                    HttpResponse,
                > {
                    return __returns;
                }
                #[allow(unused_braces)] { store.edit() }
            },
        )
        .await
}
