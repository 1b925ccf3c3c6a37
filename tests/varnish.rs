//! A real Varnish in front: it stores pages for as long as they say, sends no visitor what is for another one, and purges by the tags in
//! `Surrogate-Key`, with xkey and with bans.
//!
//! `cargo test --test varnish` needs varnish and varnish-modules; `cargo xtask test` installs them.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

#[path = "proxies/support.rs"]
mod support;

use std::{fs, net::SocketAddr};

use support::{Proxy, assert_visitors_are_kept_apart, start_application};

/// Starts Varnish in front of an application. `receive` is what it does with each request before it looks it up.
///
/// The guide shows the two ways to purge.
fn start_varnish(application: SocketAddr, receive: &str) -> Proxy {
    Proxy::start("varnishd", |address, directory| {
        let configuration = directory.join("default.vcl");
        let (host, port) = (application.ip(), application.port());
        let text = format!(
            r#"vcl 4.1;
            import xkey;
            backend default {{ .host = "{host}"; .port = "{port}"; }}
            acl purgers {{ "127.0.0.1"; }}
            sub vcl_recv {{
                if (req.method == "PURGE" || req.method == "BAN") {{
                    if (client.ip !~ purgers) {{ return (synth(405)); }}
                    if (req.method == "PURGE") {{
                        return (synth(200, "" + xkey.purge(req.http.Surrogate-Key)));
                    }}
                    ban("obj.http.Surrogate-Key ~ (^|\s)" + req.http.Surrogate-Key + "(\s|$)");
                    return (synth(200));
                }}
                {receive}
            }}
            sub vcl_backend_response {{ set beresp.http.xkey = beresp.http.Surrogate-Key; }}
            sub vcl_deliver {{
                set resp.http.X-Hits = obj.hits;
                unset resp.http.xkey;
                unset resp.http.Surrogate-Key;
            }}"#
        );
        fs::write(&configuration, text).unwrap();
        let path = |path: &std::path::Path| path.display().to_string();
        let (address, folder, configuration) = (address.to_string(), path(directory), path(&configuration));
        let arguments =
            ["-F", "-j", "none", "-a", &address, "-f", &configuration, "-n", &folder, "-s", "malloc,16m"];
        arguments.map(str::to_owned).into()
    })
}

/// By itself, Varnish passes on requests with cookies. With the second one, only what the responses say keeps visitors apart.
const RECEIVE: [&str; 2] = ["", "if (req.method == \"GET\") { return (hash); }"];

/// Runs a check with each configuration of Varnish.
fn with_each_varnish(check: impl Fn(&Proxy)) {
    let (application, handle) = start_application();
    for receive in RECEIVE {
        check(&start_varnish(application, receive));
    }
    drop(handle.stop(false));
}

fn is_hit(head: &str) -> bool {
    !head.contains("x-hits: 0")
}

/// Requests a page, and returns whether Varnish had it, and its body.
fn get(varnish: &Proxy, path: &str) -> (bool, String) {
    let (head, body) = varnish.get(path, "x-none: a");
    assert!(head.starts_with("http/1.1 200"), "{path}: {head}");
    (is_hit(&head), body)
}

#[test]
fn nobody_is_sent_what_is_for_another_visitor() {
    with_each_varnish(assert_visitors_are_kept_apart);
}

#[test]
fn page_for_all_anonymous_visitors_is_stored() {
    with_each_varnish(|varnish| {
        for path in ["/anonymous", "/plain", "/posts"] {
            get(varnish, path);
            assert!(get(varnish, path).0, "{path}");
        }
        let (_, stored) = get(varnish, "/posts");
        assert_eq!(get(varnish, "/posts").1, stored);
    });
}

#[test]
fn page_varies_by_the_headers_that_it_names() {
    with_each_varnish(|varnish| {
        for is_stored in [false, true] {
            for language in ["de", "en"] {
                let (head, body) = varnish.get("/language", &format!("accept-language: {language}"));
                assert_eq!((is_hit(&head), &*body), (is_stored, language), "{head}");
            }
        }
    });
}

#[test]
fn author_sees_the_change_of_a_page_that_is_revalidated() {
    with_each_varnish(|varnish| {
        let (_, before) = get(varnish, "/revalidated");
        assert_eq!(get(varnish, "/revalidated"), (false, before.clone()));
        varnish.send("POST", "/posts/1", "content-length: 0");
        assert_ne!(get(varnish, "/revalidated").1, before);
    });
}

#[test]
fn purge_of_a_tag_removes_the_pages_with_this_tag_only() {
    const PAGES: [&str; 5] = ["/posts", "/posts/1", "/posts/11", "/posts/a%20b", "/plain"];
    // A tag, the write that changes its pages, and its page.
    const CHANGES: [(&str, &str, &str); 3] = [
        ("posts", "/posts/2", "/posts"),
        ("post:1", "/posts/1", "/posts/1"),
        ("post:a%20b", "/posts/a%20b", "/posts/a%20b"),
    ];
    with_each_varnish(|varnish| {
        for method in ["PURGE", "BAN"] {
            for (tag, write, changed) in CHANGES {
                let before = PAGES.map(|path| get(varnish, path).1);
                varnish.send("POST", write, "content-length: 0");
                assert_eq!(
                    PAGES.map(|path| get(varnish, path).1),
                    before,
                    "no purge reaches Varnish by itself"
                );
                let (head, _) = varnish.send(method, "/", &format!("surrogate-key: {tag}"));
                assert!(head.starts_with("http/1.1 200"), "{head}");
                for (path, before) in PAGES.into_iter().zip(before) {
                    let (is_hit, body) = get(varnish, path);
                    let is_old = (is_hit, body == before);
                    assert_eq!(is_old, (path != changed, path != changed), "{path} after {method} of {tag}");
                }
            }
        }
    });
}

/// Clients see no tags.
#[test]
fn tags_can_be_removed_for_clients() {
    with_each_varnish(|varnish| {
        let (head, _) = varnish.get("/posts", "x-none: a");
        assert!(!head.contains("surrogate-key") && !head.contains("xkey"), "{head}");
    });
}
