#[get("/")]
#[allow(clippy::async_yields_async)]
async fn hello(
    __request: ::cache_page::__private::Request,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::hello"));
    fn __returns(_: impl Responder) {}
    let __lookup = &mut (&__request).lookup(&__POLICY);
    (__lookup).serve(async move { #[allow(unused_braces)] { "Hello World" } }).await
}
