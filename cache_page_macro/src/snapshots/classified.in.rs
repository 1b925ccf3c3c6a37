#[cache_page(60)]
pub(crate) async fn page(
    id: web::Path<u64>,
    #[vary] mut user: CurrentUser,
    #[shared] metrics: Metrics,
) -> HttpResponse {
    user.visit(id, &metrics);
    HttpResponse::Ok().body(user.page())
}
