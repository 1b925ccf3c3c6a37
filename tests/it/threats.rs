//! Who tries to see what others get. `SECURITY.md` is the table of it.

use std::{
    fs,
    future::{Ready, ready},
    path::Path,
};

use actix_session::{Session, SessionExt as _, SessionMiddleware, storage::CookieSessionStore};
use actix_web::{
    App, Error, FromRequest, HttpRequest, HttpResponse, cookie::Key, dev::Payload, get, guard,
    test::init_service, web,
};
use cache_page::{KeyBuilder, KeyInput, PageCache, cache_page};

use crate::legacy::{Runs, app_answering, asking, get, send};

/// Whoever a request is from, as it says in any of these headers.
#[derive(Hash)]
struct Visitor(String);

impl FromRequest for Visitor {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(said(request))))
    }
}

fn said(request: &HttpRequest) -> String {
    let lines = ["authorization", "cookie", "x-api-key", "x-tenant"]
        .into_iter()
        .filter_map(|name| request.headers().get(name)?.to_str().ok());
    lines.collect::<Vec<_>>().join(" ")
}

#[get("/varied")]
#[cache_page(60)]
async fn varied(#[key] visitor: Visitor) -> String {
    format!("for {}", visitor.0)
}

#[get("/open")]
#[cache_page(60)]
async fn open(request: HttpRequest) -> String {
    format!("for {}", said(&request))
}

/// What two visitors who take turns are sent, and somebody whom nobody knows.
async fn assert_never_mixed(path: &str, header: &str) {
    let app = init_service(App::new().app_data(PageCache::new()).service(varied).service(open)).await;
    for _ in 0..2 {
        for visitor in ["alice", "bob"] {
            let answer = send(&app, asking(path, &[(header, visitor)])).await;
            assert_eq!(answer.text(), format!("for {visitor}"), "{path} {header}");
            let public = answer.header("cache-control").is_some_and(|line| !line.contains("private"));
            assert!(!public, "{path} {header}: a CDN must not share it either: {answer:?}");
        }
        assert_eq!(get(&app, path).await.text(), "for ", "{path} {header}");
    }
}

#[actix_web::test]
async fn another_users_cookie() {
    assert_never_mixed("/varied", "cookie").await;
    assert_never_mixed("/open", "cookie").await;
}

#[actix_web::test]
async fn another_users_token() {
    for header in ["authorization", "x-api-key"] {
        assert_never_mixed("/varied", header).await;
        assert_never_mixed("/open", header).await;
    }
}

/// A tenant as an argument that names its header, once for all handlers.
struct Tenant(String);

impl FromRequest for Tenant {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self(said(request))))
    }
}

impl KeyInput for Tenant {
    fn key(_: &HttpRequest, key: &mut KeyBuilder<'_>) {
        key.header("x-tenant");
    }
}

#[actix_web::test]
async fn another_tenants_header() {
    #[get("/covered")]
    #[cache_page(60)]
    async fn covered(tenant: Tenant) -> String {
        format!("for {}", tenant.0)
    }
    assert_never_mixed("/varied", "x-tenant").await;
    let app = init_service(App::new().app_data(PageCache::new()).service(covered)).await;
    for round in 0..2 {
        for lines in [&["a"][..], &["b"], &["a", "b"], &["b", "a"], &["a, b"], &[""], &[]] {
            let headers: Vec<_> = lines.iter().map(|line| ("x-tenant", *line)).collect();
            let answer = send(&app, asking("/covered", &headers)).await;
            assert_eq!(answer.text(), format!("for {}", lines.first().unwrap_or(&"")), "{lines:?}");
            assert_eq!(answer.is_hit(), round == 1, "{lines:?}");
            assert_eq!(answer.header("vary").as_deref(), Some("x-tenant"));
        }
    }
}

/// Whom a session says it is from.
#[derive(Hash)]
struct User(Option<String>);

impl FromRequest for User {
    type Error = Error;
    type Future = Ready<Result<Self, Error>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(request.get_session().get("user").map(Self).map_err(Into::into))
    }
}

#[actix_web::test]
async fn another_users_session() {
    #[get("/account")]
    #[cache_page(60)]
    async fn account(#[key] user: User) -> String {
        format!("for {:?}", user.0)
    }
    #[get("/login/{name}")]
    async fn login(session: Session, name: web::Path<String>) -> Result<&'static str, Error> {
        session.insert("user", name.into_inner())?;
        Ok("welcome")
    }
    let sessions = SessionMiddleware::new(CookieSessionStore::default(), Key::from(&[7; 64]));
    let app = App::new().wrap(sessions).app_data(PageCache::new()).service(account).service(login);
    let app = init_service(app).await;
    let cookie = async |name: &str| {
        let line = get(&app, &format!("/login/{name}")).await.header("set-cookie").unwrap();
        line.split(';').next().unwrap().to_owned()
    };
    let (alice, bob, mallory) = (cookie("alice").await, cookie("bob").await, cookie("alice").await);
    for round in 0..2 {
        for (cookie, name) in [(&alice, "alice"), (&bob, "bob")] {
            let answer = send(&app, asking("/account", &[("cookie", cookie)])).await;
            assert_eq!(answer.text(), format!("for Some({name:?})"));
            assert_eq!(answer.is_hit(), round == 1);
        }
        assert_eq!(get(&app, "/account").await.text(), "for None");
    }
    // Another session of the same user, and one that somebody made up from hers.
    assert!(send(&app, asking("/account", &[("cookie", &mallory)])).await.is_hit());
    let forged = format!("{}{}", &alice[..alice.len() / 2], &bob[bob.len() / 2..]);
    assert_eq!(send(&app, asking("/account", &[("cookie", &forged)])).await.text(), "for None");
}

