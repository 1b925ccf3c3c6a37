//! Request headers, cookies and query parameters that identify a client.

use std::borrow::Cow;

use actix_web::http::header::{AUTHORIZATION, COOKIE, HeaderMap, HeaderName};

use super::{
    CookieRule, QueryRule,
    credential_names::is_credential_name,
    header_class::{HeaderClass, RequestNames},
};
use crate::outcome::Reason;

/// What downstream caches have to tell apart. They cannot know the other credentials, and a long `Vary` would keep some of them, such
/// as nginx, from storing the response at all.
static VARY_NAMES: [HeaderName; 2] = [COOKIE, AUTHORIZATION];

/// The headers that identify a client, for one cache.
#[derive(Clone, Debug, Default)]
pub(crate) struct CredentialHeaders {
    added: Vec<HeaderName>,
    ignored: Vec<HeaderName>,
    pub(crate) cookies: CookieRule,
}

impl CredentialHeaders {
    pub(crate) fn add(&mut self, name: HeaderName) {
        self.ignored.retain(|ignored| *ignored != name);
        if !self.added.contains(&name) {
            self.added.push(name);
        }
    }

    pub(crate) fn ignore(&mut self, name: HeaderName) {
        self.added.retain(|added| *added != name);
        if !self.ignored.contains(&name) {
            self.ignored.push(name);
        }
    }

    /// Returns whether a header identifies a client.
    pub(crate) fn contains(&self, name: &HeaderName) -> bool {
        self.is_credential(name, HeaderClass::of(name))
    }

    fn is_credential(&self, name: &HeaderName, class: HeaderClass) -> bool {
        self.added.contains(name) || class.is_credential() && !self.ignored.contains(name)
    }

    /// Returns whether the application ignores a header: no response depends on it.
    pub(crate) fn is_ignored(&self, name: &HeaderName) -> bool {
        self.ignored.contains(name)
    }

    /// Checks that a request carries no credentials, except those that are part of the key: headers in full, or cookies by name.
    ///
    /// It looks at each header of the request once, instead of looking up each name of a credential, and passes on those that are not
    /// [ordinary](HeaderClass::is_ordinary).
    pub(crate) fn check<'h>(
        &self,
        request: &'h HeaderMap,
        is_keyed: impl Fn(&HeaderName) -> bool,
        keyed_cookies: &[&str],
        mut visit: impl FnMut(&'h HeaderName),
    ) -> Result<RequestNames, Reason> {
        let has_no_credential =
            |name: &HeaderName| *name == COOKIE && self.ignores_cookies(request, keyed_cookies);
        let mut has_credential = false;
        let visits_all = !self.added.is_empty();
        let names = RequestNames::visit(request, visits_all, |name, class| {
            has_credential |= self.is_credential(name, class) && !is_keyed(name) && !has_no_credential(name);
            if !class.is_ordinary() {
                visit(name);
            }
        });
        if has_credential { Err(Reason::Credentials) } else { Ok(names) }
    }

    fn ignores_cookies(&self, request: &HeaderMap, keyed: &[&str]) -> bool {
        // Somebody who adds `Cookie` means all of them.
        !self.added.contains(&COOKIE) && self.cookies.is_anonymous(request, keyed)
    }

    /// Returns the names for the `Vary` of a response, which are none unless it depends on credentials.
    pub(crate) fn vary_names(&self, depends_on_them: bool) -> impl Iterator<Item = &HeaderName> + Clone {
        let (listed, added) =
            if depends_on_them { (&VARY_NAMES[..], &*self.added) } else { Default::default() };
        listed.iter().chain(added)
    }
}

/// Checks that a query has no parameter that is a credential by its name and that the rule leaves out of the key.
///
/// Parameters that `ignore_query` names are not checked: they were left out one by one, while `query` leaves out whatever a client
/// sends.
pub(crate) fn check_query(query: Option<&str>, rule: QueryRule) -> Result<(), Reason> {
    let (Some(query), QueryRule::Only(keyed)) = (query, rule) else { return Ok(()) };
    let is_credential = |name: Cow<'_, str>| !keyed.contains(&&*name) && is_credential_name(name.as_bytes());
    match form_urlencoded::parse(query.as_bytes()).any(|(name, _)| is_credential(name)) {
        true => Err(Reason::Credentials),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn query_parameters_that_are_left_out_are_checked() {
        let only = QueryRule::Only(&["page", "key"]);
        for query in
            ["token=a", "page=1&X-Amz-Signature=a", "t%6Fken=a", "%74oken", "sig=a", "api_key=a", "apiKey=a"]
        {
            assert_eq!(check_query(Some(query), only), Err(Reason::Credentials), "{query}");
            assert_eq!(check_query(Some(query), QueryRule::All), Ok(()), "{query}");
            assert_eq!(check_query(Some(query), QueryRule::Except(&["token"])), Ok(()), "{query}");
        }
        for query in ["", "page=1&key=2", "utm_source=token", "page=token"] {
            assert_eq!(check_query(Some(query), only), Ok(()), "{query}");
        }
        assert_eq!(check_query(None, only), Ok(()));
    }
}
