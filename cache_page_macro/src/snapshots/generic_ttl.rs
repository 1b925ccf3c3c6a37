#[get("/")]
#[allow(clippy::async_yields_async)]
pub async fn page<T: Settings>(
    __cache_page_request: ::cache_page::__private::CachedRequest,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
        #[allow(unused_imports)]
        use Into as _;
        let _ = ::core::marker::PhantomData::<Body<T>>;
        let _ = ::core::marker::PhantomData::<T>;
    }
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            static __CACHE_PAGE_POLICIES: ::cache_page::__private::GenericPolicy = ::cache_page::__private::GenericPolicy::new(
                ::core::concat!(::core::module_path!(), "::page"),
            );
            __CACHE_PAGE_POLICIES
                .of(const {
                    &::cache_page::__private::Policy::with_ttl(
                            ::cache_page::__private::Ttl(Self::TTL).get(),
                        )
                        .browser_ttl(
                            ::cache_page::__private::finite(
                                ::cache_page::__private::Ttl(T::TTL).get(),
                            ),
                        )
                })
        });
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                Result<_, T::Error>,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)] { render() }
        })
        .await
}
