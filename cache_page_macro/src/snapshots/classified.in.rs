#[cache_page(60)]
pub(crate) async fn page(
    id: web::Path<u64>,
    (query, result, ()): (web::Query<Search>, Result<web::Header<Range>, Error>, ()),
    size: Result<web::Query<Size>, Error>,
    #[key] mut user: CurrentUser,
    #[key(by = |shop| shop.id)] shop: Shop,
    #[unkeyed] metrics: Metrics,
    #[anonymous] session: Option<Session>,
    #[anonymous(by = visitor::is_guest)] visitor: Visitor,
) -> HttpResponse {
    user.visit(id, &metrics);
    HttpResponse::Ok().body(user.page())
}
