#[cache_page(60)]
#[get("/")]
async fn hello() -> impl Responder {
    "Hello World"
}
