//! The ways to write a time to live, and the options.

use std::time::Duration;

use actix_web::{
    App,
    dev::HttpServiceFactory,
    test::{TestRequest, init_service},
};
use cache_page::{PageCache, testing::ManualClock};

use crate::{legacy::get, shapes::kept_by};

const MINUTE: u64 = 60;

mod config {
    use std::time::Duration;

    pub(super) const SMALL: u8 = 60;
    pub(super) const SIGNED: i32 = 60;
    pub(super) const SHORT: u32 = 60;
    pub(super) const SIZE: usize = 60;
    pub(super) const TIME: Duration = Duration::from_secs(60);
    pub(super) const MAYBE: Option<Duration> = Some(Duration::from_secs(60));
    pub(super) const FOR_EVER: Option<Duration> = None;
}

const fn minutes(count: u64) -> Duration {
    Duration::from_secs(60 * count)
}

/// For each way of writing it, two handlers and how long their pages are kept.
macro_rules! times {
    ($($name:ident: ($($time:tt)+) => $kept:expr;)*) => {$(
        mod $name {
            use crate::shapes::{run, times::is_kept_for};
            // What a time is written with; most need none of it.
            #[allow(unused_imports)]
            use super::{Duration, MINUTE, config, minutes};

            #[cache_page::cache_page($($time)+)]
            #[actix_web::get("/above")]
            async fn above() -> String {
                format!("run {}", run())
            }

            #[actix_web::get("/below")]
            #[cache_page::cache_page($($time)+)]
            async fn below() -> String {
                format!("run {}", run())
            }

            #[actix_web::test]
            async fn is_kept_as_long_as_written() {
                is_kept_for($kept, "/above", above).await;
                is_kept_for($kept, "/below", below).await;
            }
        }
    )*};
}

times! {
    seconds: (60) => Some(minutes(1));
    seconds_with_a_type: (60u32) => Some(minutes(1));
    seconds_with_underscores: (3_600) => Some(minutes(60));
    seconds_and_a_comma: (60,) => Some(minutes(1));
    one_unit: ("5m") => Some(minutes(5));
    parts_of_a_second: ("250ms") => Some(Duration::from_millis(250));
    several_units: ("1h 30m") => Some(minutes(90));
    product: (60 * 60) => Some(minutes(60));
    product_in_parentheses: ((30 + 30) * 60) => Some(minutes(60));
    product_with_a_type: (60 * 60u16) => Some(minutes(60));
    constant: (MINUTE) => Some(minutes(1));
    product_with_a_constant: (2 * MINUTE) => Some(minutes(2));
    path_to_u8: (config::SMALL) => Some(minutes(1));
    path_to_i32: (config::SIGNED) => Some(minutes(1));
    path_to_u32: (config::SHORT) => Some(minutes(1));
    path_to_usize: (config::SIZE) => Some(minutes(1));
    cast: (config::SHORT as u64 * 2) => Some(minutes(2));
    path_to_duration: (config::TIME) => Some(minutes(1));
    path_to_option: (config::MAYBE) => Some(minutes(1));
    path_to_none: (config::FOR_EVER) => None;
    call: (minutes(2)) => Some(minutes(2));
    call_of_a_type: (Duration::from_millis(1_500)) => Some(Duration::from_millis(1_500));
    some: (Some(minutes(2))) => Some(minutes(2));
    block: ({ const HALF: u64 = MINUTE / 2; HALF }) => Some(Duration::from_secs(30));
    none: (None) => None;
    name: (60, name = "home") => Some(minutes(1));
    key_prefix: (60, key_prefix = "v2") => Some(minutes(1));
    all_options: ("5m", key_prefix = "v2", crate = ::cache_page, name = "home",) => Some(minutes(5));
}

/// A page that is there until its time is over, to the nanosecond.
async fn is_kept_for(time: Option<Duration>, uri: &str, service: impl HttpServiceFactory + 'static) {
    let clock = ManualClock::new();
    let cache = PageCache::builder().clock(clock.clone()).build();
    let app = init_service(App::new().app_data(cache).service(service)).await;
    drop(kept_by(&app, || TestRequest::get().uri(uri)).await);

    let nearly = time.map_or(minutes(60 * 24 * 3_650), |time| time.saturating_sub(Duration::from_nanos(1)));
    clock.advance(nearly);
    let page = get(&app, uri).await;
    assert!(page.is_hit(), "{}", page.outcome());
    clock.advance(Duration::from_nanos(1));
    let page = get(&app, uri).await;
    assert_eq!(page.is_hit(), time.is_none(), "{}", page.outcome());
}

/// Where the crate is, if not at `::cache_page`.
mod elsewhere {
    use crate::shapes::{kept, run};

    pub(super) mod door {
        pub(crate) use ::cache_page as renamed;
    }

    /// Names that the generated paths end in are in reach here, which `unused_qualifications` must not mind.
    mod pages {
        use actix_web::HttpResponse;
        use cache_page::Policy;

        use super::{
            door::renamed::{self, cache_page},
            run,
        };

        #[cache_page(60, crate = renamed)]
        #[actix_web::get("/")]
        pub(super) async fn above() -> HttpResponse {
            HttpResponse::Ok().body(format!("run {}", run()))
        }

        #[actix_web::get("/")]
        #[cache_page("1m", crate = crate::shapes::times::elsewhere::door::renamed)]
        pub(super) async fn below() -> HttpResponse {
            HttpResponse::Ok().body(format!("run {}", run()))
        }

        #[actix_web::get("/")]
        #[cache_page(super::super::MINUTE, crate = super::door::renamed)]
        pub(super) async fn relative() -> HttpResponse {
            HttpResponse::Ok().body(format!("run {}", run()))
        }

        #[actix_web::get("/")]
        #[cache_page("250ms", crate = renamed)]
        pub(super) async fn short() -> HttpResponse {
            let policy = Policy::new("unused", None);
            HttpResponse::Ok().body(format!("run {} {}", run(), format!("{policy:?}").is_empty()))
        }
    }

    #[actix_web::test]
    async fn is_found() {
        assert_eq!(kept(pages::above, "/").await.text(), "run 1");
        assert_eq!(kept(pages::below, "/").await.text(), "run 1");
        assert_eq!(kept(pages::relative, "/").await.text(), "run 1");
        assert_eq!(kept(pages::short, "/").await.text(), "run 1 false");
    }
}
