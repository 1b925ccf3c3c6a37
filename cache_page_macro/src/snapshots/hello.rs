#[allow(clippy::async_yields_async)]
async fn hello(
    __request: ::cache_page::__private::Request,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::Policy = ::cache_page::__private::Policy::new(
        ::core::concat!(::core::module_path!(), "::hello"),
        ::cache_page::__private::seconds(60),
    );
    fn __returns(_: impl Responder) {}
    let __lookup = &mut (&__request).lookup(&__POLICY);
    (__lookup)
        .serve(async move {
            #[allow(unused_braces)]
            {
                RUNS.fetch_add(1, Ordering::Relaxed);
                "Hello World"
            }
        })
        .await
}
