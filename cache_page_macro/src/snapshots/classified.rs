#[allow(clippy::async_yields_async)]
pub(crate) async fn page(
    __cache_page_request: ::cache_page::__private::CachedRequest,
    id: web::Path<u64>,
    (query, result, ()): (web::Query<Search>, Result<web::Header<Range>, Error>, ()),
    size: Result<web::Query<Size>, Error>,
    mut user: CurrentUser,
    shop: Shop,
    metrics: Metrics,
    session: Option<Session>,
    visitor: Visitor,
) -> ::cache_page::__private::HttpResponse {
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::page"));
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<web::Path<u64>, _>();
    __cache_page_lookup.key_from::<web::Query<Search>, _>();
    __cache_page_lookup.key_from_result(&result);
    __cache_page_lookup.key_from_result(&size);
    __cache_page_lookup.key_value(&user);
    __cache_page_lookup.key_value_by(&shop, |shop| shop.id);
    __cache_page_lookup.unkeyed::<Metrics>();
    __cache_page_lookup.anonymous(&session);
    __cache_page_lookup.anonymous_by(&visitor, visitor::is_guest);
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                HttpResponse,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)]
            {
                user.visit(id, &metrics);
                HttpResponse::Ok().body(user.page())
            }
        })
        .await
}
