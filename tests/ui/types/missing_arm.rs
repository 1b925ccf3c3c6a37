use actix_web::{get, web};
use cache_page::cache_page;

enum Parity {
    Even,
    Odd,
}

impl Parity {
    fn of(number: u32) -> Self {
        if number % 2 == 0 { Self::Even } else { Self::Odd }
    }
}

#[get("/{id}")]
#[cache_page(60)]
async fn post(id: web::Path<u32>) -> &'static str {
    match Parity::of(*id) {
        Parity::Even => "even",
    }
}

fn main() {}
