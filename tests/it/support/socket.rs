//! A test application on a real socket.

use std::{fmt::Write as _, net::SocketAddr, sync::mpsc, thread};

use actix_web::{
    HttpServer,
    dev::ServerHandle,
    http::{
        Method,
        header::{HeaderMap, HeaderName, HeaderValue},
    },
    rt::System,
    web::Bytes,
};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
};

use super::{builder::AppSpec, request::TestRequest, response::TestResponse};

/// A server on a free port, in a thread of its own. Dropping it stops it.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub(super) fn start(spec: AppSpec) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let server = HttpServer::new(move || spec.app())
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

    /// Sends requests one behind the other on a new connection, which one worker serves.
    pub(super) async fn send(&self, requests: &[&TestRequest]) -> Vec<TestResponse> {
        let mut stream = TcpStream::connect(self.address).await.expect("the server listens");
        for (position, request) in requests.iter().enumerate() {
            let is_last = position + 1 == requests.len();
            stream.write_all(&head(request, is_last)).await.expect("sent");
            stream.write_all(&request.body).await.expect("sent");
        }
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("responses");
        let mut rest = &bytes[..];
        let responses = requests.iter().map(|request| parse(&mut rest, request)).collect();
        assert!(rest.is_empty(), "more than the responses was sent: {:?}", String::from_utf8_lossy(rest));
        responses
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The call starts to stop the server; the future would wait until that is done.
        drop(self.handle.stop(false));
    }
}

fn head(request: &TestRequest, is_last: bool) -> Vec<u8> {
    let mut head = format!("{} {} HTTP/1.1\r\n", request.method, request.uri).into_bytes();
    let mut line = |name: &str, value: &[u8]| {
        head.extend_from_slice(name.as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value);
        head.extend_from_slice(b"\r\n");
    };
    if request.headers.iter().all(|(name, _)| name != "host") {
        line("host", b"localhost:8080");
    }
    request.headers.iter().for_each(|(name, value)| line(name.as_str(), value.as_bytes()));
    if !request.body.is_empty() {
        let mut length = String::new();
        write!(length, "{}", request.body.len()).expect("a string takes it");
        line("content-length", length.as_bytes());
    }
    line("connection", if is_last { b"close" } else { b"keep-alive" });
    head.extend_from_slice(b"\r\n");
    head
}

/// Takes one response off the front.
fn parse(bytes: &mut &[u8], request: &TestRequest) -> TestResponse {
    let end = bytes.windows(4).position(|part| part == b"\r\n\r\n").expect("a head");
    let (head, rest) = bytes.split_at(end + 4);
    let mut lines = std::str::from_utf8(head).expect("ASCII").trim_end_matches("\r\n").split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).and_then(|code| code.parse().ok());
    let status = status.expect("a status");
    let mut headers = HeaderMap::new();
    for line in lines {
        let (name, value) = line.split_once(": ").expect("a header");
        let name = HeaderName::try_from(name).expect("a name");
        headers.append(name, HeaderValue::from_str(value).expect("a value"));
    }
    let length = headers.get("content-length").and_then(|length| length.to_str().ok()?.parse().ok());
    let has_no_body = request.method == Method::HEAD || status == 304 || status == 204;
    let (body, rest) = match headers.contains_key("transfer-encoding") {
        _ if has_no_body => (Vec::new(), rest),
        true => dechunk(rest),
        false => (rest[..length.unwrap_or(0)].to_vec(), &rest[length.unwrap_or(0)..]),
    };
    *bytes = rest;
    TestResponse::new(request.to_string(), status, headers, Bytes::from(body))
}

/// Returns the content of a chunked body, and what follows it.
fn dechunk(mut rest: &[u8]) -> (Vec<u8>, &[u8]) {
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
