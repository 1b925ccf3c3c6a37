//! How the TTL is written, and the options beside it.

use std::time::Duration;

use actix_web::dev::HttpServiceFactory;

use super::{app_with, assert_page_cached};

const MINUTE: u64 = 60;

mod config {
    use std::time::Duration;

    pub(super) const U8: u8 = 60;
    pub(super) const I32: i32 = 60;
    pub(super) const U32: u32 = 60;
    pub(super) const USIZE: usize = 60;
    pub(super) const DURATION: Duration = Duration::from_secs(60);
    pub(super) const SOME: Option<Duration> = Some(Duration::from_secs(60));
    pub(super) const NO_EXPIRY: Option<Duration> = None;
}

const fn minutes(number: u64) -> Duration {
    Duration::from_secs(60 * number)
}

/// Makes two tests of each way to write the arguments, with the lifetime of the page, `None` if it does not expire.
macro_rules! fresh_for {
    ($($name:ident: ($($arguments:tt)+) => $lifetime:expr;)*) => {$(
        mod $name {
            use crate::attribute::signatures::{count_run, ttl::assert_fresh_for};
            // What a TTL is written with. Most need none of it.
            #[allow(unused_imports)]
            use super::{Duration, MINUTE, config, minutes};

            #[cache_page::cache_page($($arguments)+)]
            #[actix_web::get("/")]
            async fn above() -> String {
                format!("run {}", count_run())
            }

            #[actix_web::get("/")]
            #[cache_page::cache_page($($arguments)+)]
            async fn below() -> String {
                format!("run {}", count_run())
            }

            #[actix_web::test]
            async fn above_route_is_fresh_for_that_time() {
                assert_fresh_for($lifetime, || above).await;
            }

            #[actix_web::test]
            async fn below_route_is_fresh_for_that_time() {
                assert_fresh_for($lifetime, || below).await;
            }
        }
    )*};
}

fresh_for! {
    seconds: (60) => Some(minutes(1));
    seconds_with_a_type: (60u32) => Some(minutes(1));
    seconds_with_underscores: (3_600) => Some(minutes(60));
    seconds_and_a_comma: (60,) => Some(minutes(1));
    text_with_one_unit: ("5m") => Some(minutes(5));
    text_with_milliseconds: ("250ms") => Some(Duration::from_millis(250));
    text_with_several_units: ("1h 30m") => Some(minutes(90));
    product: (60 * 60) => Some(minutes(60));
    product_with_parentheses: ((30 + 30) * 60) => Some(minutes(60));
    product_with_a_type: (60 * 60u16) => Some(minutes(60));
    constant: (MINUTE) => Some(minutes(1));
    product_with_a_constant: (2 * MINUTE) => Some(minutes(2));
    path_to_u8: (config::U8) => Some(minutes(1));
    path_to_i32: (config::I32) => Some(minutes(1));
    path_to_u32: (config::U32) => Some(minutes(1));
    path_to_usize: (config::USIZE) => Some(minutes(1));
    cast: (config::U32 as u64 * 2) => Some(minutes(2));
    path_to_duration: (config::DURATION) => Some(minutes(1));
    path_to_some: (config::SOME) => Some(minutes(1));
    path_to_none: (config::NO_EXPIRY) => None;
    call: (minutes(2)) => Some(minutes(2));
    call_of_an_associated_function: (Duration::from_millis(1_500)) => Some(Duration::from_millis(1_500));
    some: (Some(minutes(2))) => Some(minutes(2));
    braces: ({ 60 }) => Some(minutes(1));
    product_in_braces: ({ 5 * 12 }) => Some(minutes(1));
    sum_with_braces: ({ 5 + 5 } * 6) => Some(minutes(1));
    shift: (1 << 4) => Some(Duration::from_secs(16));
    condition: (if cfg!(test) { 60 } else { 30 }) => Some(minutes(1));
    choice: (match MINUTE { 0 => 1, _ => 2 * 60 }) => Some(minutes(2));
    constant_block: (const { 30 + 30 }) => Some(minutes(1));
    block: ({ const HALF: u64 = MINUTE / 2; HALF }) => Some(Duration::from_secs(30));
    none: (None) => None;
    ttl_and_name: (60, name = "home") => Some(minutes(1));
    ttl_and_key_prefix: (60, key_prefix = "v2") => Some(minutes(1));
    ttl_and_several_options: ("5m", key_prefix = "v2", crate = ::cache_page, name = "home",) => Some(minutes(5));
}

/// Checks that the page is fresh until its lifetime ends, to the nanosecond.
async fn assert_fresh_for<S: HttpServiceFactory + 'static>(
    lifetime: Option<Duration>,
    service: impl Fn() -> S + Send + Sync + 'static,
) {
    const TEN_YEARS: Duration = minutes(10 * 365 * 24 * 60);
    let nanosecond = Duration::from_nanos(1);
    let app = app_with(service).start().await;
    assert_page_cached(app.get("/")).await;
    app.advance_by(lifetime.map_or(TEN_YEARS, |lifetime| lifetime.saturating_sub(nanosecond)));
    app.get("/").await.assert_hit();
    app.advance_by(nanosecond);
    let response = app.get("/").await;
    assert_eq!(response.is_hit(), lifetime.is_none(), "{response:?}");
}

/// The option `crate`, for a crate that is not at `::cache_page`.
mod crate_option {
    mod reexport {
        pub(crate) use ::cache_page as renamed;
    }

    /// The names in which the generated paths end are imported here. `unused_qualifications` must not mind.
    mod pages {
        use actix_web::HttpResponse;
        use cache_page::Policy;

        use super::reexport::renamed::{self, cache_page};
        use crate::attribute::signatures::count_run;

        #[cache_page(60, crate = renamed)]
        #[actix_web::get("/")]
        pub(super) async fn name() -> HttpResponse {
            HttpResponse::Ok().body(format!("run {}", count_run()))
        }

        #[actix_web::get("/")]
        #[cache_page("1m", crate = crate::attribute::signatures::ttl::crate_option::reexport::renamed)]
        pub(super) async fn absolute() -> HttpResponse {
            HttpResponse::Ok().body(format!("run {}", count_run()))
        }

        #[actix_web::get("/")]
        #[cache_page(super::super::MINUTE, crate = super::reexport::renamed)]
        pub(super) async fn relative() -> HttpResponse {
            HttpResponse::Ok().body(format!("run {}", count_run()))
        }

        #[actix_web::get("/")]
        #[cache_page("250ms", crate = renamed)]
        pub(super) async fn milliseconds() -> HttpResponse {
            let policy = Policy::new(60);
            HttpResponse::Ok().body(format!("run {} {}", count_run(), format!("{policy:?}").is_empty()))
        }
    }

    cached! {
        imported_name_is_resolved: pages::name, "/" => "run 1";
        absolute_path_is_resolved: pages::absolute, "/" => "run 1";
        relative_path_is_resolved: pages::relative, "/" => "run 1";
        path_with_a_ttl_in_milliseconds_is_resolved: pages::milliseconds, "/" => "run 1 false";
    }
}
