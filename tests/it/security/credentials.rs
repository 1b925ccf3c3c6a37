//! What identifies a client: headers by their names, query parameters, and what the author says.

use actix_web::{
    Error, HttpMessage as _, HttpRequest,
    body::BoxBody,
    dev::{ServiceRequest, ServiceResponse},
    http::header::HeaderName,
    middleware::{Next, from_fn},
};
use cache_page::{PageCache, PageCacheMiddleware, Reason, cache_page};

use crate::support::{Origin, TestApp, TestAppBuilder};

/// Headers with credentials, signed requests, or identities that a proxy has verified, as the documentation of these products and
/// specifications names them.
const CREDENTIALS: [&str; 199] = [
    // RFC 9110, 6265, 2965, 9449, 9440, 9421, 8473.
    "authorization",
    "proxy-authorization",
    "cookie",
    "cookie2",
    "dpop",
    "client-cert",
    "client-cert-chain",
    "signature",
    "signature-input",
    "sec-token-binding",
    // Tokens and keys by convention.
    "x-api-key",
    "x-apikey",
    "api-key",
    "apikey",
    "x-api-token",
    "x-auth",
    "x-auth-token",
    "x-auth-key",
    "x-auth-user",
    "x-authorization",
    "auth",
    "auth-token",
    "access-token",
    "x-access-token",
    "x-access-key",
    "x-secret-key",
    "x-shared-secret",
    "x-service-token",
    "x-id-token",
    "x-jwt",
    "jwt",
    "x-jwt-assertion",
    "x-token",
    "token",
    "x-session-id",
    "x-session-token",
    "x-customer-token",
    "x-device-token",
    "x-csrf-token",
    "x-csrftoken",
    "x-xsrf-token",
    "x-user",
    "x-user-id",
    "x-username",
    "x-login",
    "x-email",
    "x-identity",
    "x-account-id",
    "x-customer-id",
    "x-tenant-id",
    "x-organization-id",
    "x-original-authorization",
    "x-forwarded-authorization",
    // Amazon.
    "x-amz-security-token",
    "x-amz-date",
    "x-amz-content-sha256",
    "x-amzn-oidc-data",
    "x-amzn-oidc-identity",
    "x-amzn-oidc-accesstoken",
    "x-amzn-mtls-clientcert",
    "x-amzn-mtls-clientcert-leaf",
    "x-amzn-mtls-clientcert-subject",
    "x-amzn-mtls-clientcert-serial-number",
    "x-amzn-remapped-authorization",
    "cloudfront-viewer-cert-pem",
    "cloudfront-viewer-cert-subject",
    // Google.
    "x-goog-api-key",
    "x-goog-iap-jwt-assertion",
    "x-goog-authenticated-user-email",
    "x-goog-authenticated-user-id",
    "x-endpoint-api-userinfo",
    "x-apigateway-api-userinfo",
    "x-serverless-authorization",
    "x-firebase-appcheck",
    "x-firebase-auth",
    "x-client-cert-spiffe",
    // Microsoft.
    "ocp-apim-subscription-key",
    "x-functions-key",
    "x-zumo-auth",
    "x-ms-client-principal",
    "x-ms-client-principal-id",
    "x-ms-client-principal-idp",
    "x-ms-client-principal-name",
    "x-ms-token-aad-access-token",
    "x-ms-token-aad-id-token",
    "x-ms-date",
    "x-arr-clientcert",
    // Cloudflare, Fastly, Tailscale, Fly.
    "cf-access-jwt-assertion",
    "cf-access-token",
    "cf-access-client-id",
    "cf-access-client-secret",
    "cf-access-authenticated-user-email",
    "cf-client-cert-der-base64",
    "cf-client-cert-sha256",
    "fastly-key",
    "tailscale-user-login",
    "tailscale-user-name",
    "tailscale-user-profile-pic",
    "tailscale-app-capabilities",
    // oauth2-proxy, Authelia, authentik, Pomerium, Vouch, Kong, Grafana, Shibboleth, SiteMinder, mod_auth_openidc.
    "x-forwarded-user",
    "x-forwarded-email",
    "x-forwarded-groups",
    "x-forwarded-preferred-username",
    "x-forwarded-access-token",
    "x-auth-request-user",
    "x-auth-request-email",
    "x-auth-request-groups",
    "x-auth-request-preferred-username",
    "x-auth-request-access-token",
    "remote-user",
    "remote-name",
    "remote-email",
    "remote-groups",
    "x-remote-user",
    "x-remote-group",
    "x-authentik-username",
    "x-authentik-groups",
    "x-authentik-entitlements",
    "x-authentik-email",
    "x-authentik-name",
    "x-authentik-uid",
    "x-authentik-jwt",
    "x-pomerium-jwt-assertion",
    "x-pomerium-claim-email",
    "x-pomerium-claim-groups",
    "x-pomerium-authorization",
    "x-vouch-user",
    "x-vouch-idp-accesstoken",
    "x-consumer-id",
    "x-consumer-custom-id",
    "x-consumer-username",
    "x-consumer-groups",
    "x-anonymous-consumer",
    "x-credential-identifier",
    "x-credential-username",
    "x-authenticated-userid",
    "x-authenticated-scope",
    "x-userinfo",
    "x-webauth-user",
    "x-grafana-id",
    "x-grafana-org-id",
    "x-scope-orgid",
    "shib-session-id",
    "shib-identity-provider",
    "eppn",
    "persistent-id",
    "sm_user",
    "sm_universalid",
    "oidc_claim_sub",
    "oidc_access_token",
    // nginx, Apache, HAProxy, Traefik, Envoy, Linkerd, Kubernetes.
    "ssl-client-cert",
    "ssl-client-verify",
    "ssl-client-subject-dn",
    "ssl-client-issuer-dn",
    "ssl_client_s_dn",
    "ssl_client_verify",
    "x-ssl-cert",
    "x-ssl-client-cert",
    "x-ssl-client-dn",
    "x-ssl-client-cn",
    "x-ssl-client-verify",
    "x-client-dn",
    "x-client-verify",
    "x-cert-subject",
    "x-forwarded-tls-client-cert",
    "x-forwarded-tls-client-cert-info",
    "x-forwarded-client-cert",
    "x-envoy-peer-metadata",
    "l5d-client-id",
    "impersonate-user",
    "impersonate-group",
    "impersonate-uid",
    // Products and their webhooks.
    "private-token",
    "job-token",
    "x-gitlab-token",
    "x-github-token",
    "x-hub-signature",
    "x-hub-signature-256",
    "x-slack-signature",
    "stripe-signature",
    "x-twilio-signature",
    "x-line-signature",
    "x-signature-ed25519",
    "x-shopify-access-token",
    "x-shopify-hmac-sha256",
    "paypal-auth-algo",
    "paypal-transmission-sig",
    "x-telegram-init-data",
    "x-telegram-bot-api-secret-token",
    "x-vault-token",
    "x-consul-token",
    "x-plex-token",
    "x-figma-token",
    "x-rapidapi-key",
    "dd-api-key",
    "x-hasura-admin-secret",
    "x-hasura-role",
    "x-hasura-user-id",
    "x-parse-session-token",
];

