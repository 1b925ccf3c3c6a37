//! A small site: the Markdown files of a folder as pages, with an index and a search.
//!
//! ```console
//! cargo run --example docs [FOLDER] [ADDRESS]
//! ```

mod html;
pub(crate) mod pages;
pub(crate) mod site;

use std::{process::ExitCode, time::Instant};

use actix_web::{
    App, Error, HttpServer,
    body::MessageBody,
    dev::{ServiceRequest, ServiceResponse},
    middleware::{Next, from_fn},
    web,
};

use self::site::Site;

#[actix_web::main]
async fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().unwrap_or_else(|| env!("CARGO_MANIFEST_DIR").to_owned());
    let address = arguments.next().unwrap_or_else(|| "127.0.0.1:8081".to_owned());
    match serve(&folder, &address).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("docs: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn serve(folder: &str, address: &str) -> Result<(), String> {
    let site = web::Data::new(Site::read(folder)?);
    let pages = site.paths().len();
    let app = move || {
        App::new()
            .app_data(site.clone())
            .wrap(from_fn(log))
            .service(pages::index)
            .service(pages::page)
            .service(pages::search)
    };
    let server = HttpServer::new(app).workers(2).bind(address);
    let server = server.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    for address in server.addrs() {
        println!("{pages} pages on http://{address}. Run these commands twice within a minute:");
        println!();
        println!("    curl -i http://{address}/");
        println!("    curl -i http://{address}/page/README.md");
        println!("    curl -i 'http://{address}/search?q=cache'");
        println!();
    }
    server.run().await.map_err(|error| error.to_string())
}

/// Prints the duration, status and cache outcome of each request.
async fn log(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let (start, line) = (Instant::now(), format!("{} {}", request.method(), request.uri()));
    let response = next.call(request).await?;
    let outcome =
        response.headers().get("cache-status").and_then(|value| value.to_str().ok()).unwrap_or("not cached");
    println!("{:>9.1?}  {}  {line}  {outcome}", start.elapsed(), response.status().as_u16());
    Ok(response)
}
