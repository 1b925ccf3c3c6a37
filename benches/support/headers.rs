//! How many headers a server sends.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
};

/// Requests a page on a new connection and returns the number of header lines of the response.
pub(crate) fn count(address: SocketAddr, path: &str, header: &str) -> usize {
    let mut stream = TcpStream::connect(address).unwrap();
    write!(stream, "GET {path} HTTP/1.1\r\nhost: {address}\r\n{header}\r\n\r\n").unwrap();
    let (mut head, mut bytes) = (Vec::new(), [0; 1024]);
    loop {
        let length = stream.read(&mut bytes).unwrap();
        assert!(length > 0, "no response to {path}");
        head.extend_from_slice(&bytes[..length]);
        if let Some(end) = head.windows(4).position(|window| window == b"\r\n\r\n") {
            let head = String::from_utf8_lossy(&head[..end]);
            assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
            return head.lines().count() - 1;
        }
    }
}
