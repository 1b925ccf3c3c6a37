//! Scheme and host as actix-web's `ConnectionInfo` derives them, without the strings it makes.
//!
//! A handler that writes absolute links gets them from there, and the headers behind them are the client's to choose:
//! the key must hold exactly what the handler sees.

use actix_web::{
    dev::{AppConfig, RequestHead},
    http::{
        header::{FORWARDED, HeaderName, HeaderValue},
        uri::Authority,
    },
};

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestOrigin<'r> {
    pub(crate) scheme: &'r str,
    pub(crate) host: &'r str,
}

impl<'r> RequestOrigin<'r> {
    /// Of a request with this first line of `Host`.
    pub(crate) fn of(head: &'r RequestHead, host: Option<&'r HeaderValue>, config: &'r AppConfig) -> Self {
        let is_forwarded = head.headers.contains_key(&FORWARDED);
        let forwarded = |parameter| if is_forwarded { forwarded(head, parameter) } else { None };
        let scheme = forwarded("proto")
            .or_else(|| first_value(head, &X_FORWARDED_PROTO))
            .or_else(|| head.uri.scheme_str())
            .unwrap_or(if config.secure() { "https" } else { "http" });
        let host = forwarded("host")
            .or_else(|| first_value(head, &X_FORWARDED_HOST))
            .or_else(|| host?.to_str().ok())
            .or_else(|| head.uri.authority().map(Authority::as_str))
            .unwrap_or_else(|| config.host());
        Self { scheme, host }
    }
}

/// The first such parameter of all `Forwarded` lines (RFC 7239).
fn forwarded<'r>(head: &'r RequestHead, parameter: &str) -> Option<&'r str> {
    head.headers
        .get_all(&FORWARDED)
        .filter_map(|line| line.to_str().ok())
        .flat_map(|line| line.split([';', ',']))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case(parameter))
        .map(|(_, value)| value.trim().trim_start_matches('"').trim_end_matches('"'))
}

fn first_value<'r>(head: &'r RequestHead, name: &HeaderName) -> Option<&'r str> {
    let line = head.headers.get(name)?.to_str().ok()?;
    line.split(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use actix_web::{HttpRequest, test::TestRequest};

    use super::*;

    fn assert_as_actix(request: &HttpRequest) {
        let origin = RequestOrigin::of(request.head(), request.headers().get("host"), request.app_config());
        let info = request.connection_info();
        assert_eq!(
            origin,
            RequestOrigin { scheme: info.scheme(), host: info.host() },
            "{:?}",
            request.headers()
        );
    }

    /// Every combination of the headers that matter, each absent, ordinary or odd.
    #[test]
    fn derives_what_connection_info_derives() {
        const FORWARDED_LINES: [&str; 9] = [
            "for=192.0.2.60;proto=https;by=203.0.113.43;host=a.example",
            "for=192.0.2.43, for=198.51.100.17; HOST=\"quoted.example\" ; Proto = \"https\"",
            "host=first.example, host=second.example",
            "proto=;host=",
            "host=\"\"\"",
            "hosts=x;xhost=y;proto",
            "=;,;=",
            "host=a=b",
            " host=spaced.example ",
        ];
        const PROTOS: [&str; 4] = ["https", "https, http", "", " ws ,x"];
        const HOSTS: [&str; 4] = ["x.example", "x.example, y.example", "", " padded.example "];
        const TARGETS: [&str; 3] = ["/", "http://target.example:81/path", "https://t.example"];

        let absent_or =
            |values: &'static [&'static str]| std::iter::once(None).chain(values.iter().map(Some));
        for target in TARGETS {
            for forwarded in absent_or(&FORWARDED_LINES) {
                for proto in absent_or(&PROTOS) {
                    for x_host in absent_or(&HOSTS) {
                        for host in absent_or(&HOSTS) {
                            let mut request = TestRequest::with_uri(target);
                            for (name, value) in [
                                ("forwarded", forwarded),
                                ("x-forwarded-proto", proto),
                                ("x-forwarded-host", x_host),
                                ("host", host),
                            ] {
                                if let Some(value) = value {
                                    request = request.append_header((name, *value));
                                }
                            }
                            assert_as_actix(&request.to_http_request());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn reads_repeated_and_unreadable_lines_as_connection_info_does() {
        use actix_web::http::header::HeaderValue;

        let unreadable = HeaderValue::from_bytes(b"host=\xff").unwrap();
        for (name, second) in
            [("forwarded", "host=b.example"), ("x-forwarded-host", "b.example"), ("host", "b.example")]
        {
            let request = TestRequest::default()
                .append_header((name, unreadable.clone()))
                .append_header((name, second))
                .append_header(("host", "c.example"));
            assert_as_actix(&request.to_http_request());
        }
    }
}
