//! The fixture of the tests that do not use `support` yet.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use actix_http::Request;
use actix_web::{
    App, Error, HttpServer,
    body::{MessageBody, to_bytes},
    dev::{ServerHandle, Service, ServiceResponse},
    http::header::{HeaderMap, HeaderName, HeaderValue},
    rt::{System, spawn, task::JoinHandle, task::yield_now},
    test::{TestRequest, call_service},
    web,
};

/// Asks for a page with the request given.
pub(crate) async fn send<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    request: TestRequest,
) -> Answer {
    let response = call_service(app, request.to_request()).await;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = to_bytes(response.into_body()).await.map_err(Into::into).expect("the body ends cleanly");
    Answer { status, headers, body: body.into() }
}

/// Asks for a page by `GET`.
pub(crate) async fn get<B: MessageBody>(
    app: &impl Service<Request, Response = ServiceResponse<B>, Error = Error>,
    uri: &str,
) -> Answer {
    send(app, TestRequest::get().uri(uri)).await
}

/// A `GET` with these headers.
pub(crate) fn asking(uri: &str, headers: &[(&str, &str)]) -> TestRequest {
    headers.iter().fold(TestRequest::get().uri(uri), |request, header| request.append_header(*header))
}

/// A response, read to its end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// The lines of a header, joined as the RFC allows.
    pub(crate) fn header(&self, name: &str) -> Option<String> {
        let lines: Vec<&str> = self.headers.get_all(name).map(|line| line.to_str().expect("ASCII")).collect();
        (!lines.is_empty()).then(|| lines.join(", "))
    }

    /// The headers but for those that tell of this one request, in an order that does not depend on a hash.
    pub(crate) fn lasting_headers(&self) -> Vec<(String, Vec<u8>)> {
        let mut lines: Vec<_> = (self.headers.iter())
            .map(|(name, value)| (name.as_str().to_owned(), value.as_bytes().to_vec()))
            .filter(|(name, _)| !["age", "cache-status"].contains(&name.as_str()))
            .collect();
        // Stable, so that the lines of one header stay in their order.
        lines.sort_by(|(one, _), (other, _)| one.cmp(other));
        lines
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

/// How often a handler ran.
#[derive(Clone, Default)]
pub(crate) struct Runs(Arc<AtomicU64>);

impl Runs {
    /// One more; the number of it.
    pub(crate) fn count(&self) -> u64 {
        self.0.fetch_add(1, Ordering::SeqCst) + 1
    }

    pub(crate) fn get(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }
}

/// Lets everything that runs on this thread come to where it waits for something.
pub(crate) async fn settle() {
    for _ in 0..20 {
        yield_now().await;
    }
}

/// Requests that are under way at the same time; aborted when they are dropped.
pub(crate) struct Crowd(Vec<JoinHandle<Answer>>);

impl Crowd {
    /// Sends them all, and lets each come to where it waits.
    pub(crate) async fn send<B: MessageBody + 'static>(
        app: &Rc<impl Service<Request, Response = ServiceResponse<B>, Error = Error> + 'static>,
        requests: impl IntoIterator<Item = TestRequest>,
    ) -> Self {
        let mut crowd = Self(Vec::new());
        for request in requests {
            let app = Rc::clone(app);
            crowd.0.push(spawn(async move { send(&*app, request).await }));
            settle().await;
        }
        crowd
    }

    /// Drops one of them, as where its client goes away.
    pub(crate) async fn abort(&mut self, position: usize) {
        let task = self.0.remove(position);
        task.abort();
        assert!(task.await.is_err_and(|error| error.is_cancelled()));
        settle().await;
    }

    /// How many have their answer.
    pub(crate) fn answered(&self) -> usize {
        self.0.iter().filter(|task| task.is_finished()).count()
    }

    /// What all of them got, in their order; nothing for those that panicked.
    pub(crate) async fn answers(self) -> Vec<Option<Answer>> {
        let mut answers = Vec::new();
        for task in self.0 {
            answers.push(task.await.ok());
        }
        answers
    }

    /// What all of them got, and nobody panicked.
    pub(crate) async fn all(self) -> Vec<Answer> {
        self.answers().await.into_iter().map(|answer| answer.expect("an answer")).collect()
    }
}

/// A real server on a free port, stopped when it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub(crate) fn start(configure: impl Fn(&mut web::ServiceConfig) + Clone + Send + 'static) -> Self {
        let (sender, receiver) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || App::new().configure(configure.clone()))
                    .workers(2)
                    .disable_signals()
                    .bind(("127.0.0.1", 0))
                    .expect("a free port");
                let address = server.addrs()[0];
                let server = server.run();
                sender.send((address, server.handle())).expect("the test waits");
                server.await.expect("the server runs");
            });
        });
        let (address, handle) = receiver.recv().expect("the server starts");
        Self { address, handle }
    }

    /// Sends a request on a connection of its own.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str) -> Answer {
        self.ask_all(method, &[path], headers).remove(0)
    }

    /// Sends requests one behind the other on one connection, which one worker serves.
    pub(crate) fn ask_all(&self, method: &str, paths: &[&str], headers: &str) -> Vec<Answer> {
        let mut stream = TcpStream::connect(self.address).expect("the server listens");
        for (position, path) in paths.iter().enumerate() {
            let connection = if position + 1 == paths.len() { "close" } else { "keep-alive" };
            write!(
                stream,
                "{method} {path} HTTP/1.1\r\nHost: test\r\n{headers}Connection: {connection}\r\n\r\n"
            )
            .expect("sent");
        }
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).expect("answers");
        let mut rest = &bytes[..];
        let answers: Vec<Answer> = paths.iter().map(|_| parse(&mut rest, method == "HEAD")).collect();
        assert!(rest.is_empty(), "more was sent than asked for: {:?}", String::from_utf8_lossy(rest));
        answers
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // Stopping begins with the call; the future only waits for its end.
        drop(self.handle.stop(false));
    }
}

/// Takes one response off the front.
fn parse(bytes: &mut &[u8], without_body: bool) -> Answer {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    let (head, rest) = bytes.split_at(end + 4);
    let mut lines = std::str::from_utf8(head).expect("ASCII").trim_end_matches("\r\n").split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        headers.append(
            HeaderName::try_from(name).expect("a name"),
            HeaderValue::from_str(value).expect("a value"),
        );
    }
    let length =
        headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok()).unwrap_or(0);
    let (body, rest) = match headers.contains_key("transfer-encoding") {
        _ if without_body => (Vec::new(), rest),
        true => join(rest),
        false => (rest[..length].to_vec(), &rest[length..]),
    };
    *bytes = rest;
    Answer { status: status.expect("a status"), headers, body }
}

/// The body that came in chunks, and what follows it.
fn join(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
    let mut body = Vec::new();
    loop {
        let end = rest.windows(2).position(|part| part == b"\r\n").expect("a length");
        let length = std::str::from_utf8(&rest[..end]).expect("ASCII");
        let length = usize::from_str_radix(length, 16).expect("a hexadecimal length");
        let chunk = &rest[end + 2..];
        body.extend_from_slice(&chunk[..length]);
        rest = &chunk[length + 2..];
        if length == 0 {
            return (body, rest);
        }
    }
}
