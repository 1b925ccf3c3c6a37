//! A blog on `SQLite`, with logins. See `README.md`.

mod html;
pub(crate) mod login;
mod pages;
pub(crate) mod posts;
mod write;

use std::process::ExitCode;

use actix_web::{App, HttpServer, cookie::Key, middleware::Compress, web};
use cache_page::PageCache;

use self::login::Password;

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    // `/posts/new` comes before the pattern of a post.
    config
        .service((
            pages::index,
            pages::new,
            pages::show,
            pages::edit,
            pages::tagged,
            pages::feed,
            pages::about,
        ))
        .service((write::create, write::change, write::delete))
        .service((login::login_form, login::login, login::logout));
}

#[actix_web::main]
async fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let Err(error) = serve(&address).await else { return ExitCode::SUCCESS };
    eprintln!("blog: {error}");
    ExitCode::FAILURE
}

/// Adds pages about the cache, which only browsers on this machine see.
#[cfg(feature = "inspector")]
fn add_inspector(config: &mut web::ServiceConfig, cache: &PageCache) {
    config.service(cache.inspector("/cache"));
}

#[cfg(not(feature = "inspector"))]
fn add_inspector(_: &mut web::ServiceConfig, _: &PageCache) {}

async fn serve(address: &str) -> Result<(), String> {
    let db = posts::open().map_err(|error| format!("cannot open the database: {error}"))?;
    let password = std::env::var("BLOG_PASSWORD").unwrap_or_else(|_| login::random());
    println!("The password is {password}");
    let (password, key) = (web::Data::new(Password(password)), Key::generate());
    // With the feature `compress-all`, each page is encoded once. Without, `Compress` encodes each response.
    let cache = PageCache::builder().compress(cfg!(feature = "compress-all")).build();
    let app = move || {
        App::new()
            .app_data(db.clone())
            .app_data(password.clone())
            .app_data(cache.clone())
            .wrap(login::sessions(key.clone()))
            .wrap(Compress::default())
            .configure(configure)
            .configure(|config| add_inspector(config, &cache))
    };
    let server = HttpServer::new(app).workers(2).bind(address);
    let server = server.map_err(|error| format!("cannot listen on {address}: {error}"))?;
    for address in server.addrs() {
        println!("Listening on http://{address}");
    }
    server.run().await.map_err(|error| error.to_string())
}
