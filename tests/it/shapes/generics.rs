//! Type parameters, lifetimes, `Self`: handlers that no route attribute can take, registered by hand.

use std::{
    fmt::{Debug, Display},
    marker::PhantomData,
};

use actix_web::{
    App, Resource, Responder, Result,
    test::{TestRequest, init_service},
    web::{self, Data, Path},
};
use cache_page::{PageCache, cache_page};

use crate::{
    legacy::get,
    shapes::{kept, kept_by, run},
};

trait Repo: 'static {
    const NAME: &str;
}

struct Pg;

impl Repo for Pg {
    const NAME: &str = "Pg";
}

struct Lite;

impl Repo for Lite {
    const NAME: &str = "Lite";
}

#[cache_page(60)]
async fn generic<R: Repo, const N: usize>(id: Path<u32>) -> Result<impl Responder>
where
    [(); N]: Debug,
{
    Ok(format!("{id} {} {N} {:?}, run {}", R::NAME, [(); N], run()))
}

#[actix_web::test]
async fn generic_is_kept() {
    let page = kept(web::resource("/{id}").get(generic::<Pg, 1>), "/7").await;
    assert_eq!(page.text(), "7 Pg 1 [()], run 1");
}

/// Each of them in an App of its own and all Apps in one cache: only the types are different.
#[actix_web::test]
async fn instantiations_never_share_a_page() {
    type Handler = fn() -> Resource;
    let cache = PageCache::new();
    let instantiations: [(Handler, &str); 3] = [
        (|| web::resource("/{id}").route(web::get().to(generic::<Pg, 1>)), "7 Pg 1 [()], run 1"),
        (|| web::resource("/{id}").route(web::get().to(generic::<Pg, 0>)), "7 Pg 0 [], run 1"),
        (|| web::resource("/{id}").route(web::get().to(generic::<Lite, 1>)), "7 Lite 1 [()], run 1"),
    ];
    for (resource, text) in instantiations {
        let app = init_service(App::new().app_data(cache.clone()).service(resource())).await;
        let page = kept_by(&app, || TestRequest::get().uri("/7")).await;
        assert_eq!(page.text(), text);
    }
    for (resource, text) in instantiations {
        let app = init_service(App::new().app_data(cache.clone()).service(resource())).await;
        let page = get(&app, "/7").await;
        assert!(page.is_hit(), "{}", page.outcome());
        assert_eq!(page.text(), text);
    }
}

#[cache_page(60)]
async fn generic_in_its_arguments<T: Display + 'static, F>(id: Path<T>, format: Data<F>) -> String
where
    F: Fn(&T) -> String + 'static,
    Path<T>: actix_web::FromRequest,
{
    format!("{}, run {}", format(&id), run())
}

#[actix_web::test]
async fn generic_in_its_arguments_is_kept() {
    fn resource<F: Fn(&u32) -> String + 'static>(format: F) -> Resource {
        web::resource("/{id}")
            .app_data(Data::new(format))
            .route(web::get().to(generic_in_its_arguments::<u32, F>))
    }
    let page = kept(resource(|id| format!("<{id}>")), "/7").await;
    assert_eq!(page.text(), "<7>, run 1");
}

#[cache_page(60)]
async fn with_a_lifetime<'a>(text: Data<&'a str>, _: Data<&'a str>) -> impl Responder + use<'a> {
    format!("{}, run {}", **text, run())
}

#[actix_web::test]
async fn with_a_lifetime_is_kept() {
    let page = kept(web::resource("/").get(with_a_lifetime), "/").await;
    assert_eq!(page.text(), "data, run 1");
}

#[cache_page(60)]
async fn with_an_elided_lifetime(text: Data<&str>) -> Result<impl Responder> {
    Ok(format!("{}, run {}", **text, run()))
}

#[actix_web::test]
async fn with_an_elided_lifetime_is_kept() {
    let page = kept(web::resource("/").get(with_an_elided_lifetime), "/").await;
    assert_eq!(page.text(), "data, run 1");
}

struct Api<T>(PhantomData<T>);

impl<T: Repo> Api<T> {
    const NAME: &'static str = T::NAME;

    #[cache_page(60)]
    async fn show(id: Path<u32>) -> Result<String, <Self as Fails>::Error> {
        Self::check(*id)?;
        Ok(format!("{id} {}, run {}", Self::NAME, run()))
    }

    #[cache_page(60)]
    pub(crate) async fn index(
        _: Data<&'static str>,
    ) -> Result<impl Responder + use<T>, <Self as Fails>::Error> {
        Self::check(1)?;
        Ok(format!("{}, run {}", Self::NAME, run()))
    }

    fn check(id: u32) -> Result<(), <Self as Fails>::Error> {
        (id > 0).then_some(()).ok_or_else(|| actix_web::error::ErrorNotFound("none"))
    }
}

trait Fails {
    type Error;
}

impl<T> Fails for Api<T> {
    type Error = actix_web::Error;
}

#[actix_web::test]
async fn associated_functions_are_kept() {
    let show = kept(web::resource("/{id}").get(Api::<Pg>::show), "/7").await;
    assert_eq!(show.text(), "7 Pg, run 1");
    let index = kept(web::resource("/").get(Api::<Lite>::index), "/").await;
    assert_eq!(index.text(), "Lite, run 1");
}
