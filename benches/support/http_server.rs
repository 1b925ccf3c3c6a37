//! A server on a free port, in a thread of its own, that stops when it is dropped.

use std::{net::SocketAddr, sync::mpsc, thread};

use actix_web::{App, HttpServer, dev::ServerHandle, rt::System, web::ServiceConfig};
use cache_page::PageCache;

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    handle: ServerHandle,
}

impl Server {
    pub(crate) fn start(workers: usize, cache: PageCache, configure: fn(&mut ServiceConfig)) -> Self {
        let (sender, receiver) = mpsc::channel();
        thread::spawn(move || {
            System::new().block_on(async move {
                let app = move || App::new().app_data(cache.clone()).configure(configure);
                let server = HttpServer::new(app).workers(workers).backlog(4096).disable_signals();
                let server = server.bind(("127.0.0.1", 0)).unwrap();
                let address = server.addrs()[0];
                let server = server.run();
                sender.send((address, server.handle())).unwrap();
                server.await.unwrap();
            });
        });
        let (address, handle) = receiver.recv().unwrap();
        Self { address, handle }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // The server stops when this is called, whether or not the future is polled.
        drop(self.handle.stop(false));
    }
}
