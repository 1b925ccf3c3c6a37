//! An application, as it runs in each process: this program once more, told by its environment what to do.

use std::{env, io, path::PathBuf, process, sync::Arc, thread, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, get, post,
    rt::{System, time::sleep},
    web,
};
#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
use cache_page::RedisStore;
use cache_page::{Outcome, PageCache, cache_page};

use crate::{client::Shown, database::Numbers};

/// What an application is told.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// Of a server, of nodes of a cluster, or of sentinels.
    pub(crate) urls: Vec<String>,
    pub(crate) kind: Kind,
    pub(crate) database: PathBuf,
    pub(crate) key_prefix: String,
    pub(crate) local_ttl: Duration,
    pub(crate) max_purge_lag: Duration,
    pub(crate) deadline: Duration,
    pub(crate) one_fill: bool,
    /// How long slow pages take.
    pub(crate) slow: Duration,
}

/// What its URLs are of.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Server,
    #[cfg(feature = "redis-cluster")]
    Cluster,
    /// They watch a server that is called "main".
    #[cfg(feature = "redis-sentinel")]
    Sentinel,
}

impl Kind {
    const ALL: &[Self] = &[
        Self::Server,
        #[cfg(feature = "redis-cluster")]
        Self::Cluster,
        #[cfg(feature = "redis-sentinel")]
        Self::Sentinel,
    ];
}

/// The variables by which it is told, in the order of the fields.
const TOLD: &str = "CACHE_PAGE_APPLICATION";

impl Settings {
    pub(crate) fn write(&self) -> (&'static str, String) {
        let millis = |time: Duration| time.as_millis().to_string();
        let parts = [
            self.urls.join(","),
            format!("{:?}", self.kind),
            self.database.to_str().unwrap().to_owned(),
            self.key_prefix.clone(),
            millis(self.local_ttl),
            millis(self.max_purge_lag),
            millis(self.deadline),
            self.one_fill.to_string(),
            millis(self.slow),
        ];
        (TOLD, parts.join("|"))
    }

    fn read(told: &str) -> Self {
        let millis = |text: &str| Duration::from_millis(text.parse().unwrap());
        let parts: Vec<&str> = told.split('|').collect();
        let [urls, kind, database, key_prefix, local_ttl, max_purge_lag, deadline, one_fill, takes] =
            parts[..]
        else {
            panic!("{told:?} are no settings");
        };
        Self {
            urls: urls.split(',').map(str::to_owned).collect(),
            kind: *Kind::ALL.iter().find(|known| format!("{known:?}") == kind).unwrap(),
            database: database.into(),
            key_prefix: key_prefix.to_owned(),
            local_ttl: millis(local_ttl),
            max_purge_lag: millis(max_purge_lag),
            deadline: millis(deadline),
            one_fill: one_fill == "true",
            slow: millis(takes),
        }
    }

    fn cache(&self) -> PageCache {
        let cache = PageCache::builder()
            .key_prefix(&self.key_prefix)
            .local_ttl(self.local_ttl)
            .max_purge_lag(self.max_purge_lag)
            .remote_timeout(self.deadline)
            .coalesce_across_processes(self.one_fill);
        match self.kind {
            Kind::Server => cache.redis(&self.urls[0]).build(),
            #[cfg(feature = "redis-cluster")]
            Kind::Cluster => cache.remote_store(RedisStore::cluster(&self.urls).unwrap()).build(),
            #[cfg(feature = "redis-sentinel")]
            Kind::Sentinel => {
                cache.remote_store(RedisStore::sentinel(&self.urls, "main", "redis://any").unwrap()).build()
            }
        }
    }
}

pub(crate) fn is_asked_for() -> bool {
    env::var_os(TOLD).is_some()
}

