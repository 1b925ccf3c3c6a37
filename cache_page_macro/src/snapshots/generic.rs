#[allow(clippy::async_yields_async)]
async fn page<'a, R, const N: usize>(
    __request: ::cache_page::__private::Request,
    repo: web::Data<R>,
) -> ::cache_page::__private::HttpResponse
where
    R: Repo,
{
    static __POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
            ::cache_page::__private::seconds(60),
        )
        .for_handler(::core::concat!(::core::module_path!(), "::page"));
    #[allow(single_use_lifetimes, unused_lifetimes)]
    fn __returns<'a, R, const N: usize>(_: Either<impl Responder, &'static str>)
    where
        R: Repo,
    {}
    let __lookup = &mut (&__request).lookup(&__POLICY);
    __lookup.key_from::<web::Data<R>, _>();
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                Either<_, &'static str>,
            > {
                return __returns;
            }
            #[allow(unused_braces)] { Either::Left(repo.page::<N>()) }
        })
        .await
}
