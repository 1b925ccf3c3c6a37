//! A module with names that would shadow those of careless generated code.

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

    #[get("/{__request}")]
    #[cached(60)]
    pub async fn home(__request: Path<u32>, __lookup: Method) -> Result {
        let __returns = format!("{__lookup} {__request}");
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
