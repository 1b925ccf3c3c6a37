use cache_page::cache_page;

#[cache_page(60, stale_while_revalidate = "30s", stale_if_error = DAY)]
async fn page(id: web::Path<u64>) -> impl Responder {
    id.to_string()
}
