#[allow(clippy::async_yields_async)]
async fn page(
    __cache_page_request: framework::cache::__private::CachedRequest,
    id: web::Path<u64>,
) -> framework::cache::__private::HttpResponse {
    let __cache_page_lookup = &mut (&__cache_page_request)
        .lookup({
            #[allow(unused_qualifications)]
            static __CACHE_PAGE_POLICY: framework::cache::__private::HandlerPolicy = framework::cache::__private::Policy::with_ttl(
                    framework::cache::__private::seconds(60),
                )
                .key_prefix("v2")
                .statuses(&[404, 410])
                .vary(&["accept-language"])
                .vary_cookie(&["theme", "contrast"])
                .ignore_query(&["utm_*", "ref"])
                .bypass_if(|request| request.path() == "/live")
                .no_store_if(is_empty)
                .browser_ttl(
                    framework::cache::__private::finite(
                        framework::cache::__private::seconds_and_nanos(1, 500000000),
                    ),
                )
                .cdn_ttl(
                    framework::cache::__private::finite(
                        framework::cache::__private::seconds(3600),
                    ),
                )
                .max_body(64 * 1024)
                .compress(true)
                .for_handler("home");
            &__CACHE_PAGE_POLICY
        });
    __cache_page_lookup.key_from::<web::Path<u64>, _>();
    __cache_page_lookup.key_by(tenant::of::<Name, Region>);
    __cache_page_lookup.key_by_header("accept", media_type);
    __cache_page_lookup.normalize("x-language", languages);
    (__cache_page_lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                String,
            > {
                return __cache_page_returns;
            }
            #[allow(unused_braces)] { id.to_string() }
        })
        .await
}
