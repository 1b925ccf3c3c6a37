//! Type parameters, lifetimes and `Self`: handlers that no route attribute accepts, registered by hand.

use std::{
    fmt::{Debug, Display},
    marker::PhantomData,
    time::Duration,
};

use actix_web::{
    FromRequest, HttpRequest, HttpResponse, Resource, Responder, Result,
    error::{ErrorNotFound, InternalError},
    http::header::AcceptLanguage,
    web::{self, Data, Path},
};
use cache_page::{PageCache, Policy, Reason, cache_page, purge_page};

use super::{app_with, assert_page_cached, count_run};

trait Repo: 'static {
    const NAME: &str;
}

struct Postgres;

impl Repo for Postgres {
    const NAME: &str = "Postgres";
}

struct Sqlite;

impl Repo for Sqlite {
    const NAME: &str = "Sqlite";
}

#[cache_page(60)]
async fn generic<R: Repo, const N: usize>(id: Path<u32>) -> Result<impl Responder>
where
    [(); N]: Debug,
{
    Ok(format!("{id} {} {N} {:?}, run {}", R::NAME, [(); N], count_run()))
}

/// Each instantiation has an App of its own and all have one cache, so that only their types differ.
#[actix_web::test]
async fn instantiations_of_one_handler_do_not_share_pages() {
    type Service = fn() -> Resource;
    let cache = PageCache::new();
    let instantiations: [(Service, &str); 3] = [
        (|| web::resource("/{id}").get(generic::<Postgres, 1>), "7 Postgres 1 [()], run 1"),
        (|| web::resource("/{id}").get(generic::<Postgres, 0>), "7 Postgres 0 [], run 1"),
        (|| web::resource("/{id}").get(generic::<Sqlite, 1>), "7 Sqlite 1 [()], run 1"),
    ];
    for (service, body) in instantiations {
        let app = app_with(service).page_cache(cache.clone()).start().await;
        assert_page_cached(app.get("/7")).await.assert_body(body);
    }
    for (service, body) in instantiations {
        let app = app_with(service).page_cache(cache.clone()).start().await;
        app.get("/7").await.assert_hit().assert_body(body);
    }
}

#[cache_page(60)]
async fn generic_in_its_arguments<T: Display + 'static, F>(id: Path<T>, format: Data<F>) -> String
where
    F: Fn(&T) -> String + 'static,
    Path<T>: FromRequest,
{
    format!("{}, run {}", format(&id), count_run())
}

fn resource<F: Fn(&u32) -> String + 'static>(format: F) -> Resource {
    web::resource("/{id}").app_data(Data::new(format)).get(generic_in_its_arguments::<u32, F>)
}

#[cache_page(60)]
async fn with_a_lifetime<'a>(text: Data<&'a str>, _: Data<&'a str>) -> impl Responder + use<'a> {
    format!("{}, run {}", **text, count_run())
}

#[cache_page(60)]
async fn with_an_elided_lifetime(text: Data<&str>) -> Result<impl Responder> {
    Ok(format!("{}, run {}", **text, count_run()))
}

struct Api<T>(PhantomData<T>);

impl<T: Repo> Api<T> {
    const NAME: &'static str = T::NAME;

    #[cache_page(60)]
    async fn show(id: Path<u32>) -> Result<String, <Self as Fails>::Error> {
        Self::check(*id)?;
        Ok(format!("{id} {}, run {}", Self::NAME, count_run()))
    }

    #[cache_page(60)]
    pub(crate) async fn index(
        _: Data<&'static str>,
    ) -> Result<impl Responder + use<T>, <Self as Fails>::Error> {
        Self::check(1)?;
        Ok(format!("{}, run {}", Self::NAME, count_run()))
    }

    fn check(id: u32) -> Result<(), <Self as Fails>::Error> {
        (id > 0).then_some(()).ok_or_else(|| ErrorNotFound("none"))
    }
}

/// Options that name `Self`, type parameters of the handler and of the `impl` block, and what belongs to them.
struct Site<T, const SECONDS: u64>(PhantomData<T>);

trait Settings: 'static {
    const TTL: Duration;
    const POLICY: Policy;
    const MAX_BODY: usize;
    type Error: actix_web::ResponseError;

    fn bypass_if(request: &HttpRequest) -> bool {
        request.headers().contains_key("x-bypass")
    }
}

struct Short;

impl Settings for Short {
    const TTL: Duration = Duration::from_secs(1);
    const POLICY: Policy = Policy::new(1).vary(&["accept-language"]);
    const MAX_BODY: usize = 1000;
    type Error = InternalError<&'static str>;
}

struct Long;

impl Settings for Long {
    const TTL: Duration = Duration::from_secs(60);
    const POLICY: Policy = Policy::new(60);
    const MAX_BODY: usize = 1;
    type Error = InternalError<&'static str>;
}

impl<T: Settings, const SECONDS: u64> Site<T, SECONDS> {
    const TTL: Duration = T::TTL;

