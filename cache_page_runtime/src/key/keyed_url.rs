//! The URL of a page, read back from its key.

use std::str::from_utf8;

use form_urlencoded::Serializer;

use super::key_items::{Item, items};

/// The URL that a page is stored under.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct KeyedUrl {
    pub(crate) scheme: String,
    pub(crate) host: String,
    /// The values of `Host`, from which the host may differ behind a proxy.
    pub(crate) host_lines: Vec<String>,
    /// The path, and the part of the query that is in the key.
    pub(crate) path_and_query: String,
}

impl KeyedUrl {
    /// Reads the URL of a key in the map: that of a request or a variant. `None` if the bytes are not those of a key.
    pub(crate) fn of(key: &[u8]) -> Option<Self> {
        let items: Vec<_> = items(key)?.collect::<Option<_>>()?;
        // The handler comes last, and before it the App if the cache is that of the process.
        let end = items.iter().rposition(|item| !matches!(item, Item::HashInput))?;
        // The path that routing saw follows from the path of the request.
        let [.., scheme, host, hosts, _, path, _, query] = &items[..=end] else { return None };
        let (Item::Part(scheme), Item::Part(host), Item::List(hosts), Item::Part(path)) =
            (scheme, host, hosts, path)
        else {
            return None;
        };
        let mut path_and_query = from_utf8(path).ok()?.to_owned();
        match query {
            Item::Absent => {}
            Item::Part(query) => path_and_query.extend(["?", from_utf8(query).ok()?]),
            Item::List(parameters) if parameters.is_empty() => {}
            Item::List(parameters) => {
                let mut query = Serializer::new(String::new());
                for pair in parameters.chunks_exact(2) {
                    query.append_pair(from_utf8(pair[0]).ok()?, from_utf8(pair[1]).ok()?);
                }
                path_and_query.extend(["?", &query.finish()]);
            }
            Item::HashInput | Item::End => return None,
        }
        let text = |bytes: &[u8]| from_utf8(bytes).ok().map(str::to_owned);
        let host_lines = hosts.iter().map(|line| text(line)).collect::<Option<_>>()?;
        Some(Self { scheme: text(scheme)?, host: text(host)?, host_lines, path_and_query })
    }
}
