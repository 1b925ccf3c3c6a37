//! Which content codings a client prefers (RFC 9110 12.5.3).
//!
//! Of two readings, the stricter one counts: of several weights for a coding the lowest one, and a malformed weight is zero. A request
//! without `Accept-Encoding` accepts no coding, because clients that cannot decode one seldom say so.

use actix_web::http::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

use super::list;

/// The highest weight, in thousandths (RFC 9110 12.4.2).
const MAX_WEIGHT: u16 = 1000;

/// A content coding that this cache encodes with.
///
/// They are in the order in which this cache prefers them: from the shortest bodies to the longest ones.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Coding {
    Brotli,
    Zstd,
    Gzip,
}

impl Coding {
    pub(crate) const ALL: [Self; 3] = [Self::Brotli, Self::Zstd, Self::Gzip];

    /// Returns the name of the coding in `Accept-Encoding` and `Content-Encoding`.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }

    /// Returns what the entity tag of an encoded representation has in addition to that of the page.
    pub(crate) fn tag_suffix(self) -> &'static str {
        match self {
            Self::Brotli => "-br",
            Self::Zstd => "-zst",
            Self::Gzip => "-gz",
        }
    }

    /// Returns whether this build has the encoder.
    pub(crate) const fn is_available(self) -> bool {
        match self {
            Self::Brotli => cfg!(feature = "compress-brotli"),
            Self::Zstd => cfg!(feature = "compress-zstd"),
            Self::Gzip => cfg!(feature = "compress-gzip"),
        }
    }
}

/// The codings that a client prefers to the identity, or accepts as well as that. The most preferred one is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PreferredCodings {
    codings: [Coding; Coding::ALL.len()],
    count: usize,
}

impl PreferredCodings {
    const NONE: Self = Self { codings: Coding::ALL, count: 0 };
    const ALL: Self = Self { codings: Coding::ALL, count: Coding::ALL.len() };

    /// Reads the preferences of a request. Codings of equal weight are in the order of this cache.
    pub(crate) fn of_request(request: &HeaderMap) -> Self {
        let mut values = request.get_all(ACCEPT_ENCODING);
        match (values.next(), values.next()) {
            (None, _) => Self::NONE,
            (Some(value), None) => Self::of_browser(value.as_bytes())
                .unwrap_or_else(|| Self::from_weights(&Weights::of(request))),
            (Some(_), Some(_)) => Self::from_weights(&Weights::of(request)),
        }
    }

    /// Returns the preferences behind the values that browsers send, which are not parsed for each request.
    fn of_browser(value: &[u8]) -> Option<Self> {
        const BROTLI_AND_GZIP: [Coding; 3] = [Coding::Brotli, Coding::Gzip, Coding::Zstd];
        const GZIP: [Coding; 3] = [Coding::Gzip, Coding::Brotli, Coding::Zstd];
        const ZSTD: [Coding; 3] = [Coding::Zstd, Coding::Brotli, Coding::Gzip];

        match value {
            b"gzip, deflate, br, zstd" => Some(Self::ALL),
            b"gzip, deflate, br" => Some(Self { codings: BROTLI_AND_GZIP, count: 2 }),
            b"gzip, deflate" | b"gzip" => Some(Self { codings: GZIP, count: 1 }),
            b"br" => Some(Self { codings: BROTLI_AND_GZIP, count: 1 }),
            b"zstd" => Some(Self { codings: ZSTD, count: 1 }),
            b"identity" => Some(Self::NONE),
            _ => None,
        }
    }

    fn from_weights(weights: &Weights) -> Self {
        let mut preferred = Self { codings: Coding::ALL, count: 0 };
        // The sort is stable.
        preferred.codings.sort_by_key(|coding| std::cmp::Reverse(weights.of_coding(coding.name())));
        preferred.count = preferred.codings.iter().filter(|coding| weights.prefers(coding.name())).count();
        preferred
    }

    pub(crate) fn as_slice(&self) -> &[Coding] {
        &self.codings[..self.count]
    }
}

/// The codings that a service may know, with their places in the values that browsers send.
const NORMALIZED: [&str; 4] = ["gzip", "deflate", "br", "zstd"];

