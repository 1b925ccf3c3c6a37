//! Return types, and the ways in which a body returns them.

in_both_orders! {
    mod string("/", "/") => (200, "run 1");
    async fn page() -> String {
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod static_str("/", "/") => (200, "text");
    async fn page() -> &'static str {
        count_run();
        "text"
    }
}

in_both_orders! {
    mod impl_responder("/", "/") => (200, "run 1");
    async fn page() -> impl Responder {
        format!("run {}", count_run())
    }
    // Nothing but the return type uses it.
    use actix_web::Responder;
}

in_both_orders! {
    mod impl_responder_that_captures_nothing("/", "/") => (200, "run 1");
    async fn page() -> impl Responder + use<> {
        format!("run {}", count_run())
    }
    use actix_web::Responder;
}

in_both_orders! {
    mod result_of_impl_responder("/", "/") => (200, "run 1");
    async fn page() -> Result<impl Responder, Failure> {
        let number: u32 = "1".parse()?;
        if number > 1 {
            return Err(Failure);
        }
        Ok(format!("run {}", number * count_run()))
    }
    use std::{fmt, num::ParseIntError};

    use actix_web::{Responder, ResponseError};

    #[derive(Debug)]
    struct Failure;

    impl fmt::Display for Failure {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("failure")
        }
    }

    impl ResponseError for Failure {}

    impl From<ParseIntError> for Failure {
        fn from(_: ParseIntError) -> Self {
            Self
        }
    }
}

in_both_orders! {
    mod impl_responder_in_a_generic_type("/", "/") => (200, "run 1");
    async fn page() -> actix_web::Result<Either<impl Responder, (impl Responder, StatusCode)>> {
        if count_run() > 1 {
            return Ok(Either::Left("more"));
        }
        Ok(Either::Right((String::from("run 1"), StatusCode::OK)))
    }
    use actix_web::{Either, Responder, http::StatusCode};
}

in_both_orders! {
    mod option("/", "/") => (200, "run 1");
    async fn page() -> Option<String> {
        let first = ["run"].first()?;
        Some(format!("{first} {}", count_run()))
    }
}

in_both_orders! {
    mod either("/", "/") => (200, "left");
    async fn page() -> Either<&'static str, HttpResponse> {
        if count_run() == 1 {
            return Either::Left("left");
        }
        Either::Right(HttpResponse::Ok().finish())
    }
    use actix_web::{Either, HttpResponse};
}

in_both_orders! {
    mod json("/", "/") => (200, "[1,2]");
    async fn page() -> web::Json<Vec<u32>> {
        web::Json(vec![count_run(), 2])
    }
    use actix_web::web;
}

in_both_orders! {
    mod boxed_error("/", "/") => (200, "run 1");
    async fn page() -> Result<String, Box<dyn Error>> {
        let number: u32 = "1".parse()?;
        if number == 2 {
            return Err(Box::new(fmt::Error));
        }
        if number == 3 {
            return Err("three".into());
        }
        Ok(format!("run {}", number * count_run()))
    }
    use std::{error::Error, fmt};
}

in_both_orders! {
    mod http_response("/", "/") => (200, "run 1");
    async fn page() -> HttpResponse {
        HttpResponse::Ok().insert_header(("x-run", count_run())).body("run 1")
    }
    use actix_web::HttpResponse;
}

in_both_orders! {
    mod http_response_with_a_string_body("/", "/") => (200, "run 1");
    async fn page() -> HttpResponse<String> {
        HttpResponse::with_body(StatusCode::OK, format!("run {}", count_run()))
    }
    use actix_web::{HttpResponse, http::StatusCode};
}

in_both_orders! {
    mod http_response_builder("/", "/") => (200, "");
    async fn page() -> HttpResponseBuilder {
        count_run();
        HttpResponse::Ok()
    }
    use actix_web::{HttpResponse, HttpResponseBuilder};
}

in_both_orders! {
    mod customize_responder("/", "/") => (200, "run 1");
    async fn page() -> CustomizeResponder<String> {
        format!("run {}", count_run()).customize().insert_header(("x-own", "1")).append_header(("x-own", "2"))
    }
    use actix_web::{CustomizeResponder, Responder};
}

in_both_orders! {
    mod redirect("/", "/") => (308, "");
    async fn page() -> web::Redirect {
        web::Redirect::to(format!("/{}", count_run())).permanent()
    }
    use actix_web::web;
}

