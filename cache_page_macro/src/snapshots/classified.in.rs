#[cache_page(60)]
pub(crate) async fn page(
    id: web::Path<u64>,
    #[key] mut user: CurrentUser,
    #[unkeyed] metrics: Metrics,
) -> HttpResponse {
    user.visit(id, &metrics);
    HttpResponse::Ok().body(user.page())
}
