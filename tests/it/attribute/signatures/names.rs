//! Names of the user's module and of the body that the expansion could collide with.

/// Names of the expansion, declared by the body.
mod locals {
    in_both_orders! {
        mod variables("/{id}", "/7") => (200, "7 1 2 3, run 1");
        async fn page(id: web::Path<u32>) -> impl Responder {
            let __request = 1;
            let __lookup = 2;
            let __returns = 3;
            format!("{id} {__request} {__lookup} {__returns}, run {}", count_run())
        }
        use actix_web::{Responder, web};
    }

    in_both_orders! {
        mod items("/", "/") => (200, "1 2 3, run 1");
        async fn page() -> String {
            const __POLICY: u32 = 1;
            static __PURGE: u32 = 2;
            fn __returns() -> u32 {
                3
            }
            format!("{__POLICY} {__PURGE} {}, run {}", __returns(), count_run())
        }
    }

    in_both_orders! {
        mod generated_names("/{id}", "/7") => (200, "7 1 2 3 4 5, run 1");
        #[allow(non_snake_case)]
        async fn page(id: web::Path<u32>) -> impl Responder {
            let __POLICY = 1;
            let __PURGE = 2;
            let __CACHE_PAGE_POLICY = 3;
            let __cache_page_lookup = 4;
            let __cache_page_request = 5;
            let numbers = format!("{__POLICY} {__PURGE} {__CACHE_PAGE_POLICY} {__cache_page_lookup} {__cache_page_request}");
            format!("{id} {numbers}, run {}", count_run())
        }
        use actix_web::{Responder, web};
    }

    in_both_orders! {
        mod items_of_the_module("/", "/") => (200, "1 Policy Request, run 1");
        async fn page() -> String {
            format!("{POLICY} {Policy:?} {Request:?}, run {}", count_run())
        }

        static POLICY: u32 = 1;

        #[derive(Debug)]
        struct Policy;

        #[derive(Debug)]
        struct Request;
    }
}

/// Constants, statics and functions of the module with names that a careless expansion would use.
#[allow(non_upper_case_globals)]
mod items_of_the_module_in_options {
    use std::time::Duration;

    use actix_web::{HttpRequest, get, post, web::Path};
    use cache_page::{Policy, cache_page, purge_page};

    use crate::attribute::signatures::count_run;

    const __POLICY: Policy = Policy::new(60);
    const __request: u64 = 60;
    static __lookup: u64 = 1;
    const __returns: Duration = Duration::from_secs(5);
    static __PURGE: u64 = 2;
    const __POLICIES: u64 = 3;

    fn __bypass_if(_: &HttpRequest) -> bool {
        __POLICIES == 0
    }

    #[cache_page(__request, policy = __POLICY, bypass_if = __bypass_if, stale_if_error = __returns)]
    #[get("/{id}")]
    pub(super) async fn above(id: Path<u32>) -> String {
        format!("{id} {__request} {__lookup} {__PURGE}, run {}", count_run())
    }

    #[get("/{id}")]
    #[cache_page(__request, policy = __POLICY, bypass_if = __bypass_if, stale_if_error = __returns)]
    pub(super) async fn below(__cache_page_request: Path<u32>) -> String {
        format!("{__cache_page_request} {__request} {__lookup} {__PURGE}, run {}", count_run())
    }

    #[post("/{id}")]
    #[purge_page(tags = ["a"])]
    pub(super) async fn purging() -> String {
        format!("{__PURGE}")
    }

    cached! {
        above_route_is_cached: above, "/7" => "7 60 1 2, run 1";
        below_route_is_cached: below, "/7" => "7 60 1 2, run 1";
    }

    #[actix_web::test]
    async fn handler_that_purges_compiles() {
        let app = crate::attribute::signatures::app_with(|| purging).start().await;
        app.post("/7").await.assert_body("2");
    }
}