in_both_orders! {
    mod custom_responder("/", "/") => (200, "run 1");
    async fn page() -> Feed {
        Feed(count_run())
    }
    use actix_web::{HttpRequest, HttpResponse, Responder};

    struct Feed(u32);

    impl Responder for Feed {
        type Body = String;

        fn respond_to(self, request: &HttpRequest) -> HttpResponse<String> {
            format!("run {}", self.0).respond_to(request)
        }
    }
}

// `Ok(())` is a 204, which the TTL does not store. The error is stored because it has an explicit lifetime.
in_both_orders! {
    mod result_of_unit("/", "/") => (308, "moved");
    async fn page() -> Result<(), InternalError<&'static str>> {
        if count_run() > 0 {
            let lifetime = ("cache-control", "max-age=60");
            let moved = HttpResponse::PermanentRedirect().insert_header(lifetime).body("moved");
            Err(InternalError::from_response("moved", moved))?;
        }
        Ok(())
    }
    use actix_web::{HttpResponse, error::InternalError};
}

in_both_orders! {
    mod coercion_at_an_early_return("/", "/") => (200, "abc");
    async fn page() -> &'static [u8] {
        if count_run() == 1 {
            return b"abc";
        }
        b"defg"
    }
}

in_both_orders! {
    mod coercion_of_function_pointers("/", "/") => (200, "run 1");
    async fn page() -> Either<String, Bytes> {
        let functions: [fn() -> u32; 2] = [count_run, || 2];
        match functions {
            [first, _] => Either::Left(format!("run {}", first())),
        }
    }
    use actix_web::{Either, web::Bytes};
}

in_both_orders! {
    mod inferred_collect("/", "/") => (200, "1,2");
    async fn page() -> Result<String, ParseIntError> {
        let numbers = ["1", "2"].iter().map(|text| text.parse()).collect::<Result<Vec<u32>, _>>()?;
        let text: Vec<_> = numbers.iter().map(|number| (number * count_run()).to_string()).take(1).collect();
        Ok([text, vec!["2".into()]].concat().join(","))
    }
    use actix_web::error::InternalError;

    struct ParseIntError(std::num::ParseIntError);

    impl From<std::num::ParseIntError> for ParseIntError {
        fn from(error: std::num::ParseIntError) -> Self {
            Self(error)
        }
    }

    impl From<ParseIntError> for actix_web::Error {
        fn from(error: ParseIntError) -> Self {
            InternalError::new(error.0, actix_web::http::StatusCode::BAD_REQUEST).into()
        }
    }
}

in_both_orders! {
    mod diverging_after_an_early_return("/", "/") => (200, "run 1");
    async fn page() -> HttpResponse {
        if count_run() == 1 {
            return HttpResponse::Ok().body("run 1");
        }
        unreachable!("a hit does not run the handler")
    }
    use actix_web::HttpResponse;
}

in_both_orders! {
    mod loop_with_a_break_value("/", "/") => (200, "run 1");
    async fn page() -> Result<String, Error> {
        let Some(run) = Some(()).map(|()| count_run()) else {
            return Err(ErrorNotFound("none"));
        };
        'pages: loop {
            if run == 1 {
                break 'pages Ok(format!("run {run}"));
            }
        }
    }
    use actix_web::{Error, error::ErrorNotFound};
}

in_both_orders! {
    mod non_send_local_across_an_await("/", "/") => (200, "run 1");
    async fn page() -> String {
        let local = Rc::new(count_run());
        ready(()).await;
        let inner = async { format!("run {local}") };
        inner.await
    }
    use std::{future::ready, rc::Rc};
}

/// A handler whose body is not written yet compiles.
mod unwritten_body {
    use actix_web::{HttpResponse, get, web::ServiceConfig};
    use cache_page::cache_page;

    use crate::support::TestApp;

    #[cache_page(60)]
    #[get("/above")]
    // The user chose `todo!`.
    #[allow(clippy::todo)]
    async fn above() -> HttpResponse {
        todo!()
    }

    #[get("/below")]
    #[cache_page(60)]
    #[allow(clippy::todo)]
    async fn below() -> actix_web::Result<String> {
        todo!()
    }

    #[actix_web::test]
    async fn can_be_registered() {
        let services = |config: &mut ServiceConfig| {
            config.service(above).service(below);
        };
        let app = TestApp::builder().configure(services).start().await;
        app.get("/above/none").await.assert_status(200);
    }
}
