//! What the user's module, and the body, call their own things.

/// The names that the expansion uses, taken by the body.
mod locals {
    in_both_orders! {
        mod variables("/{id}", "/7") => (200, "7 1 2 3, run 1");
        async fn page(id: web::Path<u32>) -> impl Responder {
            let __page = 1;
            let policy = 2;
            let __returns = 3;
            format!("{id} {__page} {policy} {__returns}, run {}", run())
        }
        use actix_web::{Responder, web};
    }

    in_both_orders! {
        mod items("/", "/") => (200, "1 2 3, run 1");
        async fn page() -> String {
            const __POLICY: u32 = 1;
            static POLICY: u32 = 2;
            fn __returns() -> u32 {
                3
            }
            format!("{__POLICY} {POLICY} {}, run {}", __returns(), run())
        }
    }

    in_both_orders! {
        mod items_of_the_module("/", "/") => (200, "1 Request, run 1");
        async fn page() -> String {
            format!("{POLICY} {Request:?}, run {}", run())
        }

        static POLICY: u32 = 1;

        #[derive(Debug)]
        struct Request;
    }
}

/// Arguments of those names. Not through a macro, which would keep its names and the attribute's apart.
mod arguments {
    use actix_web::{
        get,
        http::{Method, Uri},
        web::Path,
    };
    use cache_page::cache_page;

    use crate::shapes::{kept, run};

    #[cache_page(60)]
    #[get("/{id}")]
    async fn above(__page: Path<u32>, request: Method, #[key] __returns: Uri) -> String {
        format!("{__page} {request} {__returns}, run {}", run())
    }

    #[get("/{id}")]
    #[cache_page(60)]
    async fn below(__page: Path<u32>, request: Method, #[key] __returns: Uri) -> String {
        format!("{__page} {request} {__returns}, run {}", run())
    }

    #[actix_web::test]
    async fn is_kept() {
        assert_eq!(kept(above, "/7").await.text(), "7 GET /7, run 1");
        assert_eq!(kept(below, "/7").await.text(), "7 GET /7, run 1");
    }
}

in_both_orders! {
    mod crates("/{id}", "/7") => (200, "7 actix_web cache_page core std, run 1");
    async fn page(id: ::actix_web::web::Path<u32>) -> String {
        let names = [actix::NAME, cache_page_::NAME, core::NAME, std::NAME].join(" ");
        format!("{id} {names}, run {}", run())
    }

    mod std {
        pub(super) const NAME: &str = "std";
    }
    mod core {
        pub(super) const NAME: &str = "core";
    }
    mod actix {
        pub(super) const NAME: &str = "actix_web";
    }
    mod cache_page_ {
        pub(super) const NAME: &str = "cache_page";
    }
}

in_both_orders! {
    mod prelude("/{id}", "/7") => (200, "7 Some None Option HttpResponse, run 1");
    async fn page(id: Path<u32>) -> Result<::std::string::String> {
        let names = format!("{Some:?} {None:?} {Option:?} {HttpResponse:?}");
        Ok(format!("{id} {names}, run {}", run()))
    }
    use ::actix_web::{Error, web::Path};
    use ::std::result::Result::Ok;

    #[derive(Debug)]
    struct Some;

    #[derive(Debug)]
    struct None;

    #[derive(Debug)]
    struct Option;

    #[derive(Debug)]
    struct HttpResponse;

    type Result<T> = ::std::result::Result<T, Error>;
}

in_both_orders! {
    mod macros("/", "/") => (200, "concat module_path, run 1");
    async fn page() -> String {
        format!("{} {}, run {}", concat!(), module_path!(), run())
    }
    macro_rules! concat_ {
        () => { "concat" };
    }

    macro_rules! module_path_ {
        () => { "module_path" };
    }
    use {concat_ as concat, module_path_ as module_path};
}

// Methods for every type there is, named as those that the expansion calls.
in_both_orders! {
    mod methods("/{id}", "/7") => (200, "7 begin reads vary serve get, run 1");
    async fn page(id: Path<u32>, #[key] method: Method) -> String {
        drop(method);
        format!("{id} {} {} {} {} {}, run {}", 1.begin(), 1.reads(), 1.vary(), 1.serve(), 1.get(), run())
    }
    use actix_web::{http::Method, web::Path};

    trait Everywhere: Sized {
        fn begin(self) -> &'static str {
            "begin"
        }
        fn reads(self) -> &'static str {
            "reads"
        }
        fn vary(self) -> &'static str {
            "vary"
        }
        fn serve(self) -> &'static str {
            "serve"
        }
        fn get(self) -> &'static str {
            "get"
        }
    }

    impl<T> Everywhere for T {}
}

// Nothing is imported by the expansion, so what the user has no name for stays nameless.
in_both_orders! {
    mod qualified("/{id}", "/7") => (200, "7, run 1");
    async fn page(id: actix_web::web::Path<u32>) -> actix_web::Result<actix_web::HttpResponse> {
        Ok(actix_web::HttpResponse::Ok().body(format!("{id}, run {}", run())))
    }
}

// What the user has a name for is written in full by the expansion, which `unused_qualifications` must not mind.
in_both_orders! {
    mod imported("/{id}", "/7") => (200, "7 250 GET, run 1");
    async fn page(id: Path<u32>, #[key] method: Method) -> HttpResponse {
        let time = Duration::from_millis(250).as_millis();
        HttpResponse::Ok().body(format!("{id} {time} {method}, run {}", run()))
    }
    use std::time::Duration;

    use actix_web::{HttpResponse, http::Method, web::Path};
}
