#[allow(clippy::async_yields_async)]
async fn hello(
    __page: ::cache_page::__private::Request,
) -> ::cache_page::__private::HttpResponse {
    #[allow(unused_qualifications)]
    static __POLICY: ::cache_page::__private::Policy = ::cache_page::__private::Policy::new(
        ::core::concat!(::core::module_path!(), "::hello"),
        ::cache_page::__private::seconds(60),
    );
    #[allow(dead_code, single_use_lifetimes, unused_lifetimes)]
    fn __returns(_: impl Responder) {}
    let __page = &mut ::cache_page::__private::Request::begin(&__page, &__POLICY);
    (__page)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                _,
            > {
                return __returns;
            }
            #[allow(unused_braces)]
            {
                RUNS.fetch_add(1, Ordering::Relaxed);
                "Hello World"
            }
        })
        .await
}
