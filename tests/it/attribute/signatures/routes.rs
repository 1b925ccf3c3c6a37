//! How a handler is registered.

use actix_web::{guard::GuardContext, web};
use cache_page::cache_page;

use super::{app_with, assert_page_cached, count_run};

/// Handlers that differ only in where `#[cache_page]` is.
mod by_attribute {
    use actix_web::{get, middleware::DefaultHeaders, route, routes};
    use cache_page::cache_page;

    use crate::attribute::signatures::count_run;

    #[cache_page(60)]
    #[route(
        "/route",
        method = "GET",
        method = "HEAD",
        wrap = "DefaultHeaders::new().add((\"x-wrap\", \"1\"))"
    )]
    pub(super) async fn route_above() -> String {
        format!("run {}", count_run())
    }

    #[route(
        "/route",
        method = "GET",
        method = "HEAD",
        wrap = "DefaultHeaders::new().add((\"x-wrap\", \"1\"))"
    )]
    #[cache_page(60)]
    pub(super) async fn route_below() -> String {
        format!("run {}", count_run())
    }

    #[cache_page(60)]
    #[actix_web::get("/options/{id}", name = "options", guard = "super::has_no_x_refused")]
    pub(super) async fn options_above() -> String {
        format!("run {}", count_run())
    }

    #[actix_web::get("/options/{id}", name = "options", guard = "super::has_no_x_refused")]
    #[cache_page(60)]
    pub(super) async fn options_below() -> String {
        format!("run {}", count_run())
    }

    #[cache_page(60)]
    #[routes]
    #[get("/one")]
    #[get("/other")]
    pub(super) async fn routes_above() -> String {
        format!("run {}", count_run())
    }

    #[routes]
    #[cache_page(60)]
    #[get("/one")]
    #[get("/other")]
    pub(super) async fn routes_below() -> String {
        format!("run {}", count_run())
    }

    #[routes]
    #[get("/one")]
    #[cache_page(60)]
    #[get("/other")]
    pub(super) async fn routes_between() -> String {
        format!("run {}", count_run())
    }

    #[routes]
    #[get("/one")]
    #[get("/other")]
    #[cache_page(60)]
    pub(super) async fn routes_last() -> String {
        format!("run {}", count_run())
    }

    #[cache_page(60)]
    #[get("/type")]
    pub(super) async fn r#type() -> String {
        format!("run {}", count_run())
    }

    #[get("/match/{id}")]
    #[cache_page(60)]
    pub(super) async fn r#match(r#in: actix_web::web::Path<u32>) -> String {
        format!("{in}, run {}", count_run())
    }
}

fn has_no_x_refused(context: &GuardContext<'_>) -> bool {
    !context.head().headers().contains_key("x-refused")
}

cached! {
    route_with_a_middleware_above_route_is_cached: by_attribute::route_above, "/route" => "run 1";
    route_with_a_middleware_below_route_is_cached: by_attribute::route_below, "/route" => "run 1";
    route_with_a_name_and_a_guard_above_route_is_cached: by_attribute::options_above, "/options/7" => "run 1";
    route_with_a_name_and_a_guard_below_route_is_cached: by_attribute::options_below, "/options/7" => "run 1";
    above_routes_is_cached: by_attribute::routes_above, "/one" => "run 1";
    below_routes_is_cached: by_attribute::routes_below, "/one" => "run 1";
    between_two_routes_is_cached: by_attribute::routes_between, "/one" => "run 1";
    below_two_routes_is_cached: by_attribute::routes_last, "/other" => "run 1";
    raw_handler_name_above_route_is_cached: by_attribute::r#type, "/type" => "run 1";
    raw_handler_and_argument_name_below_route_is_cached: by_attribute::r#match, "/match/7" => "7, run 1";
}

#[actix_web::test]
async fn head_request_of_a_route_for_both_methods_is_a_hit() {
    let app = app_with(|| by_attribute::route_below).start().await;
    let page = assert_page_cached(app.get("/route")).await;
    page.assert_header("x-wrap", "1");
    app.head("/route").await.assert_hit().assert_status(page.status).assert_header("x-wrap", "1");
}

#[actix_web::test]
async fn paths_of_one_handler_do_not_share_a_page() {
    let app = app_with(|| by_attribute::routes_between).start().await;
    for path in ["/one", "/other"] {
        assert_page_cached(app.get(path)).await.assert_body("run 1");
    }
}

#[actix_web::test]
async fn guard_is_checked_before_a_hit() {
    for app in [app_with(|| by_attribute::options_above), app_with(|| by_attribute::options_below)] {
        let app = app.start().await;
        assert_page_cached(app.get("/options/7")).await.assert_body("run 1");
        // The handler of all other requests.
        app.get("/options/7").header("x-refused", "1").await.assert_stored().assert_body("page 1");
    }
}

#[actix_web::scope("/api")]
mod scoped {
    use actix_web::get;
    use cache_page::cache_page;

    use crate::attribute::signatures::count_run;

    #[cache_page(60)]
    #[get("/above/{id}")]
    pub(super) async fn above(id: actix_web::web::Path<u32>) -> String {
        format!("{id}, run {}", count_run())
    }

    #[get("/below/{id}")]
    #[cache_page(60)]
    pub(super) async fn below(id: actix_web::web::Path<u32>) -> String {
        format!("{id}, run {}", count_run())
    }
}

#[cache_page(60)]
async fn without_route(id: web::Path<u32>) -> String {
    format!("{id}, run {}", count_run())
}

cached! {
    scope_attribute_above_route_is_cached: scoped::above, "/api/above/7" => "7, run 1";
    scope_attribute_below_route_is_cached: scoped::below, "/api/below/7" => "7, run 1";
    resource_for_all_methods_is_cached: web::resource("/{id}").to(without_route), "/7" => "7, run 1";
    resource_with_a_route_for_get_is_cached:
        web::resource("/{id}").route(web::get().to(without_route)), "/7" => "7, run 1";
    resource_with_a_route_for_all_methods_is_cached:
        web::resource("/{id}").route(web::route().to(without_route)), "/7" => "7, run 1";
    route_of_a_scope_is_cached:
        web::scope("/a").route("/{id}", web::get().to(without_route)), "/a/7" => "7, run 1";
}

/// Handlers in a function, whose paths cannot be named outside of it.
mod handler_in_a_function {
    use super::super::{assert_cached, count_run};

    #[actix_web::test]
    async fn above_route_is_cached() {
        #[cache_page::cache_page(60)]
        #[actix_web::get("/")]
        async fn page() -> String {
            format!("run {}", count_run())
        }

        assert_cached(|| page, "/").await.assert_body("run 1");
    }

    #[actix_web::test]
    async fn below_route_is_cached() {
        #[actix_web::get("/")]
        #[cache_page::cache_page(60)]
        async fn page() -> String {
            format!("run {}", count_run())
        }

        assert_cached(|| page, "/").await.assert_body("run 1");
    }
}