/// Headers of ordinary visitors: from browsers, and added by proxies and content delivery networks.
const HARMLESS: [&str; 86] = [
    "accept",
    "accept-encoding",
    "accept-language",
    "alt-used",
    "cache-control",
    "content-type",
    "device-memory",
    "dnt",
    "downlink",
    "if-none-match",
    "origin",
    "pragma",
    "priority",
    "purpose",
    "range",
    "referer",
    "save-data",
    "sec-ch-ua",
    "sec-ch-ua-mobile",
    "sec-ch-ua-platform",
    "sec-fetch-dest",
    "sec-fetch-mode",
    "sec-fetch-site",
    "sec-fetch-user",
    "sec-gpc",
    "sec-purpose",
    "sec-websocket-key",
    "service-worker-navigation-preload",
    "te",
    "upgrade-insecure-requests",
    "user-agent",
    "x-requested-with",
    "hx-request",
    "turbo-frame",
    "via",
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-forwarded-proto",
    "x-forwarded-server",
    "x-original-user-agent",
    "x-real-ip",
    "x-request-id",
    "x-request-start",
    "x-correlation-id",
    "x-cache-key",
    "x-varnish",
    "x-scheme",
    "x-b3-traceid",
    "b3",
    "baggage",
    "traceparent",
    "tracestate",
    "sentry-trace",
    "uber-trace-id",
    "cdn-loop",
    "cf-connecting-ip",
    "cf-ipcountry",
    "cf-ray",
    "cf-visitor",
    "true-client-ip",
    "fastly-client-ip",
    "fastly-ssl",
    "x-sigsci-requestid",
    "akamai-origin-hop",
    "x-akamai-edgescape",
    "cloudfront-viewer-country",
    "cloudfront-is-mobile-viewer",
    "x-amz-cf-id",
    "x-amzn-trace-id",
    "x-cloud-trace-context",
    "x-appengine-country",
    "x-appengine-user-ip",
    "x-azure-clientip",
    "x-azure-ref",
    "x-fd-healthprobe",
    "x-arr-ssl",
    "x-client-ip",
    "x-envoy-attempt-count",
    "x-envoy-expected-rq-timeout-ms",
    "fly-client-ip",
    "fly-region",
    "x-vercel-id",
    "x-nf-request-id",
    "x-theme",
];

