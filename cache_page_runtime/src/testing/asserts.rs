//! Assertions on what became of a request, as its response tells it.

use std::fmt;

use actix_web::http::header::HeaderMap;

use crate::{
    observe::report::CACHE_STATUS,
    outcome::{Outcome, Reason},
};

/// Asserts that a response is a fresh page of the cache, and that the handler did not run for it.
///
/// Pages that another request was just making count (collapsed), and the client's own copies (304). It takes anything
/// with `headers()`, by value or by reference, and a message if you like.
///
/// The handler is cached, and its cache's [`cache_status`](crate::PageCacheBuilder::cache_status) is
/// [`Full`](crate::CacheStatusHeader::Full), as it is unless you change it.
///
/// ```
/// use actix_web::{App, get, test};
/// use cache_page::{PageCache, cache_page, testing::{assert_hit, assert_miss}};
///
/// #[get("/")]
/// #[cache_page(60)]
/// async fn hello() -> &'static str {
///     "Hello World"
/// }
///
/// # #[actix_web::main]
/// # async fn main() {
/// let cache = PageCache::builder().build();
/// let app = test::init_service(App::new().app_data(cache).service(hello)).await;
/// for round in 0..3 {
///     let response = test::call_service(&app, test::TestRequest::get().uri("/").to_request()).await;
///     if round == 0 {
///         assert_miss!(response);
///     } else {
///         assert_hit!(response, "round {round}");
///     }
/// }
/// # }
/// ```
#[macro_export]
macro_rules! __assert_hit {
    ($response:expr $(, $($message:tt)*)?) => {
        $crate::__assert_became!(Hit, $response $(, $($message)*)?)
    };
}

/// Asserts that a response is a page whose time is over, sent as `stale_while_revalidate` or `stale_if_error` allows.
///
/// It takes what [`assert_hit!`](crate::testing::assert_hit) takes.
#[macro_export]
macro_rules! __assert_stale {
    ($response:expr $(, $($message:tt)*)?) => {
        $crate::__assert_became!(Stale, $response $(, $($message)*)?)
    };
}

/// Asserts that the handler ran for this request, whether its page is kept or not, and whether the request may use the
/// cache or not.
///
/// It takes what [`assert_hit!`](crate::testing::assert_hit) takes.
#[macro_export]
macro_rules! __assert_miss {
    ($response:expr $(, $($message:tt)*)?) => {
        $crate::__assert_became!(Miss, $response $(, $($message)*)?)
    };
}

/// The message is only made where it is shown, as that of `assert!`.
#[macro_export]
#[doc(hidden)]
macro_rules! __assert_became {
    ($kind:ident, $response:expr $(,)?) => {
        if let ::core::result::Result::Err(failure) =
            $crate::testing::asserts::became($crate::testing::asserts::Kind::$kind, $response.headers())
        {
            failure.panic(::core::option::Option::None)
        }
    };
    ($kind:ident, $response:expr, $($message:tt)+) => {
        if let ::core::result::Result::Err(failure) =
            $crate::testing::asserts::became($crate::testing::asserts::Kind::$kind, $response.headers())
        {
            failure.panic(::core::option::Option::Some(::core::format_args!($($message)+)))
        }
    };
}

/// A macro that is exported stands at the root of its crate, and here is where it belongs.
#[doc(inline)]
pub use crate::{__assert_hit as assert_hit, __assert_miss as assert_miss, __assert_stale as assert_stale};

/// What is told apart; everything else is none of them.
#[doc(hidden)]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Hit,
    Stale,
    Miss,
}

/// What was expected of a response, and what is there.
#[doc(hidden)]
#[derive(Debug)]
pub struct Failure {
    expected: Kind,
    found: Found,
    /// All of the header.
    header: String,
}

/// Looks whether that became of the request.
#[doc(hidden)]
pub fn became(expected: Kind, headers: &HeaderMap) -> Result<(), Failure> {
    let lines = headers.get_all(CACHE_STATUS).map(|line| String::from_utf8_lossy(line.as_bytes()));
    let header = lines.collect::<Vec<_>>().join(", ");
    let found = Found::read(&header);
    if found.kind() == Some(expected) { Ok(()) } else { Err(Failure { expected, found, header }) }
}

