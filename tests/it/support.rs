//! What the tests share.

use actix_web::{
    Error,
    body::{MessageBody, to_bytes},
    dev::{Service, ServiceResponse},
    http::header::HeaderMap,
    test::{TestRequest, call_service},
    web::Bytes,
};

/// Asks for a page with the request given.
pub(crate) async fn send<B: MessageBody>(
    app: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    request: TestRequest,
) -> Answer {
    let response = call_service(app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.map_err(Into::into).expect("the body ends cleanly");
    Answer { status, headers, body }
}

/// Asks for a page by `GET`.
pub(crate) async fn get<B: MessageBody>(
    app: &impl Service<actix_http::Request, Response = ServiceResponse<B>, Error = Error>,
    uri: &str,
) -> Answer {
    send(app, TestRequest::get().uri(uri)).await
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The lines of a header, joined as the RFC allows.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<&str> = self.headers.get_all(name).map(|line| line.to_str().expect("ASCII")).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).expect("UTF-8")
    }

    /// What the cache told of the request.
    pub(crate) fn outcome(&self) -> String {
        self.header("cache-status").expect("every request has an outcome")
    }

    pub(crate) fn is_hit(&self) -> bool {
        self.outcome().starts_with("cache_page; hit")
    }

    pub(crate) fn is_stored(&self) -> bool {
        self.outcome().contains("; stored")
    }
}
