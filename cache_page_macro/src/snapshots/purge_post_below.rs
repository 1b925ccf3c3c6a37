#[post("/posts/{id}")]
#[allow(clippy::async_yields_async)]
pub async fn edit(
    __request: ::cache_page::__private::Request,
    id: web::Path<u64>,
    web::Json(post): web::Json<Post>,
) -> ::cache_page::__private::HttpResponse {
    static __PURGE: ::cache_page::__private::PurgePolicy = ::cache_page::__private::PurgePolicy::new(
            ::core::concat!(::core::module_path!(), "::edit"),
        )
        .tags(&["post:{id}", "posts"])
        .paths(&["/posts", "/posts/{id}"]);
    fn __returns(_: Result<impl Responder, AppError>) {}
    (&__request)
        .purge_after(
            &__PURGE,
            async move {
                if let ::core::option::Option::Some(__returns) = ::core::option::Option::None::<
                    Result<_, AppError>,
                > {
                    return __returns;
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
