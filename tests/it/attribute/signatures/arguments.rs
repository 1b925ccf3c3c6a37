//! Patterns, attributes and types of arguments.

use std::future::{Ready, ready};

use actix_web::{Error, FromRequest, HttpRequest, dev::Payload};
use cache_page::KeyInput;

in_both_orders! {
    mod identifier("/{id}", "/7") => (200, "7, run 1");
    async fn page(id: web::Path<u32>) -> String {
        format!("{id}, run {}", count_run())
    }
    use actix_web::web;
}

in_both_orders! {
    mod wildcard_patterns("/{id}", "/7") => (200, "run 1");
    async fn page(_: web::Path<u32>, _: web::Query<Vec<(String, String)>>) -> String {
        format!("run {}", count_run())
    }
    use actix_web::web;
}

in_both_orders! {
    mod mutable_binding("/", "/") => (200, "data, run 1");
    async fn page(mut db: web::Data<&'static str>) -> String {
        let before = mem::replace(&mut db, web::Data::new("other"));
        format!("{}, run {}", **before, count_run())
    }
    use std::mem;

    use actix_web::web;
}

in_both_orders! {
    mod tuple_struct_pattern("/", "/?page=7") => (200, "7, run 1");
    async fn page(web::Query(mut query): web::Query<HashMap<String, u32>>) -> Option<String> {
        let page = query.remove("page")?;
        Some(format!("{page}, run {}", count_run()))
    }
    use std::collections::HashMap;

    use actix_web::web;
}

in_both_orders! {
    mod struct_pattern_in_a_tuple_struct_pattern("/", "/?from=7") => (200, "from=7 10, run 1");
    async fn page(Query(Q { page, mut per }): Query<Q>) -> String {
        per *= 10;
        format!("{page} {per}, run {}", count_run())
    }
    use crate::attribute::signatures::arguments::{Q, Query};
}

in_both_orders! {
    mod tuple_pattern("/{id}", "/7") => (200, "7 /7, run 1");
    async fn page((id, ref uri): (web::Path<u32>, Uri)) -> String {
        format!("{id} {}, run {}", uri.path(), count_run())
    }
    use actix_web::{http::Uri, web};
}

in_both_orders! {
    mod nested_tuple_pattern_of_a_type_alias("/{id}", "/7?a=b") => (200, "7 GET a=b, run 1");
    async fn page((id, (method, Query(Q { page: query, .. }))): Nested) -> String {
        format!("{id} {method} {query}, run {}", count_run())
    }
    use actix_web::{http::Method, web};

    use crate::attribute::signatures::arguments::{Q, Query};

    type Nested = (web::Path<u32>, (Method, Query<Q>));
}

in_both_orders! {
    mod removed_by_cfg("/", "/") => (200, "run 1");
    async fn page(#[cfg(false)] _one: web::NoSuchType, #[cfg(false)] #[key] _other: NoSuchType) -> String {
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod selected_by_cfg("/{id}", "/7") => (200, "7, run 1");
    async fn page(
        #[cfg(true)] id: web::Path<u32>,
        #[cfg(false)] id: web::Path<NoSuchType>,
        #[cfg_attr(true, allow(unused_variables))] unused: Method,
    ) -> String {
        format!("{id}, run {}", count_run())
    }
    use actix_web::{http::Method, web};
}

in_both_orders! {
    mod lint_attributes("/{id}", "/7") => (200, "run 1");
    async fn page(
        #[allow(unused_variables)] id: web::Path<u32>,
        #[expect(unused_variables)] method: Method,
        #[expect(unused_mut)] mut uri: Uri,
    ) -> String {
        drop(uri);
        format!("run {}", count_run())
    }
    use actix_web::{http::{Method, Uri}, web};
}

in_both_orders! {
    mod deprecated_type("/", "/?a") => (200, "a, run 1");
    #[expect(deprecated)]
    async fn page(old: Old, older: Older) -> String {
        format!("{}, run {}", old.0.page, older.0.per * count_run())
    }
    use crate::attribute::signatures::arguments::{Q, Query};

    #[deprecated]
    type Old = Query<Q>;

    #[deprecated]
    type Older = Query<Q>;
}

in_both_orders! {
    mod two_http_requests("/{id}", "/7") => (200, "/7 /7, run 1");
    async fn page(#[unkeyed] one: HttpRequest, #[unkeyed] other: HttpRequest) -> String {
        format!("{} {}, run {}", one.path(), other.uri(), count_run())
    }
    use actix_web::HttpRequest;
}

in_both_orders! {
    mod option_result_and_either("/{id}", "/7") => (200, "Some(7) true Left, run 1");
    async fn page(
        id: Option<web::Path<u32>>,
        result: Result<web::Path<u32>, Error>,
        either: Either<web::Path<u32>, web::Path<String>>,
    ) -> String {
        let id = id.map(web::Path::into_inner);
        let side = if matches!(either, Either::Left(_)) { "Left" } else { "Right" };
        format!("{id:?} {} {side}, run {}", result.is_ok(), count_run())
    }
    use actix_web::{Either, Error, web};
}

in_both_orders! {
    mod unit("/", "/") => (200, "run 1");
    async fn page((): ()) -> String {
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod page_cache("/", "/") => (200, "PageCache, run 1");
    async fn page(cache: cache_page::PageCache) -> String {
        format!("{:.9}, run {}", format!("{cache:?}"), count_run())
    }
}

in_both_orders! {
    mod type_from_a_macro("/{id}", "/7") => (200, "7, run 1");
    async fn page(id: path_of!(u32)) -> String {
        format!("{id}, run {}", count_run())
    }

    macro_rules! path_of {
        ($inner:ty) => { actix_web::web::Path<$inner> };
    }
    use path_of;
}

/// An extractor whose fields a pattern can bind, as `web::Query` of a type that derives `Deserialize`.
pub(super) struct Query<T>(pub(super) T);

#[derive(Clone)]
pub(super) struct Q {
    pub(super) page: String,
    pub(super) per: u32,
}

impl FromRequest for Query<Q> {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(Q { page: request.query_string().to_owned(), per: 1 })))
    }
}

/// The query is in the key.
impl<T> KeyInput for Query<T> {}
