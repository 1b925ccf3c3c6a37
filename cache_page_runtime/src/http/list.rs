//! Comma-separated lists (RFC 9110 5.6.1).

use http::header::HeaderValue;

/// Returns the non-empty members of all `values` of a field, without the whitespace around them.
///
/// A comma within a quoted string also separates two members, so this is only for fields whose members are tokens or numbers.
pub(crate) fn members<'h>(
    values: impl IntoIterator<Item = &'h HeaderValue>,
) -> impl Iterator<Item = &'h [u8]> {
    let members = values.into_iter().flat_map(|value| value.as_bytes().split(|&byte| byte == b','));
    members.map(<[u8]>::trim_ascii).filter(|member| !member.is_empty())
}
