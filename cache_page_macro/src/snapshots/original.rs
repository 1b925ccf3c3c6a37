#[actix_web::routes]
#[get("/posts/{id}")]
///A post.
#[allow(clippy::async_yields_async)]
pub async fn page(
    __request: ::cache_page::__private::Request,
    id: web::Path<u64>,
    user: User,
) -> ::cache_page::__private::HttpResponse {
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    fn __returns(_: Result<impl Responder, AppError>) {}
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Path<u64>, _>();
    __lookup.key_value(&user);
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                Result<_, AppError>,
            > {
                return __returns;
            }
            #[allow(unused_braces)] { render(id.into_inner(), user) }
        })
        .await
}
#[allow(dead_code)]
///A post.
pub async fn original_page(
    id: web::Path<u64>,
    user: User,
) -> Result<impl Responder, AppError> {
    render(id.into_inner(), user)
}
