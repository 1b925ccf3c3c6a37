#[allow(clippy::async_yields_async)]
async fn page<'a, R, const N: usize>(
    __cache_page_request: ::cache_page::__private::CachedRequest,
    repo: web::Data<R>,
) -> ::cache_page::__private::HttpResponse
where
    R: Repo,
{
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICY: ::cache_page::__private::HandlerPolicy = ::cache_page::__private::Policy::with_ttl(
                    ::cache_page::__private::seconds(60),
                )
                .for_handler(::core::concat!(::core::module_path!(), "::page"));
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<web::Data<R>, _>();
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                Either<_, &'static str>,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)] { Either::Left(repo.page::<N>()) }
        })
        .await
}