fn shown(request: &HttpRequest) -> String {
    let shown = request.extensions().get::<CurrentUser>().map(|CurrentUser(name)| name.clone());
    format!("{:?} {:?} {:?}", request.headers(), request.query_string(), shown)
}

#[cache_page(60)]
async fn handler(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), shown(&request))
}

async fn uncached(request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), shown(&request))
}

#[cache_page(60, query = ["page"])]
async fn by_page(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), shown(&request))
}

#[cache_page(60, ignore_query = ["token"])]
async fn without_token(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), request.path())
}

#[cache_page(60, vary = ["x-user-language"])]
async fn by_language(#[anonymous] request: HttpRequest, origin: Origin) -> String {
    format!("{} {}", origin.count(), shown(&request))
}

/// What a middleware around the App has found out.
struct CurrentUser(String);

/// Stands for a middleware that reads the client certificate of the connection.
async fn find_user(request: ServiceRequest, next: Next<BoxBody>) -> Result<ServiceResponse, Error> {
    let name = request.headers().get("x-connection").map(|name| name.to_str().unwrap().to_owned());
    if let Some(name) = name {
        request.extensions_mut().insert(CurrentUser(name));
    }
    next.call(request).await
}

/// The same handler in both forms.
fn apps() -> [TestAppBuilder; 2] {
    [
        TestApp::builder().route("/", handler),
        TestApp::builder().route("/", uncached).wrap(|| PageCacheMiddleware::new(60)),
    ]
}

/// Each by itself: a request with one that is not recognized would be stored.
#[actix_web::test]
async fn every_usual_credential_header_bypasses_the_cache() {
    for app in apps() {
        let app = app.start().await;
        for name in CREDENTIALS {
            for client in ["alice", "bob"] {
                let response = app.get("/").header(name, client).await;
                response.assert_bypass(Reason::Credentials);
                assert!(response.text().contains(client), "{response:?}");
            }
        }
        let response = app.get("/").await;
        response.assert_stored();
        assert!(!response.text().contains("alice"), "{response:?}");
    }
}

#[actix_web::test]
async fn headers_of_ordinary_visitors_do_not_bypass_the_cache() {
    for app in apps() {
        let app = app.start().await;
        for name in HARMLESS {
            let response = app.get("/").header(name, "1").await;
            assert!(response.is_stored() || response.is_hit(), "{response:?}");
        }
    }
}

/// A worker remembers what it knows of a name. The names of a pair differ in one place, wherever that is, and have the same length.
#[actix_web::test]
async fn credential_is_told_from_a_name_that_resembles_it() {
    let app = TestApp::builder().route("/", handler).start().await;
    for around in 0..26 {
        for (before, after) in [(around, 0), (0, around), (around, around)] {
            let name = |word| format!("cf-{}{word}{}", "x".repeat(before), "y".repeat(after));
            for _ in 0..2 {
                let response = app.get("/").header(&name("tokon"), "1").await;
                assert!(response.is_stored() || response.is_hit(), "{response:?}");
                let response = app.get("/").header(&name("token"), "alice").await;
                response.assert_bypass(Reason::Credentials);
            }
        }
    }
}

