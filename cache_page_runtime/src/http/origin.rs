//! The origin of a request: its scheme and host.
//!
//! A handler that generates absolute links uses actix-web's `ConnectionInfo`, which reads headers that the client chooses. The
//! key must contain exactly what the handler sees, so the origin is derived by the same rules, but without allocations.

use actix_web::{
    HttpRequest,
    dev::RequestHead,
    http::{
        header::{FORWARDED, HOST, HeaderName, HeaderValue},
        uri::Authority,
    },
};

use super::header_class::RequestNames;

const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
pub(super) const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");

#[derive(Debug, PartialEq, Eq)]
pub(crate) struct RequestOrigin<'r> {
    pub(crate) scheme: &'r str,
    pub(crate) host: &'r str,
    /// The `Host` fields, from which the host may differ.
    pub(crate) host_fields: &'r [HeaderValue],
}

impl<'r> RequestOrigin<'r> {
    pub(crate) fn of(request: &'r HttpRequest) -> Self {
        Self::with_names(request, RequestNames::ANY)
    }

    /// Derives the origin of a request whose headers have these names, so that none is looked up in vain.
    #[inline]
    pub(crate) fn with_names(request: &'r HttpRequest, names: RequestNames) -> Self {
        let (head, config) = (request.head(), request.app_config());
        let host_fields = match names.has_host() {
            true => head.headers.get_all(HOST).as_slice(),
            false => &[],
        };
        let scheme = || head.uri.scheme_str().unwrap_or(if config.secure() { "https" } else { "http" });
        let host = || {
            let field = host_fields.first().and_then(as_text);
            field.or_else(|| head.uri.authority().map(Authority::as_str)).unwrap_or_else(|| config.host())
        };
        // Most requests that no proxy has passed on.
        if !names.is_forwarded() {
            return Self { scheme: scheme(), host: host(), host_fields };
        }
        let forwarded = |name| if names.has_forwarded() { forwarded_parameter(head, name) } else { None };
        let listed = |is_present, name| if is_present { first_member(head, &name) } else { None };
        let forwarded_scheme =
            forwarded("proto").or_else(|| listed(names.has_forwarded_proto(), X_FORWARDED_PROTO));
        let forwarded_host =
            forwarded("host").or_else(|| listed(names.has_forwarded_host(), X_FORWARDED_HOST));
        Self {
            scheme: forwarded_scheme.unwrap_or_else(scheme),
            host: forwarded_host.unwrap_or_else(host),
            host_fields,
        }
    }
}

/// As [`HeaderValue::to_str`], which looks at byte after byte. No value has control characters other than tabs.
fn as_text(value: &HeaderValue) -> Option<&str> {
    let bytes = value.as_bytes();
    if bytes.is_ascii() { str::from_utf8(bytes).ok() } else { None }
}

/// Returns the first parameter of this name in all `Forwarded` values (RFC 7239).
fn forwarded_parameter<'r>(head: &'r RequestHead, parameter: &str) -> Option<&'r str> {
    let values = head.headers.get_all(&FORWARDED).filter_map(|value| value.to_str().ok());
    values.flat_map(|value| forwarded_parameters(value, parameter)).next()
}

/// Returns the parameters of this name in a `Forwarded` value, as actix-web reads them.
pub(super) fn forwarded_parameters<'v>(value: &'v str, parameter: &str) -> impl Iterator<Item = &'v str> {
    value
        .split([';', ','])
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(move |(name, _)| name.trim().eq_ignore_ascii_case(parameter))
        .map(|(_, value)| value.trim().trim_start_matches('"').trim_end_matches('"'))
}

/// Returns the first member of the first value of a list-based header.
fn first_member<'r>(head: &'r RequestHead, name: &HeaderName) -> Option<&'r str> {
    let value = head.headers.get(name)?;
    match value.as_bytes() {
        // What most proxies send.
        b"https" => return Some("https"),
        b"http" => return Some("http"),
        _ => {}
    }
    let value = value.to_str().ok()?;
    value.split(',').next().map(str::trim)
}

#[cfg(test)]
mod tests {
    use actix_web::test::TestRequest;

    use super::*;

    fn assert_eq_connection_info(request: &HttpRequest) {
        let origin = RequestOrigin::of(request);
        let info = request.connection_info();
        assert_eq!(RequestOrigin::with_names(request, RequestNames::of(request.headers())), origin);
        assert_eq!((origin.scheme, origin.host), (info.scheme(), info.host()), "{:?}", request.headers());
    }

    /// Tries every combination of the headers, each of them absent, valid or malformed.
    #[test]
    fn origin_equals_connection_info() {
        const FORWARDED_VALUES: [&str; 9] = [
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
            for forwarded in absent_or(&FORWARDED_VALUES) {
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
                            assert_eq_connection_info(&request.to_http_request());
                        }
                    }
                }
            }
        }
    }

    #[test]
    fn repeated_and_invalid_headers_are_read_as_actix_web_does() {
        use actix_web::http::header::HeaderValue;

        let invalid = HeaderValue::from_bytes(b"host=\xff").unwrap();
        for (name, second) in
            [("forwarded", "host=b.example"), ("x-forwarded-host", "b.example"), ("host", "b.example")]
        {
            let request = TestRequest::default()
                .append_header((name, invalid.clone()))
                .append_header((name, second))
                .append_header(("host", "c.example"));
            assert_eq_connection_info(&request.to_http_request());
        }
    }
}
