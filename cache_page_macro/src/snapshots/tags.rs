#[get("/posts/{id}")]
#[allow(clippy::async_yields_async)]
async fn post(
    __request: ::cache_page::__private::Request,
    id: web::Path<u64>,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .tags(&["posts", "post:{id}"])
        .cache("big")
        .for_handler(::core::concat!(::core::module_path!(), "::post"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Path<u64>, _>();
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                String,
            > {
                return __returns;
            }
            #[allow(unused_braces)] { id.to_string() }
        })
        .await
}
