//! The application that each process runs. It is this executable, with its settings in an environment variable.

use std::{env, io, path::PathBuf, process, sync::Arc, thread, time::Duration};

use actix_web::{
    App, HttpRequest, HttpResponse, HttpServer, get, post,
    rt::{System, time::sleep},
    web,
};
#[cfg(any(feature = "redis-cluster", feature = "redis-sentinel"))]
use cache_page::RedisStore;
use cache_page::{Outcome, PageCache, RemotePurge, cache_page};

use crate::{client::PageContent, database::Counters};

/// The settings of an application.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    /// The URLs of a server, of the nodes of a cluster, or of sentinels.
    pub(crate) urls: Vec<String>,
    pub(crate) deployment: Deployment,
    pub(crate) database: PathBuf,
    pub(crate) key_prefix: String,
    pub(crate) local_ttl: Duration,
    pub(crate) max_purge_lag: Duration,
    pub(crate) remote_timeout: Duration,
    pub(crate) coalesce_timeout: Duration,
    pub(crate) coalesce_across_processes: bool,
    /// How long the handlers of `/slow` and `/private` take.
    pub(crate) handler_time: Duration,
}

/// What the URLs lead to.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Deployment {
    Server,
    #[cfg(feature = "redis-cluster")]
    Cluster,
    /// Sentinels that monitor the master "main".
    #[cfg(feature = "redis-sentinel")]
    Sentinel,
}

impl Deployment {
    const ALL: &[Self] = &[
        Self::Server,
        #[cfg(feature = "redis-cluster")]
        Self::Cluster,
        #[cfg(feature = "redis-sentinel")]
        Self::Sentinel,
    ];
}

/// The environment variable with the settings.
const SETTINGS_VARIABLE: &str = "CACHE_PAGE_APPLICATION";

impl Settings {
    pub(crate) fn to_variable(&self) -> (&'static str, String) {
        let millis = |time: Duration| time.as_millis().to_string();
        let parts = [
            self.urls.join(","),
            format!("{:?}", self.deployment),
            self.database.to_str().unwrap().to_owned(),
            self.key_prefix.clone(),
            millis(self.local_ttl),
            millis(self.max_purge_lag),
            millis(self.remote_timeout),
            millis(self.coalesce_timeout),
            self.coalesce_across_processes.to_string(),
            millis(self.handler_time),
        ];
        (SETTINGS_VARIABLE, parts.join("|"))
    }

    fn parse(text: &str) -> Self {
        let millis = |text: &str| Duration::from_millis(text.parse().unwrap());
        let parts: Vec<&str> = text.split('|').collect();
        let [
            urls,
            deployment,
            database,
            key_prefix,
            local_ttl,
            max_purge_lag,
            remote_timeout,
            coalesce_timeout,
            coalesce_across_processes,
            handler_time,
        ] = parts[..]
        else {
            panic!("invalid settings: {text:?}");
        };
        Self {
            urls: urls.split(',').map(str::to_owned).collect(),
            deployment: *Deployment::ALL.iter().find(|known| format!("{known:?}") == deployment).unwrap(),
            database: database.into(),
            key_prefix: key_prefix.to_owned(),
            local_ttl: millis(local_ttl),
            max_purge_lag: millis(max_purge_lag),
            remote_timeout: millis(remote_timeout),
            coalesce_timeout: millis(coalesce_timeout),
            coalesce_across_processes: coalesce_across_processes == "true",
            handler_time: millis(handler_time),
        }
    }

    fn cache(&self) -> PageCache {
        let cache = PageCache::builder()
            .key_prefix(&self.key_prefix)
            .local_ttl(self.local_ttl)
            .max_purge_lag(self.max_purge_lag)
            .remote_timeout(self.remote_timeout)
            .coalesce_timeout(self.coalesce_timeout)
            .coalesce_across_processes(self.coalesce_across_processes);
        match self.deployment {
            Deployment::Server => cache.redis(&self.urls[0]).build(),
            #[cfg(feature = "redis-cluster")]
            Deployment::Cluster => cache.remote_store(RedisStore::cluster(&self.urls).unwrap()).build(),
            #[cfg(feature = "redis-sentinel")]
            Deployment::Sentinel => {
                cache.remote_store(RedisStore::sentinel(&self.urls, "main", "redis://any").unwrap()).build()
            }
        }
    }
}

pub(crate) fn is_requested() -> bool {
    env::var_os(SETTINGS_VARIABLE).is_some()
}

/// Runs the application until its parent process ends. Prints its address first.
pub(crate) fn run() {
    let settings = Settings::parse(&env::var(SETTINGS_VARIABLE).unwrap());
    thread::spawn(|| {
        // The parent process writes nothing, so this returns when it ends.
        let _ = io::copy(&mut io::stdin(), &mut io::sink());
        process::exit(0);
    });
    let cache = settings.cache();
    let site = Handlers { counters: Counters::open(&settings.database), handler_time: settings.handler_time };
    let site = web::Data::from(Arc::new(site));
    System::new().block_on(async move {
        let app = move || {
            App::new()
                .app_data(cache.clone())
                .app_data(site.clone())
                .service(page)
                .service(slow)
                .service(big)
                .service(short_ttl)
                .service(no_expiry)
                .service(stale)
                .service(varied)
                .service(private)
                .service(purge)
                .service(stats)
        };
        let server = HttpServer::new(app).workers(2).keep_alive(Duration::from_secs(600));
        let server = server.client_request_timeout(Duration::ZERO).disable_signals();
        let server = server.bind(("127.0.0.1", 0)).unwrap();
        println!("{}", server.addrs()[0]);
        server.run().await.unwrap();
    });
}