    #[cache_page(Self::TTL, browser_ttl = Self::TTL, bypass_if = T::bypass_if)]
    async fn ttl_of_self() -> Result<impl Responder, T::Error> {
        Ok(format!("{}, run {}", T::TTL.as_secs(), count_run()))
    }

    #[cache_page(<T as Settings>::TTL)]
    async fn ttl_of_a_parameter() -> Result<impl Into<HttpResponse> + Responder, T::Error> {
        Ok(HttpResponse::Ok().body(format!("{}, run {}", T::TTL.as_secs(), count_run())))
    }

    #[cache_page({ Self::SECONDS_OF_THE_BLOCK })]
    async fn seconds_of_the_block() -> impl Responder + use<T, SECONDS> {
        format!("{SECONDS}, run {}", count_run())
    }

    const SECONDS_OF_THE_BLOCK: u64 = SECONDS;

    #[cache_page(policy = T::POLICY)]
    async fn policy_of_a_parameter(request: web::Header<AcceptLanguage>) -> Result<String, T::Error> {
        Ok(format!("{}, run {}", request.len(), count_run()))
    }

    #[cache_page(60, max_body = T::MAX_BODY)]
    async fn limit_of_a_parameter() -> Result<String, T::Error> {
        Ok(format!("run {}", count_run()))
    }

    #[purge_page(tags = ["site"])]
    async fn purging() -> Result<impl Responder, T::Error> {
        Ok("purged")
    }
}

#[cache_page(N)]
async fn seconds_of_the_handler<const N: u64>() -> String {
    format!("{N}, run {}", count_run())
}

/// The TTLs of two instantiations of one handler.
#[actix_web::test]
async fn each_instantiation_has_its_own_ttl() {
    type Service = fn() -> Resource;
    let handlers: [(Service, u64); 8] = [
        (|| web::resource("/").get(Site::<Short, 2>::ttl_of_self), 1),
        (|| web::resource("/").get(Site::<Long, 2>::ttl_of_self), 60),
        (|| web::resource("/").get(Site::<Short, 2>::ttl_of_a_parameter), 1),
        (|| web::resource("/").get(Site::<Long, 2>::ttl_of_a_parameter), 60),
        (|| web::resource("/").get(Site::<Short, 2>::seconds_of_the_block), 2),
        (|| web::resource("/").get(Site::<Short, 30>::seconds_of_the_block), 30),
        (|| web::resource("/").get(seconds_of_the_handler::<5>), 5),
        (|| web::resource("/").get(seconds_of_the_handler::<50>), 50),
    ];
    for (service, seconds) in handlers {
        let app = app_with(service).start().await;
        let page = assert_page_cached(app.get("/")).await;
        page.assert_body(format!("{seconds}, run 1"));
        page.assert_header("cache-control", &format!("max-age={seconds}"));
        app.advance_by(Duration::from_millis(1000 * seconds - 1));
        app.get("/").await.assert_hit();
        app.advance_by(Duration::from_millis(1));
        app.get("/").await.assert_stored();
    }
}

#[actix_web::test]
async fn each_instantiation_has_its_own_options() {
    let app = app_with(|| web::resource("/").get(Site::<Short, 1>::policy_of_a_parameter)).start().await;
    app.get("/")
        .header("accept-language", "en")
        .await
        .assert_stored()
        .assert_header("vary", "accept-language");
    let app = app_with(|| web::resource("/").get(Site::<Short, 1>::limit_of_a_parameter)).start().await;
    app.get("/").await.assert_stored();
    let app = app_with(|| web::resource("/").get(Site::<Long, 1>::limit_of_a_parameter)).start().await;
    app.get("/").await.assert_not_stored(Reason::BodyTooLarge);
    let app = app_with(|| web::resource("/").get(Site::<Long, 1>::ttl_of_self)).start().await;
    app.get("/").header("x-bypass", "1").await.assert_bypass(Reason::BypassIf);
    let app = app_with(|| web::resource("/").post(Site::<Long, 1>::purging)).start().await;
    app.post("/").await.assert_body("purged");
}

trait Fails {
    type Error;
}

impl<T> Fails for Api<T> {
    type Error = actix_web::Error;
}

cached! {
    generic_handler_is_cached:
        web::resource("/{id}").get(generic::<Postgres, 1>), "/7" => "7 Postgres 1 [()], run 1";
    handler_generic_in_its_arguments_is_cached: resource(|id| format!("<{id}>")), "/7" => "<7>, run 1";
    handler_with_a_lifetime_is_cached: web::resource("/").get(with_a_lifetime), "/" => "data, run 1";
    handler_with_an_elided_lifetime_is_cached:
        web::resource("/").get(with_an_elided_lifetime), "/" => "data, run 1";
    associated_function_is_cached: web::resource("/{id}").get(Api::<Postgres>::show), "/7" => "7 Postgres, run 1";
    associated_function_with_impl_responder_is_cached:
        web::resource("/").get(Api::<Sqlite>::index), "/" => "Sqlite, run 1";
}
