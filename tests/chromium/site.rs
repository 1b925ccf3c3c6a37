//! A server of an application, on two origins.

use std::{
    net::{SocketAddr, TcpListener},
    sync::mpsc::channel,
    thread,
};

use actix_web::{
    dev::{Server, ServerHandle},
    rt::System,
};

use crate::http;

/// A server in a thread of its own. Dropping it stops it.
pub(crate) struct Site {
    addresses: [SocketAddr; 2],
    handle: ServerHandle,
}

impl Site {
    /// Starts the server that the function makes with two listeners.
    pub(crate) fn start(server: impl FnOnce([TcpListener; 2]) -> Server + Send + 'static) -> Self {
        let listeners = [(); 2].map(|()| TcpListener::bind("127.0.0.1:0").unwrap());
        let addresses = [&listeners[0], &listeners[1]].map(|listener| listener.local_addr().unwrap());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let server = server(listeners);
                sender.send(server.handle()).unwrap();
                server.await.unwrap();
            });
        });
        Self { addresses, handle: receiver.recv().unwrap() }
    }

    /// Returns a URL on the first origin.
    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses[0])
    }

    /// Returns a URL on the other origin.
    pub(crate) fn other_url(&self, path: &str) -> String {
        format!("http://{}{path}", self.addresses[1])
    }

    /// Requests a page without a browser.
    pub(crate) fn get(&self, path: &str) -> (String, String) {
        let (head, body) = http::send(self.addresses[0], "GET", path, &[], "");
        assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
        (head, body)
    }
}

impl Drop for Site {
    fn drop(&mut self) {
        drop(self.handle.stop(false));
    }
}
