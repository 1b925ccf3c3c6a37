//! A module whose names are those that generated code would use if it were careless.

#![deny(warnings)]

mod site {
    use actix_web::{Responder, get, http::Method, web::Path};
    use cache_page::cache_page as cached;

    #[allow(dead_code)]
    mod core {}
    #[allow(dead_code)]
    mod std {}
    #[allow(dead_code)]
    struct Option;
    #[allow(dead_code)]
    struct Some;
    #[allow(dead_code)]
    struct None;
    #[allow(dead_code)]
    struct HttpResponse;
    type Result = ::core::result::Result<String, actix_web::Error>;

    #[get("/{__page}")]
    #[cached(60)]
    pub async fn home(__page: Path<u32>, __method: Method) -> Result {
        let __returns = format!("{__method} {__page}");
        Ok(__returns)
    }

    #[cached("1h 30m")]
    #[get("/about")]
    pub async fn about() -> impl Responder {
        "about"
    }
}

fn main() {
    let _ = (site::home, site::about);
}
