//! A request to a test application.

use std::{
    future::{Future, IntoFuture},
    net::SocketAddr,
};

use actix_http::Request;
use actix_web::{
    Error,
    body::to_bytes,
    dev::ServiceResponse,
    http::{
        Method, Version,
        header::{HeaderName, HeaderValue},
    },
    test,
    web::Bytes,
};
use futures_util::future::{FutureExt as _, LocalBoxFuture};

use super::{
    app::{TestApp, Transport},
    body::BodyReader,
    response::TestResponse,
};

/// A request, sent when it is awaited.
#[derive(Clone)]
#[must_use = "a request is sent when it is awaited"]
pub(crate) struct TestRequest {
    app: TestApp,
    version: Version,
    pub(super) method: Method,
    pub(super) uri: String,
    pub(super) headers: Vec<(HeaderName, HeaderValue)>,
    pub(super) body: Bytes,
    client: Option<SocketAddr>,
}

impl TestRequest {
    pub(super) fn new(app: TestApp, method: Method, uri: &str) -> Self {
        let (uri, headers, body) = (uri.to_owned(), Vec::new(), Bytes::new());
        Self { app, version: Version::HTTP_11, method, uri, headers, body, client: None }
    }

    /// Adds a header; one of the same name stays.
    pub(crate) fn header(mut self, name: &str, value: impl AsRef<[u8]>) -> Self {
        let name = HeaderName::try_from(name).expect("a header name");
        self.headers.push((name, HeaderValue::from_bytes(value.as_ref()).expect("a header value")));
        self
    }

    pub(crate) fn headers<V: AsRef<[u8]>>(self, headers: &[(&str, V)]) -> Self {
        headers.iter().fold(self, |request, (name, value)| request.header(name, value))
    }

    /// Sets the version of HTTP of a request that is not sent over a socket.
    pub(crate) fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    pub(crate) fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Returns the body.
    #[cfg(feature = "inspector")]
    pub(crate) fn body_text(self) -> Vec<u8> {
        self.body.to_vec()
    }

    /// Sets the address of the client, which a request in this thread has none of.
    pub(crate) fn peer_addr(mut self, client: SocketAddr) -> Self {
        self.client = Some(client);
        self
    }

    /// Returns the request as often as that, for a [`Crowd`](super::Crowd).
    pub(crate) fn times(self, number: usize) -> Vec<Self> {
        vec![self; number]
    }

    /// Sends the request and returns the response as the service does, its body unread.
    pub(crate) async fn call(self) -> ServiceResponse {
        self.try_call().await.unwrap_or_else(|error| panic!("{error}"))
    }

    /// As [`call`](Self::call), for a middleware that may fail.
    pub(crate) fn try_call(self) -> impl Future<Output = Result<ServiceResponse, Error>> + use<> {
        match self.app.transport() {
            Transport::InProcess(call) => call(self.to_actix()),
            Transport::Socket(_) => panic!("the response of a socket is read to its end"),
        }
    }

    /// Sends the request and returns the head of the response and its body, which the test reads.
    pub(crate) async fn stream(self) -> (TestResponse, BodyReader) {
        let text = self.to_string();
        let response = self.call().await;
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        (TestResponse::new(text, status, headers, Bytes::new()), BodyReader::new(response.into_body()))
    }

    fn to_actix(&self) -> Request {
        let request =
            test::TestRequest::with_uri(&self.uri).method(self.method.clone()).version(self.version);
        let request = self
            .headers
            .iter()
            .fold(request, |request, (name, value)| request.append_header((name.clone(), value.clone())));
        let request = self.client.into_iter().fold(request, test::TestRequest::peer_addr);
        if self.body.is_empty() { request } else { request.set_payload(self.body.clone()) }.to_request()
    }
}

/// Reads the response to its end.
impl IntoFuture for TestRequest {
    type Output = TestResponse;
    type IntoFuture = LocalBoxFuture<'static, TestResponse>;

    fn into_future(self) -> Self::IntoFuture {
        async move {
            if let Transport::Socket(server) = self.app.transport() {
                return server.send(&[&self]).await.remove(0);
            }
            let text = self.to_string();
            let response = self.call().await;
            let (status, headers) = (response.status().as_u16(), response.headers().clone());
            let body = to_bytes(response.into_body()).await.expect("the body is complete");
            TestResponse::new(text, status, headers, body)
        }
        .boxed_local()
    }
}

impl std::fmt::Display for TestRequest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} {}", self.method, self.uri)?;
        self.headers.iter().try_for_each(|(name, value)| write!(f, ", {name}: {value:?}"))
    }
}

/// Sends requests on one connection, one behind the other, to an application with a socket: one worker serves them all.
pub(crate) async fn pipeline(requests: &[TestRequest]) -> Vec<TestResponse> {
    let Transport::Socket(server) = requests[0].app.transport() else {
        panic!("the application has no socket")
    };
    server.send(&requests.iter().collect::<Vec<_>>()).await
}