/// `Host` chooses the tenant; another header would choose whose page it becomes.
#[actix_web::test]
async fn a_host_that_a_guard_and_the_key_read_differently() {
    #[cache_page(60)]
    async fn shop(name: web::Data<&'static str>) -> String {
        name.to_string()
    }
    let tenant = |host: &'static str| {
        let scope = web::scope("").guard(guard::Host(host)).app_data(web::Data::new(host));
        scope.route("/", web::get().to(shop))
    };
    let app = App::new().app_data(PageCache::new()).service(tenant("a.example")).service(tenant("b.example"));
    let app = init_service(app).await;
    let attacks = [
        ("/", [("host", "a.example"), ("x-forwarded-host", "b.example")]),
        ("/", [("host", "a.example"), ("forwarded", "host=b.example")]),
    ];
    for (uri, headers) in attacks {
        assert_eq!(send(&app, asking(uri, &headers)).await.text(), "a.example");
    }
    for host in ["b.example", "a.example"] {
        assert_eq!(send(&app, asking("/", &[("host", host)])).await.text(), host);
    }
}

#[actix_web::test]
async fn a_replayed_set_cookie() {
    let (app, runs, _) = app_answering(|| {
        let mut response = HttpResponse::Ok();
        response.insert_header(("cache-control", "public, max-age=60"));
        response.append_header(("set-cookie", "id=1; HttpOnly")).append_header(("SET-COOKIE", "id2=1"));
        response.body("page")
    })
    .await;
    for run in 1..=2 {
        assert_eq!(get(&app, "/").await.outcome(), "cache_page; fwd=miss; detail=set-cookie");
        assert_eq!(runs.get(), run);
    }
}

/// Handlers that share a path, told apart by what only a guard reads.
#[actix_web::test]
async fn another_handlers_page() {
    #[cache_page(60)]
    async fn html() -> &'static str {
        "html"
    }
    #[cache_page(60)]
    async fn json() -> &'static str {
        "json"
    }
    #[cache_page(60, key_prefix = "json")]
    async fn prefixed() -> &'static str {
        "prefixed"
    }
    let app = App::new()
        .app_data(PageCache::new())
        .route("/", web::get().guard(guard::Header("accept", "application/json")).to(json))
        .route("/", web::get().guard(guard::Header("accept", "prefixed")).to(prefixed))
        .route("/", web::get().to(html));
    let app = init_service(app).await;
    for _ in 0..2 {
        for (accept, text) in [("application/json", "json"), ("prefixed", "prefixed"), ("text/html", "html")]
        {
            assert_eq!(send(&app, asking("/", &[("accept", accept)])).await.text(), text);
        }
    }
}

#[actix_web::test]
async fn a_nonce_for_everybody() {
    let numbers = Runs::default();
    let (app, _, _) = app_answering(move || {
        let policy = format!("default-src 'self'; script-src 'Nonce-{}'", numbers.count());
        HttpResponse::Ok().insert_header(("content-security-policy", policy)).body("page")
    })
    .await;
    let (one, two) = (get(&app, "/").await, get(&app, "/").await);
    assert_ne!(one.header("content-security-policy"), two.header("content-security-policy"));
    assert!(two.outcome().ends_with("detail=csp-nonce"));
}

/// Every test that SECURITY.md names is there.
#[test]
fn security_md_names_real_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("SECURITY.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| ") && !line.starts_with("| threat"));
    let listed = fs::read_to_string(root.join("tests/redis/main.rs")).unwrap();
    let mut tests = 0;
    for row in rows {
        let column = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in column.split(", ").map(|name| name.trim_matches('`')) {
            tests += 1;
            if let Some(name) = name.strip_prefix("redis::") {
                assert!(listed.contains(name), "tests/redis has no test {name}");
                continue;
            }
            let (module, test) = name.rsplit_once("::").expect("module::test");
            let path = root.join(format!("tests/it/{}.rs", module.replace("::", "/")));
            let source = fs::read_to_string(&path).unwrap_or_else(|_| panic!("no {}", path.display()));
            let position = source.find(&format!("fn {test}()")).unwrap_or_else(|| panic!("no test {name}"));
            let before = source[..position].trim_end().trim_end_matches("async").trim_end();
            assert!(before.ends_with("test]"), "{name} is no test");
        }
    }
    assert!(tests > 30, "the table is read: {tests}");
}
