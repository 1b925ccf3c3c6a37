//! The hosts of a site.

use super::builder::PageCacheBuilder;
use crate::http::AllowedHosts;

impl PageCacheBuilder {
    /// Sets the hosts of the site. Requests that name another host bypass the cache (`unknown-host`). By default, all hosts are allowed.
    ///
    /// A client can send any `Host`, and proxies pass most other headers on. Each value would have pages of its own, because handlers
    /// make links from it. With this option, no client can fill the cache with them.
    ///
    /// ```
    /// use cache_page::PageCache;
    ///
    /// let cache = PageCache::builder().allowed_hosts(["example.com", ".example.org", "localhost:8080"]).build();
    /// # drop(cache);
    /// ```
    ///
    /// `example.com` allows this host, `.example.com` also its subdomains. The case of letters makes no difference. Every port is
    /// allowed, unless the entry has one. An IPv6 address is written in brackets: `[::1]`. A name outside of ASCII is written as browsers
    /// send it, in Punycode: `xn--bcher-kva.example`.
    ///
    /// Compared are the host of the request's target, `Host`, the `host` of `Forwarded`, `X-Forwarded-Host`, `X-Forwarded-Server`,
    /// `X-Host`, `X-Original-Host` and `X-Http-Host-Override`, each member of lists included, and absolute URLs in `X-Original-Url`,
    /// `X-Original-Uri` and `X-Rewrite-Url`. So list also the host that a proxy names: Apache adds its own name as `X-Forwarded-Server`.
    /// A request that names no host at all is for the server's own.
    ///
    /// # Panics
    ///
    /// If one of them is not a host, or if there are none.
    #[track_caller]
    #[doc(alias("host_header", "trusted_hosts"))]
    pub fn allowed_hosts<H: AsRef<str>>(mut self, hosts: impl IntoIterator<Item = H>) -> Self {
        match AllowedHosts::parse(hosts) {
            Ok(hosts) => self.config.allowed_hosts = Some(hosts),
            #[allow(clippy::panic)]
            Err(error) => panic!("`allowed_hosts`: {error}"),
        }
        self
    }
}
