#[allow(clippy::async_yields_async)]
async fn page(
    __request: ::cache_page::__private::Request,
    id: web::Path<u64>,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .stale_while_revalidate(
            ::cache_page::__private::finite(::cache_page::__private::seconds(30)),
        )
        .stale_if_error(
            ::cache_page::__private::finite(::cache_page::__private::Ttl(DAY).get()),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    fn __returns(_: impl Responder) {}
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Path<u64>, _>();
    (__lookup)
        .serve_stale(async move { #[allow(unused_braces)] { id.to_string() } })
        .await
}
