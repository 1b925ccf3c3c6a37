//! A minimal client for HTTP/1.1.

use std::{
    fmt::Write as _,
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// As [`try_send`].
///
/// # Panics
///
/// Panics if there is no response.
pub(crate) fn send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> (String, String) {
    let response = try_send(address, method, target, headers, body);
    response.unwrap_or_else(|error| panic!("{method} {target}: {error}"))
}

/// Sends a request, and returns the head of the response in lower case, and the body.
///
/// # Errors
///
/// Fails if there is no response.
pub(crate) fn try_send(
    address: SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &str,
) -> io::Result<(String, String)> {
    let mut request = format!("{method} {target} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        let _ = write!(request, "{name}: {value}\r\n");
    }
    let _ = write!(request, "content-length: {}\r\n\r\n{body}", body.len());
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(Duration::from_secs(60)))?;
    connection.write_all(request.as_bytes())?;
    let mut connection = BufReader::new(connection);
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") {
        if connection.read_line(&mut head)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let head = head.to_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")?.trim().parse().ok());
    let mut body = String::new();
    // chromedriver leaves the connection open.
    connection.take(length.unwrap_or(u64::MAX)).read_to_string(&mut body)?;
    Ok((head, body))
}
