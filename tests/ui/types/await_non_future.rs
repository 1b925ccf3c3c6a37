use actix_web::get;
use cache_page::cache_page;

fn render() -> String {
    String::new()
}

#[get("/")]
#[cache_page(60)]
async fn home() -> String {
    render().await
}

fn main() {}