/// Returns the one value that stands for all values with the same meaning to services that choose a coding: the accepted codings in the
/// order in which browsers list them. Returns `None` if the request has that value, or no `Accept-Encoding`.
pub(crate) fn normalized(request: &HeaderMap) -> Option<HeaderValue> {
    let mut values = request.get_all(ACCEPT_ENCODING);
    let (value, is_single) = (values.next()?, values.next().is_none());
    if is_single && is_sent_by_browsers(value.as_bytes()) {
        return None;
    }
    let weights = Weights::of(request);
    let accepted: Vec<&str> = NORMALIZED.into_iter().filter(|coding| weights.prefers(coding)).collect();
    let text = if accepted.is_empty() { "identity".to_owned() } else { accepted.join(", ") };
    if is_single && value.as_bytes() == text.as_bytes() {
        return None;
    }
    HeaderValue::try_from(text).ok()
}

/// Returns whether a value is one of those that need no parsing to be known as normalized.
fn is_sent_by_browsers(value: &[u8]) -> bool {
    matches!(
        value,
        b"gzip, deflate, br, zstd" | b"gzip, deflate, br" | b"gzip, deflate" | b"gzip" | b"identity"
    )
}

/// The weights of the codings in `Accept-Encoding`.
struct Weights {
    /// The weights of `identity` and `*`, and of each [`NORMALIZED`] coding, if they are listed.
    identity: Option<u16>,
    any: Option<u16>,
    codings: [Option<u16>; NORMALIZED.len()],
}

impl Weights {
    fn of(request: &HeaderMap) -> Self {
        let mut weights = Self { identity: None, any: None, codings: [None; NORMALIZED.len()] };
        for member in members(request) {
            let listed = match member.coding {
                b"*" => Some(&mut weights.any),
                coding if is_identity(coding) => Some(&mut weights.identity),
                coding => {
                    let is_named = |name: &&str| name.as_bytes().eq_ignore_ascii_case(canonical(coding));
                    let index = NORMALIZED.iter().position(is_named);
                    index.and_then(|index| weights.codings.get_mut(index))
                }
            };
            if let Some(listed) = listed {
                *listed = Some(listed.map_or(member.weight, |other| other.min(member.weight)));
            }
        }
        weights
    }

    fn of_coding(&self, name: &str) -> u16 {
        let index = NORMALIZED.iter().position(|known| *known == name);
        index.and_then(|index| self.codings[index]).or(self.any).unwrap_or(0)
    }

    /// Returns whether a coding is accepted, and no worse than the identity. The identity is accepted without being listed, but only
    /// a listed one is preferred to a coding.
    fn prefers(&self, name: &str) -> bool {
        let weight = self.of_coding(name);
        weight > 0 && weight >= self.identity.or(self.any).unwrap_or(0)
    }
}

/// A member of `Accept-Encoding`.
pub(super) struct Member<'h> {
    pub(super) coding: &'h [u8],
    /// In thousandths.
    pub(super) weight: u16,
}

/// Returns the members of `Accept-Encoding`.
pub(super) fn members(request: &HeaderMap) -> impl Iterator<Item = Member<'_>> {
    list::members(request.get_all(ACCEPT_ENCODING)).map(|member| {
        let mut parts = member.split(|&byte| byte == b';').map(<[u8]>::trim_ascii);
        let coding = parts.next().unwrap_or_default();
        let weight = parts.map(|part| weight(part).unwrap_or(0)).min().unwrap_or(MAX_WEIGHT);
        Member { coding, weight: if coding.is_empty() { 0 } else { weight } }
    })
}

/// Parses a weight (RFC 9110 12.4.2), or returns `None` if the parameter is not one.
pub(super) fn weight(parameter: &[u8]) -> Option<u16> {
    let [b'q' | b'Q', b'=', whole @ (b'0' | b'1'), rest @ ..] = parameter else { return None };
    let decimals = match rest {
        [] => &[][..],
        [b'.', decimals @ ..] if decimals.len() <= 3 && decimals.iter().all(u8::is_ascii_digit) => decimals,
        _ => return None,
    };
    let digit = |index: usize| decimals.get(index).map_or(0, |digit| u16::from(digit - b'0'));
    let fraction = 100 * digit(0) + 10 * digit(1) + digit(2);
    match (whole, fraction) {
        (b'0', _) => Some(fraction),
        (_, 0) => Some(MAX_WEIGHT),
        _ => None,
    }
}

pub(super) fn is_identity(coding: &[u8]) -> bool {
    coding.eq_ignore_ascii_case(b"identity")
}

