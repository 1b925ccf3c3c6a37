#[post("/posts")]
#[purge_page(tags = ["posts"])]
async fn create() -> impl Responder {
    RUNS.fetch_add(1, Ordering::Relaxed);
    "Created"
}
