#[purge_page(paths = ["/posts"], refill = true, cache = "big", name = "edit", crate = framework::cache)]
async fn edit<T: Store>(store: web::Data<T>) -> HttpResponse {
    store.edit()
}
