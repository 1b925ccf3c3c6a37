#[allow(clippy::async_yields_async)]
pub(crate) async fn page(
    __request: ::cache_page::__private::Request,
    id: web::Path<u64>,
    (query, result, ()): (web::Query<Search>, Result<web::Header<Range>, Error>, ()),
    size: Result<web::Query<Size>, Error>,
    mut user: CurrentUser,
    shop: Shop,
    metrics: Metrics,
    session: Option<Session>,
    visitor: Visitor,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Path<u64>, _>();
    __lookup.key_from::<web::Query<Search>, _>();
    __lookup.key_from_result(&result);
    __lookup.key_from_result(&size);
    __lookup.key_value(&user);
    __lookup.key_value_by(&shop, |shop| shop.id);
    __lookup.anonymous(&session);
    __lookup.anonymous_by(&visitor, visitor::is_guest);
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
