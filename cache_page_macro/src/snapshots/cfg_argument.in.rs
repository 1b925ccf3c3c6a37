#[cache_page(60)]
async fn page(
    #[cfg(feature = "users")] user: Option<web::Data<Users>>,
    #[allow(unused)] id: web::Path<u64>,
) -> String {
    id.to_string()
}
