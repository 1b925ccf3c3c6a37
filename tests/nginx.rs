//! A real nginx in front, with and without `proxy_cache_valid`: it sends no visitor what is for another one, and stores the pages of
//! anonymous visitors.
//!
//! `cargo test --test nginx` needs nginx; `cargo xtask test` installs it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "proxies/support.rs"]
mod support;

use std::{fs, net::SocketAddr};

use support::{Proxy, assert_visitors_are_kept_apart, start_application};

/// Starts nginx with what `site` returns for its address in the block `http`.
fn start(site: impl FnOnce(SocketAddr) -> String) -> Proxy {
    Proxy::start("nginx", |address, directory| {
        let (configuration, site) = (directory.join("nginx.conf"), site(address));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"]
            .map(|name| format!("{name}_temp_path {name};"))
            .concat();
        let text = format!(
            "daemon off; master_process off; pid nginx.pid;
             events {{ }}
             http {{ access_log off; {temporary} {site} }}"
        );
        fs::write(&configuration, text).unwrap();
        let (directory, configuration) = (directory.display(), configuration.display());
        ["-e", "stderr", "-p", &directory.to_string(), "-c", &configuration.to_string()]
            .map(str::to_owned)
            .into()
    })
}

/// Starts a caching nginx in front of an application. `options` are those of its cache.
fn start_nginx(application: SocketAddr, options: &str) -> Proxy {
    start(|address| {
        format!(
            "proxy_cache_path cache keys_zone=pages:1m;
             server {{
                 listen {address};
                 location / {{
                     proxy_pass http://{application}; proxy_cache pages; {options}
                     add_header X-Nginx $upstream_cache_status always;
                 }}
             }}"
        )
    })
}

/// The last ones store what has no `Cache-Control`, errors included.
const OPTIONS: [&str; 3] = ["", "proxy_cache_valid 200 1m;", "proxy_cache_valid any 1m;"];

/// Runs a check with each configuration of nginx.
fn with_each_nginx(check: impl Fn(&Proxy)) {
    let (application, handle) = start_application();
    for options in OPTIONS {
        check(&start_nginx(application, options));
    }
    drop(handle.stop(false));
}

#[test]
fn nobody_is_sent_what_is_for_another_visitor() {
    with_each_nginx(assert_visitors_are_kept_apart);
}

#[test]
fn page_for_all_anonymous_visitors_is_stored() {
    with_each_nginx(|nginx| {
        for path in ["/anonymous", "/plain", "/posts"] {
            nginx.get(path, "x-none: a");
            let (head, _) = nginx.get(path, "x-none: b");
            assert!(head.contains("x-nginx: hit"), "{path}: {head}");
        }
    });
}

#[test]
fn page_varies_by_the_headers_that_it_names() {
    with_each_nginx(|nginx| {
        for _ in 0..2 {
            for language in ["de", "en"] {
                assert_eq!(nginx.get("/language", &format!("accept-language: {language}")).1, language);
            }
        }
    });
}

/// No purge reaches nginx.
#[test]
fn author_sees_the_change_of_a_page_that_is_revalidated() {
    with_each_nginx(|nginx| {
        let (_, before) = nginx.get("/revalidated", "x-none: a");
        assert_eq!(nginx.get("/revalidated", "x-none: a").1, before);
        nginx.send("POST", "/posts/1", "content-length: 0");
        assert_ne!(nginx.get("/revalidated", "x-none: a").1, before);
    });
}

/// What a client says about the host stays out of the key, and the pages are those of the application's cache.
#[test]
fn configuration_of_the_guide_keeps_forged_hosts_out() {
    let guide = include_str!("../src/guide/downstream.md");
    let site = guide.split("```nginx\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let (application, handle) = start_application();
    let nginx = start(|address| {
        let here = site.replace("listen 80;", &format!("listen {address};"));
        here.replace("127.0.0.1:8080", &application.to_string())
    });
    let (head, _) = nginx.get("/plain", "x-forwarded-host: evil.example");
    assert!(head.contains("cache-status: cache_page; fwd=miss; stored"), "{head}");
    for forged in ["x-none: a", "forwarded: host=evil.example", "x-forwarded-proto: https"] {
        let (head, _) = nginx.get("/plain", forged);
        assert!(head.contains("cache-status: cache_page; hit"), "{forged}: {head}");
    }
    drop(handle.stop(false));
}
