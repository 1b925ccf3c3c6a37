#[allow(clippy::async_yields_async)]
pub(crate) async fn page(
    __request: ::cache_page::__private::Request,
    id: web::Path<u64>,
    mut user: CurrentUser,
    metrics: Metrics,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Path<u64>>();
    __lookup.key_value(&user);
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                HttpResponse,
            > {
                return __returns;
            }
            #[allow(unused_braces)]
            {
                user.visit(id, &metrics);
                HttpResponse::Ok().body(user.page())
            }
        })
        .await
}
