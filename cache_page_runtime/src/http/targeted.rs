//! The targeted cache control field of this cache (RFC 9213), which is removed from the response.

use std::{borrow::Cow, time::Duration};

use http::header::{HeaderName, HeaderValue};

use super::structured_fields::{Item, ParseError, ParseResult, Value, parse_dictionary};

/// The members of the field. `None` is a member that is absent.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct TargetedCacheControl {
    /// Whether any member forbids storing, even if a later member of the same name does not.
    pub(crate) no_store: bool,
    /// Whether the field says anything about storing or freshness. Then `Cache-Control` and `Expires` are for other caches (RFC 9213
    /// 2.2). A field with nothing but `tags` and `vary`, which are members of this cache alone, does not replace them.
    pub(crate) has_directives: bool,
    /// The freshness lifetime of the response when it was generated. Its age is not subtracted.
    pub(crate) ttl: Option<Duration>,
    pub(crate) stale_while_revalidate: Option<Duration>,
    pub(crate) stale_if_error: Option<Duration>,
    pub(crate) tags: Vec<String>,
    pub(crate) vary: Vec<HeaderName>,
}

impl TargetedCacheControl {
    /// Parses all values of the field as one dictionary. The last of several members with the same name applies.
    ///
    /// # Errors
    ///
    /// If any value is malformed, or a known member has a value of another type.
    pub(crate) fn parse<'v>(values: impl IntoIterator<Item = &'v HeaderValue>) -> Result<Self, ParseError> {
        Self::parse_bytes(values.into_iter().map(HeaderValue::as_bytes))
    }

    fn parse_bytes<'v>(lines: impl IntoIterator<Item = &'v [u8]>) -> Result<Self, ParseError> {
        let mut members = DictionaryMembers::default();
        parse_dictionary(lines, |key, value| members.set(key, value))?;
        Ok(members.into_cache_control())
    }
}

/// The members that were parsed so far.
#[derive(Default)]
struct DictionaryMembers {
    cache_control: TargetedCacheControl,
    max_age: Option<Duration>,
    s_maxage: Option<Duration>,
    must_revalidate: bool,
    proxy_revalidate: bool,
}

impl DictionaryMembers {
    fn set(&mut self, key: &[u8], value: Value<'_>) -> ParseResult<()> {
        self.cache_control.has_directives |= is_directive(key);
        match key {
            b"max-age" => self.max_age = Some(seconds(&value)?),
            b"s-maxage" => self.s_maxage = Some(seconds(&value)?),
            b"stale-while-revalidate" => self.cache_control.stale_while_revalidate = Some(seconds(&value)?),
            b"stale-if-error" => self.cache_control.stale_if_error = Some(seconds(&value)?),
            b"no-store" => self.cache_control.no_store |= boolean(&value)?,
            // The qualified forms (RFC 9111 5.2.2.4, 5.2.2.7) count as unqualified.
            b"no-cache" | b"private" => self.cache_control.no_store |= boolean_or_field_names(value)?,
            b"must-revalidate" => self.must_revalidate = boolean(&value)?,
            b"proxy-revalidate" => self.proxy_revalidate = boolean(&value)?,
            b"tags" => {
                self.cache_control.tags = strings(value)?.into_iter().map(Cow::into_owned).collect();
            }
            b"vary" => self.set_vary(value)?,
            _ => {}
        }
        Ok(())
    }

    fn set_vary(&mut self, value: Value<'_>) -> ParseResult<()> {
        self.cache_control.vary.clear();
        for name in strings(value)? {
            // A response that varies by anything cannot be stored.
            if name == "*" {
                self.cache_control.no_store = true;
                continue;
            }
            match HeaderName::from_bytes(name.as_bytes()) {
                // `HeaderName` accepts quotes, which are not part of a token (RFC 9110 5.6.2).
                Ok(header) if !name.contains('"') => self.cache_control.vary.push(header),
                _ => return Err("not a header name"),
            }
        }
        Ok(())
    }

    fn into_cache_control(self) -> TargetedCacheControl {
        let Self { mut cache_control, max_age, s_maxage, must_revalidate, proxy_revalidate } = self;
        cache_control.ttl = s_maxage.or(max_age);
        if must_revalidate || proxy_revalidate {
            cache_control.stale_while_revalidate = Some(Duration::ZERO);
            cache_control.stale_if_error = Some(Duration::ZERO);
        }
        cache_control
    }
}

/// Returns whether a member is a response directive (RFC 9111 5.2.2, RFC 5861, RFC 8246).
fn is_directive(key: &[u8]) -> bool {
    const DIRECTIVES: [&[u8]; 13] = [
        b"max-age",
        b"s-maxage",
        b"no-store",
        b"no-cache",
        b"private",
        b"public",
        b"must-revalidate",
        b"proxy-revalidate",
        b"must-understand",
        b"no-transform",
        b"immutable",
        b"stale-while-revalidate",
        b"stale-if-error",
    ];
    DIRECTIVES.contains(&key)
}

fn seconds(value: &Value<'_>) -> ParseResult<Duration> {
    const SECONDS: &str = "expected a non-negative whole number of seconds";
    match value {
        Value::Item(Item::Integer(seconds)) => {
            u64::try_from(*seconds).map(Duration::from_secs).map_err(|_| SECONDS)
        }
        _ => Err(SECONDS),
    }
}

fn boolean(value: &Value<'_>) -> ParseResult<bool> {
    match value {
        Value::Item(Item::Boolean(boolean)) => Ok(*boolean),
        _ => Err("expected a boolean"),
    }
}

fn boolean_or_field_names(value: Value<'_>) -> ParseResult<bool> {
    match value {
        Value::Item(Item::Boolean(boolean)) => Ok(boolean),
        value => strings(value).map(|_| true),
    }
}

/// Accepts a string, a token, or a list of them.
fn strings(value: Value<'_>) -> ParseResult<Vec<Cow<'_, str>>> {
    let items = match value {
        Value::Item(item) => vec![item],
        Value::InnerList(items) => items,
    };
    let string = |item| match item {
        Item::Text(string) => Ok(string),
        _ => Err("expected a string or a list of strings"),
    };
    items.into_iter().map(string).collect()
}

#[cfg(test)]
mod tests;