/// Until whoever started it is gone. Tells its port first.
pub(crate) fn run() {
    let settings = Settings::read(&env::var(TOLD).unwrap());
    thread::spawn(|| {
        // Nothing comes that way but its end.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    let cache = settings.cache();
    let site = Site { numbers: Numbers::at(&settings.database), slow: settings.slow };
    let site = web::Data::from(Arc::new(site));
    System::new().block_on(async move {
        let app = move || {
            App::new()
                .app_data(cache.clone())
                .app_data(site.clone())
                .service(page)
                .service(slow)
                .service(big)
                .service(brief)
                .service(endless)
                .service(stale)
                .service(varied)
                .service(private)
                .service(verb)
                .service(stats)
        };
        let server = HttpServer::new(app).workers(2).keep_alive(Duration::from_secs(600));
        let server = server.client_request_timeout(Duration::ZERO).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        println!("{}", server.addrs()[0]);
        server.run().await.unwrap();
    });
}

struct Site {
    numbers: Numbers,
    slow: Duration,
}

impl Site {
    /// A handler begins to make that page: what it reads, it reads now.
    fn begin(&self, handler: &str, id: u64) -> Shown {
        let version = self.numbers.version(id);
        self.numbers.count_run(handler, id);
        Shown { handler: handler.to_owned(), id, version, by: process::id() }
    }
}

#[get("/page/{id}")]
#[cache_page(60, name = "page", tags = ["page:{id}", "pages"])]
async fn page(id: web::Path<u64>, site: web::Data<Site>) -> HttpResponse {
    let shown = site.begin("page", *id);
    let mut response = HttpResponse::Ok();
    response.insert_header(("x-one", "1")).append_header(("x-two", "2")).append_header(("x-two", "3"));
    response.content_type("text/plain").body(shown.write(0))
}

#[get("/slow/{id}")]
#[cache_page(60, name = "slow", tags = ["page:{id}"])]
async fn slow(id: web::Path<u64>, site: web::Data<Site>) -> String {
    let shown = site.begin("slow", *id);
    sleep(site.slow).await;
    shown.write(0)
}

#[get("/big/{id}")]
#[cache_page(60, name = "big", tags = ["page:{id}"])]
async fn big(id: web::Path<u64>, site: web::Data<Site>) -> String {
    site.begin("big", *id).write(100 * 1024)
}

#[get("/brief/{id}")]
#[cache_page(1, name = "brief", tags = ["page:{id}"])]
async fn brief(id: web::Path<u64>, site: web::Data<Site>) -> String {
    site.begin("brief", *id).write(0)
}

#[get("/endless/{id}")]
#[cache_page(None, name = "endless", tags = ["page:{id}"])]
async fn endless(id: web::Path<u64>, site: web::Data<Site>) -> String {
    site.begin("endless", *id).write(0)
}

#[get("/stale/{id}")]
#[cache_page(60, name = "stale", stale_while_revalidate = 60, tags = ["page:{id}"])]
async fn stale(id: web::Path<u64>, site: web::Data<Site>) -> String {
    site.begin("stale", *id).write(0)
}

/// A page for each `x-color`, of which only this handler knows.
#[get("/varied/{id}")]
#[cache_page(60, name = "varied", tags = ["page:{id}"])]
async fn varied(#[unkeyed] request: HttpRequest, id: web::Path<u64>, site: web::Data<Site>) -> HttpResponse {
    let color = request.headers().get("x-color").and_then(|color| color.to_str().ok()).unwrap_or("none");
    let shown = site.begin("varied", *id);
    HttpResponse::Ok()
        .insert_header(("vary", "x-color"))
        .insert_header(("x-shown", color))
        .body(shown.write(0))
}

#[get("/private/{id}")]
#[cache_page(60, name = "private")]
async fn private(id: web::Path<u64>, site: web::Data<Site>) -> HttpResponse {
    let shown = site.begin("private", *id);
    sleep(site.slow).await;
    HttpResponse::Ok().insert_header(("cache-control", "private")).body(shown.write(0))
}

/// 200 where it is confirmed, 503 where it is still under way.
#[post("/verb/{verb}")]
async fn verb(verb: web::Path<String>, about: String, cache: PageCache) -> HttpResponse {
    let purging = match verb.as_str() {
        "purge_all" => cache.purge_all(),
        "purge_handler" => cache.purge_handler(&about),
        "purge_path" => cache.purge_path(&about),
        "purge_prefix" => cache.purge_prefix(&about),
        "purge_tag" => cache.purge_tag(&about),
        "purge_url" => cache.purge_url(&about),
        "expire_all" => cache.expire_all(),
        "expire_handler" => cache.expire_handler(&about),
        "expire_path" => cache.expire_path(&about),
        "expire_prefix" => cache.expire_prefix(&about),
        "expire_tag" => cache.expire_tag(&about),
        "expire_url" => cache.expire_url(&about),
        _ => return HttpResponse::NotFound().finish(),
    };
    match purging.await {
        Ok(_) => HttpResponse::Ok().body("done"),
        Err(error) if error.is_pending() => HttpResponse::ServiceUnavailable().body(error.to_string()),
        Err(error) => HttpResponse::BadRequest().body(error.to_string()),
    }
}

/// A line for each number.
#[get("/stats")]
async fn stats(cache: PageCache) -> String {
    let stats = cache.stats();
    let shared = stats.remote().expect("there is a shared tier");
    let lines = [
        ("is_up", u64::from(shared.is_available)),
        ("kept", shared.stored),
        ("purged", shared.purged),
        ("late", shared.timeouts),
        ("down", shared.unavailable),
        ("refused", shared.rejected),
        ("garbled", shared.corrupt),
        ("crowded", shared.overloaded),
        ("hits", stats.count(Outcome::Hit)),
        ("shared", stats.count(Outcome::RemoteHit)),
        ("requests", stats.requests()),
    ];
    lines.iter().map(|(name, number)| format!("{name} {number}\n")).collect()
}