struct Handlers {
    counters: Counters,
    handler_time: Duration,
}

impl Handlers {
    /// Counts a run of a handler and reads the data of its page.
    fn start(&self, handler: &str, id: u64) -> PageContent {
        let version = self.counters.version(id);
        self.counters.count_run(handler, id);
        PageContent { handler: handler.to_owned(), id, version, process_id: process::id() }
    }
}

#[get("/page/{id}")]
#[cache_page(60, name = "page", tags = ["page:{id}", "pages"])]
async fn page(id: web::Path<u64>, site: web::Data<Handlers>) -> HttpResponse {
    let shown = site.start("page", *id);
    let mut response = HttpResponse::Ok();
    response.insert_header(("x-one", "1")).append_header(("x-two", "2")).append_header(("x-two", "3"));
    response.content_type("text/plain").body(shown.encode(0))
}

#[get("/slow/{id}")]
#[cache_page(60, name = "slow", tags = ["page:{id}"])]
async fn slow(id: web::Path<u64>, site: web::Data<Handlers>) -> String {
    let shown = site.start("slow", *id);
    sleep(site.handler_time).await;
    shown.encode(0)
}

#[get("/big/{id}")]
#[cache_page(60, name = "big", tags = ["page:{id}"])]
async fn big(id: web::Path<u64>, site: web::Data<Handlers>) -> String {
    site.start("big", *id).encode(100 * 1024)
}

#[get("/short-ttl/{id}")]
#[cache_page(1, name = "short-ttl", tags = ["page:{id}"])]
async fn short_ttl(id: web::Path<u64>, site: web::Data<Handlers>) -> String {
    site.start("short-ttl", *id).encode(0)
}

#[get("/no-expiry/{id}")]
#[cache_page(None, name = "no-expiry", tags = ["page:{id}"])]
async fn no_expiry(id: web::Path<u64>, site: web::Data<Handlers>) -> String {
    site.start("no-expiry", *id).encode(0)
}

#[get("/stale/{id}")]
#[cache_page(60, name = "stale", stale_while_revalidate = 60, tags = ["page:{id}"])]
async fn stale(id: web::Path<u64>, site: web::Data<Handlers>) -> String {
    site.start("stale", *id).encode(0)
}

/// Varies by `X-Color`, which only its response names.
#[get("/varied/{id}")]
#[cache_page(60, name = "varied", tags = ["page:{id}"])]
async fn varied(
    #[unkeyed] request: HttpRequest,
    id: web::Path<u64>,
    site: web::Data<Handlers>,
) -> HttpResponse {
    let color = request.headers().get("x-color").and_then(|color| color.to_str().ok()).unwrap_or("none");
    let shown = site.start("varied", *id);
    HttpResponse::Ok()
        .insert_header(("vary", "x-color"))
        .insert_header(("x-shown", color))
        .body(shown.encode(0))
}

#[get("/private/{id}")]
#[cache_page(60, name = "private")]
async fn private(id: web::Path<u64>, site: web::Data<Handlers>) -> HttpResponse {
    let shown = site.start("private", *id);
    sleep(site.handler_time).await;
    HttpResponse::Ok().insert_header(("cache-control", "private")).body(shown.encode(0))
}

/// Responds with 200 if the purge was executed, and with 503 if it is pending.
#[post("/purge/{method}")]
async fn purge(method: web::Path<String>, argument: String, cache: PageCache) -> HttpResponse {
    let purging = match method.as_str() {
        "purge_all" => cache.purge_all(),
        "purge_handler" => cache.purge_handler(&argument),
        "purge_path" => cache.purge_path(&argument),
        "purge_prefix" => cache.purge_prefix(&argument),
        "purge_tag" => cache.purge_tag(&argument),
        "purge_url" => cache.purge_url(&argument),
        "expire_all" => cache.expire_all(),
        "expire_handler" => cache.expire_handler(&argument),
        "expire_path" => cache.expire_path(&argument),
        "expire_prefix" => cache.expire_prefix(&argument),
        "expire_tag" => cache.expire_tag(&argument),
        "expire_url" => cache.expire_url(&argument),
        _ => return HttpResponse::NotFound().finish(),
    };
    match purging.await {
        Ok(summary) if summary.remote() == RemotePurge::Pending => {
            HttpResponse::ServiceUnavailable().body("pending")
        }
        Ok(_) => HttpResponse::Ok().body("done"),
        Err(error) => HttpResponse::BadRequest().body(error.to_string()),
    }
}

/// Responds with one counter a line.
#[get("/stats")]
async fn stats(cache: PageCache) -> String {
    let stats = cache.stats();
    let shared = stats.remote().expect("no remote store");
    let lines = [
        ("is_available", u64::from(shared.is_available)),
        ("stored", shared.stored),
        ("purged", shared.purged),
        ("timeouts", shared.timeouts),
        ("unavailable", shared.unavailable),
        ("rejected", shared.rejected),
        ("corrupt", shared.corrupt),
        ("overloaded", shared.overloaded),
        ("hits", stats.count(Outcome::Hit)),
        ("remote_hits", stats.count(Outcome::RemoteHit)),
        ("requests", stats.requests()),
    ];
    lines.iter().map(|(name, number)| format!("{name} {number}\n")).collect()
}