/// Arguments with names of the expansion. They are not in `in_both_orders`, as `macro_rules` gives names its own hygiene.
mod arguments {
    use actix_web::{
        get,
        http::{Method, Uri},
        web::Path,
    };
    use cache_page::cache_page;

    use crate::attribute::signatures::count_run;

    #[cache_page(60)]
    #[get("/{id}")]
    async fn above(__request: Path<u32>, __lookup: Method, #[key] __returns: Uri) -> String {
        format!("{__request} {__lookup} {__returns}, run {}", count_run())
    }

    #[get("/{id}")]
    #[cache_page(60)]
    async fn below(__request: Path<u32>, __lookup: Method, #[key] __returns: Uri) -> String {
        format!("{__request} {__lookup} {__returns}, run {}", count_run())
    }

    cached! {
        above_route_is_cached: above, "/7" => "7 GET /7, run 1";
        below_route_is_cached: below, "/7" => "7 GET /7, run 1";
    }
}

in_both_orders! {
    mod modules_named_as_crates("/{id}", "/7") => (200, "7 actix_web cache_page core std, run 1");
    async fn page(id: ::actix_web::web::Path<u32>) -> String {
        let names = [actix::NAME, cache_page_::NAME, core::NAME, std::NAME].join(" ");
        format!("{id} {names}, run {}", count_run())
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
    mod shadowed_prelude("/{id}", "/7") => (200, "7 Some None Option HttpResponse, run 1");
    async fn page(id: Path<u32>) -> Result<::std::string::String> {
        let names = format!("{Some:?} {None:?} {Option:?} {HttpResponse:?}");
        Ok(format!("{id} {names}, run {}", count_run()))
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
    mod shadowed_macros("/", "/") => (200, "concat module_path, run 1");
    async fn page() -> String {
        format!("{} {}, run {}", concat!(), module_path!(), count_run())
    }
    macro_rules! concat_ {
        () => { "concat" };
    }

    macro_rules! module_path_ {
        () => { "module_path" };
    }
    use {concat_ as concat, module_path_ as module_path};
}

// Methods of every type, named as those that the expansion calls.
in_both_orders! {
    mod trait_methods_of_every_type("/{id}", "/7") => (200, "7 lookup key_from key_value serve uncached, run 1");
    async fn page(id: Path<u32>, #[key] method: Method) -> String {
        drop(method);
        let names = [1.lookup(), 1.key_from(), 1.key_value(), 1.serve(), 1.uncached()].join(" ");
        format!("{id} {names}, run {}", count_run())
    }
    use actix_web::{http::Method, web::Path};

    trait Everywhere: Sized {
        fn lookup(self) -> &'static str {
            "lookup"
        }
        fn key_from(self) -> &'static str {
            "key_from"
        }
        fn key_value(self) -> &'static str {
            "key_value"
        }
        fn serve(self) -> &'static str {
            "serve"
        }
        fn uncached(self) -> &'static str {
            "uncached"
        }
    }

    impl<T> Everywhere for T {}
}

// The expansion imports nothing, and needs nothing that the user imports.
in_both_orders! {
    mod nothing_imported("/{id}", "/7") => (200, "7, run 1");
    async fn page(id: actix_web::web::Path<u32>) -> actix_web::Result<actix_web::HttpResponse> {
        Ok(actix_web::HttpResponse::Ok().body(format!("{id}, run {}", count_run())))
    }
}

// The expansion writes paths in full, also to what the user imported. `unused_qualifications` must not mind.
in_both_orders! {
    mod types_imported("/{id}", "/7") => (200, "7 250 GET, run 1");
    async fn page(id: Path<u32>, #[key] method: Method) -> HttpResponse {
        let time = Duration::from_millis(250).as_millis();
        HttpResponse::Ok().body(format!("{id} {time} {method}, run {}", count_run()))
    }
    use std::time::Duration;

    use actix_web::{HttpResponse, http::Method, web::Path};
}
