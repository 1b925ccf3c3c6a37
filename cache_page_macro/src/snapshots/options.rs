#[allow(clippy::async_yields_async)]
async fn page(
    __request: framework::cache::__private::Request,
) -> framework::cache::__private::HttpResponse {
    #[allow(unused_qualifications)]
    static __POLICY: framework::cache::__private::HandlerPolicy = framework::cache::__private::Policy::with_ttl(
            framework::cache::__private::seconds(300),
        )
        .key_prefix("v2")
        .for_handler("home");
    let __lookup = &mut (&__request).lookup(&__POLICY);
    (__lookup)
        .serve(async move {
            if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                String,
            > {
                return __returns;
            }
            #[allow(unused_braces)] { String::new() }
        })
        .await
}