/// Names in the style of those that are known: nobody can list them all.
#[actix_web::test]
async fn unknown_header_bypasses_by_the_words_in_its_name() {
    let app = TestApp::builder().route("/", handler).start().await;
    for name in [
        "acme-auth",
        "acmetoken",
        "x-acme-usr-token",
        "acme_user_hash",
        "x-my-secret-thing",
        "acme-license-key",
        "acmekey",
        "x-cert",
        "x-acme-clientcertificate",
        "acme-jwt-payload",
        "x-acme-signature-v2",
        "acme-sig",
        "x-sessionid",
        "x-acme-login-hint",
        "x-password",
        "x-acme-passwd",
        "x-acme-email-hash",
        "x-acme-claims",
        "x-tenant",
        "x-acme-user-agent-token",
    ] {
        app.get("/").header(name, "a").await.assert_bypass(Reason::Credentials);
    }
}

/// A header of the key has a page for each value, also one that looks like a credential.
#[actix_web::test]
async fn keyed_header_with_such_a_name_does_not_bypass() {
    let app = TestApp::builder().route("/", by_language).start().await;
    for language in ["de", "fr"] {
        app.get("/").header("x-user-language", language).await.assert_stored();
        let response = app.get("/").header("x-user-language", language).await;
        assert!(response.assert_hit().text().contains(language), "{response:?}");
    }
    app.get("/").header("x-user-id", "1").await.assert_bypass(Reason::Credentials);
}

#[actix_web::test]
async fn ignored_header_does_not_bypass() {
    let name = HeaderName::from_static("x-session-affinity");
    for app in apps() {
        let app = app.cache(|cache| cache.ignore_credential_header(name.clone())).start().await;
        app.get("/").header("x-session-affinity", "1").await.assert_stored();
        app.get("/").header("x-session-affinity", "2").await.assert_hit();
        app.get("/").header("x-session-id", "2").await.assert_bypass(Reason::Credentials);
    }
}

#[test]
#[should_panic(expected = "`cookie` always identifies a client")]
fn ignoring_the_cookie_header_panics() {
    drop(PageCache::builder().ignore_credential_header(HeaderName::from_static("cookie")).build());
}

/// The identity of a connection, such as a TLS client certificate, is known to a middleware only.
#[actix_web::test]
async fn credential_if_keeps_an_identity_outside_of_headers_apart() {
    for app in apps() {
        let app = app
            .cache(|cache| cache.credential_if(|request| request.extensions().contains::<CurrentUser>()))
            .wrap(|| from_fn(find_user))
            .start()
            .await;
        app.get("/").await.assert_stored();
        for name in ["alice", "bob"] {
            let response = app.get("/").header("x-connection", name).await;
            response.assert_bypass(Reason::Credentials);
            assert!(response.text().contains(name), "{response:?}");
        }
        app.get("/").await.assert_hit();
    }
}

#[actix_web::test]
async fn each_credential_if_counts() {
    let app = TestApp::builder()
        .route("/", handler)
        .cache(|cache| {
            cache
                .credential_if(|request| request.headers().contains_key("x-a"))
                .credential_if(|request| request.headers().contains_key("x-b"))
        })
        .start()
        .await;
    for name in ["x-a", "x-b"] {
        app.get("/").header(name, "1").await.assert_bypass(Reason::Credentials);
    }
    app.get("/").header("x-c", "1").await.assert_stored();
}

/// A signed URL is in the key with its signature, unless `query` leaves it out.
#[actix_web::test]
async fn signature_in_the_query_is_keyed_or_bypasses() {
    let app = TestApp::builder()
        .route("/all", handler)
        .route("/page", by_page)
        .route("/ignored", without_token)
        .start()
        .await;
    for signature in ["alice", "bob"] {
        let query = format!("page=1&X-Amz-Signature={signature}");
        let response = app.get(&format!("/all?{query}")).await;
        assert!(response.assert_stored().text().contains(signature));
        let response = app.get(&format!("/page?{query}")).await;
        assert!(response.assert_bypass(Reason::Credentials).text().contains(signature));
    }
    for parameter in ["token=a", "t%6Fken=a", "access_token=a", "apikey=a", "sig=a", "Session=a"] {
        app.get(&format!("/page?{parameter}")).await.assert_bypass(Reason::Credentials);
    }
    app.get("/page?page=1&utm_source=a").await.assert_stored();
    // The author has named this one, but the handler sees it.
    app.get("/ignored?token=a").await.assert_stored();
    app.get("/ignored?token=b").await.assert_stored();
}
