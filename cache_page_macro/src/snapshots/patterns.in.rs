#[cache_page(60)]
async fn page(
    web::Query(Page { number, mut size }): web::Query<Page>,
    (method, ref uri): (Method, Uri),
    #[unkeyed] _: HttpRequest,
) -> String {
    size += number;
    format!("{method} {uri} {size}")
}
