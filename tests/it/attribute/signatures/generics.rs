//! Type parameters, lifetimes and `Self`: handlers that no route attribute accepts, registered by hand.

use std::{
    fmt::{Debug, Display},
    marker::PhantomData,
};

use actix_web::{
    FromRequest, Resource, Responder, Result,
    error::ErrorNotFound,
    web::{self, Data, Path},
};
use cache_page::{PageCache, cache_page};

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
