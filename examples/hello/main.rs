//! `Hello World`, cached for 60 seconds.
//!
//! ```console
//! cargo run --example hello [ADDRESS]
//! ```

use std::{
    process::ExitCode,
    sync::atomic::{AtomicU64, Ordering},
};

use actix_web::{App, HttpServer, Responder, get, route};
use cache_page::cache_page;

static RUNS: AtomicU64 = AtomicU64::new(0);

#[route("/", method = "GET", method = "HEAD")]
#[cache_page(60)]
pub(crate) async fn hello() -> impl Responder {
    RUNS.fetch_add(1, Ordering::Relaxed);
    "Hello World"
}

#[get("/runs")]
pub(crate) async fn runs() -> impl Responder {
    format!("The handler of / ran {} times.\n", RUNS.load(Ordering::Relaxed))
}

#[actix_web::main]
async fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let server = HttpServer::new(|| App::new().service(hello).service(runs)).workers(2).bind(&address);
    let server = match server {
        Ok(server) => server,
        Err(error) => {
            eprintln!("hello: cannot listen on {address}: {error}");
            return ExitCode::FAILURE;
        }
    };
    for address in server.addrs() {
        println!(
            "Listening on http://{address} with two workers. Run these commands twice within 60 seconds:"
        );
        println!();
        println!("    curl -i http://{address}/");
        println!("    curl http://{address}/runs");
        println!();
    }
    match server.run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("hello: {error}");
            ExitCode::FAILURE
        }
    }
}