impl Failure {
    /// Where the assertion stands.
    #[track_caller]
    // As every assertion does.
    #[allow(clippy::panic)]
    pub fn panic(self, message: Option<fmt::Arguments<'_>>) -> ! {
        match message {
            Some(message) => panic!("{message}: {self}"),
            None => panic!("{self}"),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let expected = match self.expected {
            Kind::Hit => "a hit",
            Kind::Stale => "a stale page",
            Kind::Miss => "a miss",
        };
        write!(f, "expected {expected}, but {}", self.found)?;
        if self.header.is_empty() { Ok(()) } else { write!(f, "\n  {CACHE_STATUS}: {}", self.header) }
    }
}

/// What the header says, in the words of [`Outcome`](crate::Outcome) as far as that is told.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// Also one that was revalidated: the header is the same.
    Hit,
    Collapsed,
    Stale(String),
    Stored {
        forward: String,
    },
    NotStored {
        forward: String,
        reason: String,
    },
    /// The reason is none for a method.
    Bypass(Option<String>),
    /// The one bypass of which the handler knows nothing.
    OnlyIfCached,
    /// As [`CacheStatusHeader::Minimal`](crate::CacheStatusHeader::Minimal) has it: some pages that were kept are forwarded as well.
    Brief {
        forward: String,
    },
    /// Of other caches alone, or not as this one writes it.
    Other,
    Nothing,
}

impl Found {
    /// The last member counts: each cache adds its own behind those of the caches that are nearer to the handler.
    fn read(header: &str) -> Self {
        if header.is_empty() {
            return Self::Nothing;
        }
        let mut members = header.split(',').map(|member| member.split(';').map(str::trim));
        let own = |member: &std::iter::Map<_, _>| member.clone().next() == Some("cache_page");
        let Some(parameters) = members.rfind(own) else { return Self::Other };
        let value = |name: &str| {
            parameters.clone().find_map(|parameter| parameter.strip_prefix(name)?.strip_prefix('='))
        };
        let has = |name: &str| parameters.clone().any(|parameter| parameter == name);
        let (forward, reason) = (value("fwd").map(String::from), value("detail").map(String::from));
        match (forward, reason) {
            (_, Some(reason)) if reason.starts_with("stale-") => Self::Stale(reason),
            (None, None) if has("hit") => Self::Hit,
            // Another process made it.
            (None, Some(reason)) if has("hit") && reason == Outcome::RemoteHit.as_str() => Self::Hit,
            (Some(_), None) if has("collapsed") => Self::Collapsed,
            // Whether or not the shared tier was of use.
            (Some(forward), _) if has("stored") => Self::Stored { forward },
            (Some(forward), None) if forward == "method" => Self::Bypass(None),
            (Some(_), Some(reason)) if reason == Reason::OnlyIfCached.as_str() => Self::OnlyIfCached,
            (Some(forward), Some(reason)) if forward == "bypass" => Self::Bypass(Some(reason)),
            (Some(forward), Some(reason)) => Self::NotStored { forward, reason },
            (Some(forward), None) => Self::Brief { forward },
            (None, _) => Self::Other,
        }
    }

    fn kind(&self) -> Option<Kind> {
        match self {
            Self::Hit | Self::Collapsed => Some(Kind::Hit),
            Self::Stale(_) => Some(Kind::Stale),
            Self::Stored { .. } | Self::NotStored { .. } | Self::Bypass(_) => Some(Kind::Miss),
            Self::OnlyIfCached | Self::Brief { .. } | Self::Other | Self::Nothing => None,
        }
    }
}