/// Returns the name of a coding without the prefix of its older name: `x-gzip` is `gzip` (RFC 9110 8.4.1).
pub(super) fn canonical(coding: &[u8]) -> &[u8] {
    match coding {
        [b'x' | b'X', b'-', coding @ ..] => coding,
        coding => coding,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(values: &[&str]) -> HeaderMap {
        values.iter().map(|value| (ACCEPT_ENCODING, HeaderValue::from_str(value).unwrap())).collect()
    }

    fn preferred(values: &[&str]) -> Vec<&'static str> {
        PreferredCodings::of_request(&request(values)).as_slice().iter().map(|coding| coding.name()).collect()
    }

    #[test]
    fn codings_are_ordered_by_weight_and_then_by_size() {
        for (values, expected) in [
            (&["gzip, deflate, br, zstd"][..], &["br", "zstd", "gzip"][..]),
            (&["gzip, deflate, br"], &["br", "gzip"]),
            (&["gzip, deflate"], &["gzip"]),
            (&["gzip"], &["gzip"]),
            (&["zstd,br , gzip"], &["br", "zstd", "gzip"]),
            (&["zstd", "br"], &["br", "zstd"]),
            (&["gzip;q=1.0, br;q=0.5"], &["gzip", "br"]),
            (&["br;q=0.8, zstd;q=0.9, gzip;q=0.801"], &["zstd", "gzip", "br"]),
            (&["*"], &["br", "zstd", "gzip"]),
            (&["*;q=0.5, gzip"], &["gzip", "br", "zstd"]),
            (&["X-GZIP;Q=0.001"], &["gzip"]),
            (&["gzip ; q=1.000"], &["gzip"]),
        ] {
            assert_eq!(preferred(values), expected, "{values:?}");
        }
    }

    #[test]
    fn coding_below_the_identity_is_not_preferred() {
        for (values, expected) in [
            (&["identity, gzip;q=0.9"][..], &[][..]),
            (&["identity;q=0.5, gzip;q=0.9, br;q=0.1"], &["gzip"]),
            (&["identity;q=0.5, gzip;q=0.5"], &["gzip"]),
            (&["identity;q=0, gzip;q=0.1"], &["gzip"]),
            (&["gzip;q=0.1, *;q=0.5"], &["br", "zstd"]),
            (&["gzip, *;q=0"], &["gzip"]),
        ] {
            assert_eq!(preferred(values), expected, "{values:?}");
        }
    }

    #[test]
    fn stricter_reading_of_a_weight_counts() {
        for values in [
            &[][..],
            &[""],
            &["identity"],
            &["gzip;q=0"],
            &["gzip;q=0.000"],
            &["gzip, gzip;q=0"],
            &["gzip;q=1.001"],
            &["gzip;q=2"],
            &["gzip;q="],
            &["gzip;q=.5"],
            &["gzip;q=0.1234"],
            &["gzip;q=0.5;x=1"],
            &["gzip;level=9"],
            &["gzi, gzipp, deflate, compress"],
            &["*;q=0, *"],
        ] {
            assert_eq!(preferred(values), Vec::<&str>::new(), "{values:?}");
        }
        assert_eq!(preferred(&["gzip;q=0.9, gzip;q=0.1, br;q=0.5"]), ["br", "gzip"]);
    }

    #[test]
    fn values_of_the_same_meaning_have_one_normal_form() {
        for (values, expected) in [
            (&["gzip,deflate,br,zstd"][..], "gzip, deflate, br, zstd"),
            (&["zstd, br, deflate, gzip"], "gzip, deflate, br, zstd"),
            (&["br;q=1.0, gzip;q=0.8"], "gzip, br"),
            (&["br", "gzip"], "gzip, br"),
            (&["x-gzip"], "gzip"),
            (&["*"], "gzip, deflate, br, zstd"),
            (&["*;q=0.5, deflate;q=0"], "gzip, br, zstd"),
            (&["gzip, compress, dcb"], "gzip"),
            (&[""], "identity"),
            (&["identity;q=1, *;q=0"], "identity"),
            (&["identity, gzip;q=0.5"], "identity"),
        ] {
            assert_eq!(normalized(&request(values)).unwrap(), expected, "{values:?}");
            assert_eq!(normalized(&request(&[expected])), None, "{expected:?}");
        }
        assert_eq!(normalized(&request(&[])), None);
    }
}
