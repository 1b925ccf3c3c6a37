#[get("/")]
#[cache_page(60)]
async fn hello() -> impl Responder {
    RUNS.fetch_add(1, Ordering::Relaxed);
    "Hello World"
}