impl fmt::Display for Found {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hit => f.write_str("a fresh page was sent, and the handler did not run"),
            Self::Collapsed => f.write_str("the page was sent that another request was just making"),
            Self::Stale(reason) => write!(f, "a page was sent whose time is over: {reason}"),
            Self::Stored { forward } => write!(f, "the handler ran: stored (fwd={forward})"),
            Self::NotStored { forward, reason } if reason == Reason::Streamed.as_str() => {
                write!(f, "the handler ran, and whether its page is kept shows at its end (fwd={forward})")
            }
            Self::NotStored { forward, reason } => {
                write!(f, "the handler ran, and its page is not kept: {reason} (fwd={forward})")
            }
            Self::Bypass(None) => f.write_str("the request does not use the cache: neither GET nor HEAD"),
            Self::Bypass(Some(reason)) => write!(f, "the request does not use the cache: {reason}"),
            Self::OnlyIfCached => f.write_str(
                "the handler did not run, and nothing was sent: the client only takes a page that is kept",
            ),
            Self::Brief { forward } => write!(
                f,
                "the header says too little to know (fwd={forward}): the cache's `cache_status` must be \
                 `CacheStatusHeader::Full` for this"
            ),
            Self::Other => f.write_str(
                "only other caches wrote its Cache-Status header: is the handler cached, and the cache's \
                 `cache_status` not `CacheStatusHeader::Off`?",
            ),
            Self::Nothing => f.write_str(
                "there is no Cache-Status header: either the handler is not cached, or the cache's \
                 `cache_status` is `CacheStatusHeader::Off`, or the response is no cached handler's (but a \
                 middleware's, an extractor's error, or the router's 404)",
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use actix_web::{HttpResponse, http::StatusCode};

    use super::*;
    use crate::{
        observe::report::Report,
        outcome::{ForwardReason, Outcome},
    };

    fn response(lines: &[&str]) -> HttpResponse {
        let mut response = HttpResponse::Ok();
        for line in lines {
            response.append_header((CACHE_STATUS, *line));
        }
        response.finish()
    }

    /// What fails, and how, when all three are asked.
    fn asked(lines: &[&str]) -> Vec<(Kind, String)> {
        let response = response(lines);
        [Kind::Hit, Kind::Stale, Kind::Miss]
            .into_iter()
            .filter_map(|kind| Some((kind, became(kind, response.headers()).err()?.to_string())))
            .collect()
    }

    fn kind(line: &str) -> Option<Kind> {
        let failed = asked(&[line]);
        [Kind::Hit, Kind::Stale, Kind::Miss]
            .into_iter()
            .find(|kind| failed.iter().all(|(other, _)| other != kind))
    }

    #[test]
    fn every_outcome_is_one_of_the_three() {
        for outcome in Outcome::all() {
            let expected = match outcome {
                Outcome::Hit | Outcome::Revalidated | Outcome::RemoteHit | Outcome::Collapsed => {
                    Some(Kind::Hit)
                }
                Outcome::Stale(Reason::StaleWhileRevalidate | Reason::StaleIfError) => Some(Kind::Stale),
                Outcome::Bypass(Reason::OnlyIfCached) => None,
                // They are about stale pages alone, and stale pages about them.
                Outcome::Stale(_)
                | Outcome::NotStored(Reason::StaleWhileRevalidate | Reason::StaleIfError | Reason::Method)
                | Outcome::NotStored(Reason::OnlyIfCached)
                | Outcome::Bypass(Reason::StaleWhileRevalidate | Reason::StaleIfError) => continue,
                Outcome::Stored | Outcome::NotStored(_) | Outcome::Bypass(_) => Some(Kind::Miss),
            };
            let all =
                [ForwardReason::Miss, ForwardReason::VaryMiss, ForwardReason::Stale, ForwardReason::Request]
                    .map(Some);
            let forwards = match outcome {
                Outcome::Hit | Outcome::Revalidated | Outcome::RemoteHit | Outcome::Bypass(_) => &[None][..],
                Outcome::Stale(_) => &[None, Some(ForwardReason::Miss), Some(ForwardReason::Stale)],
                _ => &all,
            };
            for &forward in forwards {
                let of_page = matches!(expected, Some(Kind::Hit | Kind::Stale)) || outcome == Outcome::Stored;
                let stale_for = matches!(outcome, Outcome::Stale(_)).then_some(Duration::from_secs(5));
                let answered = stale_for.and(forward).map(|_| StatusCode::BAD_GATEWAY);
                for ttl in [None, of_page.then_some(Duration::from_secs(60))] {
                    let report = Report { forward, ttl, stale_for, answered, ..Report::of(outcome) };
                    assert_eq!(kind(&report.to_string()), expected, "{report}");
                }
            }
        }
    }

    #[test]
    fn what_was_found_is_told_as_a_sentence() {
        for (line, told) in [
            ("hit; ttl=42", "a fresh page was sent, and the handler did not run"),
            ("hit", "a fresh page was sent, and the handler did not run"),
            ("fwd=miss; collapsed; ttl=60", "the page was sent that another request was just making"),
            (
                "hit; ttl=-5; detail=stale-while-revalidate",
                "a page was sent whose time is over: stale-while-revalidate",
            ),
            (
                "fwd=stale; fwd-status=503; ttl=-5; detail=stale-if-error",
                "a page was sent whose time is over: stale-if-error",
            ),
            ("hit; ttl=42; detail=remote", "a fresh page was sent, and the handler did not run"),
            ("fwd=miss; stored; ttl=60", "the handler ran: stored (fwd=miss)"),
            ("fwd=miss; stored; ttl=60; detail=remote-unavailable", "the handler ran: stored (fwd=miss)"),
            (
                "fwd=miss; detail=streamed",
                "the handler ran, and whether its page is kept shows at its end (fwd=miss)",
            ),
            (
                "fwd=vary-miss; detail=set-cookie",
                "the handler ran, and its page is not kept: set-cookie (fwd=vary-miss)",
            ),
            ("fwd=bypass; detail=credentials", "the request does not use the cache: credentials"),
            ("fwd=method", "the request does not use the cache: neither GET nor HEAD"),
        ] {
            let line = format!("cache_page; {line}");
            let failed = asked(&[&line]);
            assert_eq!(failed.len(), 2, "{line}");
            for (kind, text) in failed {
                let expected = match kind {
                    Kind::Hit => "expected a hit",
                    Kind::Stale => "expected a stale page",
                    Kind::Miss => "expected a miss",
                };
                assert_eq!(text, format!("{expected}, but {told}\n  cache-status: {line}"));
            }
        }
    }

    #[test]
    fn what_cannot_be_known_fails_and_says_why() {
        for (lines, why) in [
            (&[][..], "CacheStatusHeader::Off"),
            (&["cache_page; fwd=miss"], "CacheStatusHeader::Full"),
            (&["cache_page; fwd=stale"], "CacheStatusHeader::Full"),
            (&["cache_page; fwd=bypass; detail=only-if-cached"], "only takes a page"),
            (&["ExampleCache; hit; ttl=5"], "only other caches"),
            (&["cache_page"], "only other caches"),
            (&["cache_pages; hit"], "only other caches"),
        ] {
            let failed = asked(lines);
            assert_eq!(failed.len(), 3, "{lines:?}");
            assert!(failed.iter().all(|(_, text)| text.contains(why)), "{failed:?}");
        }
    }

    #[test]
    fn of_several_caches_the_nearest_one_of_ours_counts() {
        assert_hit!(response(&[
            "Origin; fwd=miss; stored",
            "cache_page; fwd=miss; stored; ttl=5",
            "cache_page; hit"
        ]));
        assert_miss!(&response(&["cache_page; hit; ttl=5, cache_page; fwd=miss; stored", "Edge;hit;ttl=5"]));
        assert_miss!(response(&["Origin; hit", "cache_page; fwd=method"]), "with {} message", "a");
    }

    #[test]
    fn a_failure_is_told_where_the_assertion_stands() {
        let hit = response(&["cache_page; hit; ttl=5"]);
        let fails = |assert: fn(&HttpResponse)| {
            let hit = std::panic::AssertUnwindSafe(&hit);
            let panic = std::panic::catch_unwind(|| assert(*hit)).unwrap_err();
            panic.downcast_ref::<String>().cloned().unwrap()
        };
        let told =
            "a fresh page was sent, and the handler did not run\n  cache-status: cache_page; hit; ttl=5";
        assert_eq!(fails(|hit| assert_stale!(hit)), format!("expected a stale page, but {told}"));
        let text = fails(|hit| assert_miss!(hit, "of {:?}", hit.status().as_u16(),));
        assert_eq!(text, format!("of 200: expected a miss, but {told}"));
        // The message is not even made.
        let made = std::cell::Cell::new(false);
        assert_hit!(hit, "{:?}", made.set(true));
        assert!(!made.get());
    }
}
