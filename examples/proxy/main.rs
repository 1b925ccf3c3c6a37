//! A caching proxy that honours the caching headers of the upstream server.
//!
//! ```console
//! cargo run --example proxy UPSTREAM [ADDRESS]
//! ```

use std::{
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream, ToSocketAddrs as _},
    process::ExitCode,
    time::Duration,
};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer,
    error::ErrorBadGateway,
    http::{
        StatusCode,
        header::{self, HeaderMap, HeaderName, HeaderValue},
    },
    web,
};
use cache_page::{cache_page, normalize};

/// The request headers that are forwarded. The upstream server names those that a response depends on in `Vary`. No other
/// header is forwarded, in particular no credentials.
const FORWARDED: [HeaderName; 2] = [header::ACCEPT, header::ACCEPT_LANGUAGE];

/// Hop-by-hop headers, which are not forwarded (RFC 9110 7.6.1).
const HOP_BY_HOP: [&str; 8] = [
    "connection",
    "content-length",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// The maximum length of an upstream response, in bytes.
const MAX_RESPONSE: u64 = 64 * 1024 * 1024;

/// The timeout for connecting, reading and writing.
const TIMEOUT: Duration = Duration::from_secs(10);

/// The address of the upstream server.
#[derive(Clone, Copy)]
pub(crate) struct Upstream(pub(crate) SocketAddr);

/// Forwards a request.
///
/// The argument is `#[unkeyed]` because the handler reads only the URL, which is in the key, and headers that the upstream server
/// names in `Vary`.
#[cache_page(60, normalize = ["accept-language" => normalize::list])]
pub(crate) async fn page(
    #[unkeyed] request: HttpRequest,
    upstream: web::Data<Upstream>,
) -> Result<HttpResponse, actix_web::Error> {
    let url = request.uri().path_and_query().map_or("/", |url| url.as_str()).to_owned();
    let headers = FORWARDED.map(|name| (request.headers().get(&name).cloned(), name));
    let bytes = web::block(move || fetch(upstream.0, &url, &headers)).await?.map_err(ErrorBadGateway)?;
    parse(&bytes).ok_or_else(|| ErrorBadGateway("the upstream response is malformed or incomplete"))
}

/// Fetches a response from the upstream server.
///
/// The method is always `GET`, so that the page also answers `HEAD`. The version is HTTP/1.0, so that the body is not chunked.
fn fetch(
    upstream: SocketAddr,
    url: &str,
    headers: &[(Option<HeaderValue>, HeaderName)],
) -> io::Result<Vec<u8>> {
    let mut stream = TcpStream::connect_timeout(&upstream, TIMEOUT)?;
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    let mut request = format!("GET {url} HTTP/1.0\r\nHost: {upstream}\r\n").into_bytes();
    for (value, name) in headers {
        if let Some(value) = value {
            request.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
        }
    }
    request.extend(b"\r\n");
    stream.write_all(&request)?;
    let mut bytes = Vec::new();
    stream.take(MAX_RESPONSE).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Parses a response. Returns `None` if it is malformed or incomplete.
fn parse(bytes: &[u8]) -> Option<HttpResponse> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let (head, body) = (&bytes[..end], &bytes[end + 4..]);
    let mut lines = head.split(|&byte| byte == b'\n').map(<[u8]>::trim_ascii_end);
    let status = lines.next()?.split(|&byte| byte == b' ').nth(1)?;
    let status = StatusCode::from_bytes(status).ok().filter(|status| !status.is_informational())?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let colon = line.iter().position(|&byte| byte == b':')?;
        let name = HeaderName::from_bytes(&line[..colon]).ok()?;
        headers.append(name, HeaderValue::from_bytes(line[colon + 1..].trim_ascii()).ok()?);
    }
    let length = headers.get(header::CONTENT_LENGTH);
    let has_body = !matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let is_complete = match length {
        Some(length) if has_body => length.to_str().ok()?.parse() == Ok(body.len()),
        _ => bytes.len() as u64 != MAX_RESPONSE,
    };
    if !is_complete || headers.contains_key(header::TRANSFER_ENCODING) {
        return None;
    }
    let connection_options: Vec<String> = headers
        .get_all(header::CONNECTION)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split(',').map(|name| name.trim().to_ascii_lowercase()))
        .collect();
    let mut response = HttpResponse::build(status);
    for (name, value) in &headers {
        if !HOP_BY_HOP.contains(&name.as_str())
            && !connection_options.iter().any(|option| option == name.as_str())
        {
            response.append_header((name, value));
        }
    }
    Some(if has_body { response.body(body.to_vec()) } else { response.finish() })
}

#[actix_web::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (upstream, address, extra) = (arguments.next(), arguments.next(), arguments.next());
    let upstream = upstream.and_then(|upstream| upstream.to_socket_addrs().ok()?.next());
    let (Some(upstream), None) = (upstream, extra) else {
        eprintln!("proxy: usage: proxy UPSTREAM [ADDRESS], for example 127.0.0.1:8000 127.0.0.1:8080");
        return ExitCode::FAILURE;
    };
    let address = address.unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let upstream = web::Data::new(Upstream(upstream));
    let app = move || App::new().app_data(upstream.clone()).default_service(web::to(page));
    let server = match HttpServer::new(app).workers(2).bind(&address) {
        Ok(server) => server,
        Err(error) => {
            eprintln!("proxy: cannot listen on {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    println!("Listening on http://{address}");
    match server.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}
