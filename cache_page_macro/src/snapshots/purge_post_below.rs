#[post("/posts/{id}")]
#[allow(clippy::async_yields_async)]
pub async fn edit(
    __cache_page_request: ::cache_page::__private::PurgingRequest,
    id: web::Path<u64>,
    web::Json(post): web::Json<Post>,
) -> ::cache_page::__private::HttpResponse {
    {
        fn __cache_page_traits(_: impl Responder) {}
    }
    (&__cache_page_request)
        .purge_after(
            {
                static __CACHE_PAGE_POLICY: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
                        ::core::concat!(::core::module_path!(), "::edit"),
                    )
                    .tags(&["post:{id}", "posts"])
                    .paths(&["/posts", "/posts/{id}"]);
                &__CACHE_PAGE_POLICY
            },
            async move {
                if let ::core::option::Option::Some(__cache_page_returns) = ::core::option::Option::None::<
                    Result<_, AppError>,
                > {
                    return __cache_page_returns;
                }
                #[allow(unused_braces)]
                {
                    post.save(*id).await?;
                    Ok("Edited")
                }
            },
        )
        .await
}
