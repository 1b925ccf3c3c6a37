//! A Redis or Valkey server, or a cluster.

use std::time::Duration;

use cache_page::{
    RedisStore,
    remote::{RemoteStore as _, StoreError, Visitor},
};
use serde_json::Value;
use tokio::time::timeout;

use super::{
    block_on, purge_all,
    select::{Count, Nearest, Search},
    selection,
};
use crate::{
    failure::Failure,
    output::{Report, one_line},
    pages::{Pages, Query},
    purge::{Preview, Purge, Purged},
    target::Target,
};

/// How long other key prefixes are searched for.
const SEARCH_TIME: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(crate) struct Redis {
    urls: Vec<String>,
    is_cluster: bool,
    key_prefix: String,
    timeout: Duration,
}

impl Redis {
    pub(crate) fn open(
        urls: &[&str],
        is_cluster: bool,
        key_prefix: &str,
        timeout: Duration,
    ) -> Result<Self, Failure> {
        let is_secure =
            urls.iter().any(|url| ["rediss:", "valkeys:"].iter().any(|scheme| url.starts_with(scheme)));
        if is_secure && !cfg!(feature = "redis-tls") {
            return Err(Failure::unsupported("this program was installed without TLS for Redis")
                .hint("Install it with: cargo install cache_page --features cli,redis-tls"));
        }
        let urls = urls.iter().map(|url| (*url).to_owned()).collect();
        let redis = Self { urls, is_cluster, key_prefix: key_prefix.to_owned(), timeout };
        redis.store()?;
        Ok(redis)
    }

    /// Returns a store that is not connected. The message of an error does not show the URL, which may have a password.
    fn store(&self) -> Result<RedisStore, Failure> {
        let store = if self.is_cluster {
            #[cfg(not(feature = "redis-cluster"))]
            return Err(Failure::unsupported("this program was installed without Redis Cluster")
                .hint("Install it with: cargo install cache_page --features cli,redis-cluster"));
            #[cfg(feature = "redis-cluster")]
            RedisStore::cluster(&self.urls)
        } else {
            RedisStore::open(self.urls.first().map(String::as_str).unwrap_or_default())
        };
        let store = store.map_err(Failure::usage)?;
        store.set_namespace(&self.key_prefix);
        Ok(store)
    }

    /// Visits the pages.
    fn list(&self, visitor: &mut dyn Visitor) -> Result<(), Failure> {
        if self.is_cluster {
            return Err(Failure::unsupported("the pages of a cluster cannot be listed")
                .hint("Ask one of the processes instead: --inspector URL."));
        }
        let store = self.store()?;
        let listed = block_on(store.list_pages(self.timeout, visitor))?;
        listed.map_err(|error| self.failure_of(&error))
    }

    fn has_not_answered(&self) -> Failure {
        Failure::unreachable(format!("the server has not answered within {:?}", self.timeout))
            .hint("--timeout SECONDS waits longer.")
    }

    fn count(&self, purges: &[Purge]) -> Result<Count, Failure> {
        let mut count = Count::of(purges.iter().map(selection).collect::<Result<_, _>>()?);
        self.list(&mut count)?;
        if count.pages == 0 {
            self.check_key_prefix()?;
        }
        Ok(count)
    }

    /// Returns the key prefixes that the server has, or nothing if that cannot be found out.
    fn key_prefixes(&self) -> Vec<String> {
        let found = self.store().and_then(|store| block_on(store.list_key_prefixes(SEARCH_TIME)));
        found.ok().and_then(Result::ok).unwrap_or_default()
    }

    /// Returns the failure for a key prefix with which nothing was ever stored, if that is why there is no page.
    fn check_key_prefix(&self) -> Result<(), Failure> {
        if self.is_cluster {
            return Err(Failure::nothing_there(
                "nothing was ever stored in this cluster with this key prefix",
            )
            .hint("Compare --key-prefix with the `key_prefix` of the application."));
        }
        let is_used = self.store().and_then(|store| block_on(store.is_namespace_used(self.timeout)));
        if !matches!(is_used, Ok(Ok(false))) {
            return Ok(());
        }
        let found = self.key_prefixes();
        let failure = match &*self.key_prefix {
            "" => Failure::nothing_there("nothing was ever stored in this server without a key prefix"),
            prefix => Failure::nothing_there(format!(
                "nothing was ever stored in this server with the key prefix {prefix:?}"
            )),
        };
        let names: Vec<_> = found.iter().map(|prefix| prefix_text(prefix)).collect();
        Err(failure.hint(match &names[..] {
            [] => "No cache has stored anything in this server and database. Check the URL.".to_owned(),
            names => format!("Pages were stored with these: {}.", names.join(", ")),
        }))
    }

    /// Explains an error of the client. It does not contain the URL.
    fn failure_of(&self, error: &StoreError) -> Failure {
        let message = error.to_string();
        let says = |words: &[&str]| words.iter().any(|word| message.contains(word));
        if says(&["WRONGPASS", "NOAUTH", "AuthenticationFailed", "unauthenticated"]) {
            Failure::refused(format!("the server refuses the user or the password: {message}"))
        } else if says(&["NOPERM", "NoPerm", "no permissions"]) {
            Failure::refused(format!("the user may not do this: {message}"))
                .hint("Besides what a cache needs, lists need SCAN, STRLEN, GET and TIME.")
        } else if says(&["MOVED", "Moved", "CLUSTERDOWN", "ClusterDown"]) {
            Failure::unsupported(format!("the server is a node of a cluster: {message}")).hint(
                "Purge with --redis-cluster URL, and ask one of the processes for the rest: --inspector URL.",
            )
        } else if says(&["READONLY", "ReadOnly"]) {
            Failure::refused("the server is a replica, which cannot be written to")
                .hint("Use the URL of the master.")
        } else if says(&["timed out"]) {
            self.has_not_answered()
        } else {
            Failure::unreachable(format!("the server cannot be used: {message}"))
                .hint("Does it run, and is this its port? TLS needs rediss://.")
        }
    }
}

fn prefix_text(prefix: &str) -> String {
    if prefix.is_empty() {
        "no key prefix".to_owned()
    } else {
        format!("--key-prefix '{}'", one_line(prefix))
    }
}

impl Target for Redis {
    fn name(&self) -> &'static str {
        "redis"
    }

    fn purge(&mut self, purges: &[Purge], done: &mut dyn FnMut()) -> Purged {
        let mut purge = || -> Result<Purged, Failure> {
            for purge in purges {
                selection(purge)?;
            }
            let store = self.store()?;
            block_on(async {
                let connected = timeout(self.timeout, store.poll_changes(None, Duration::ZERO)).await;
                match connected {
                    Ok(Ok(batch)) => {
                        let fail = |error: &StoreError| self.failure_of(error);
                        Ok(purge_all(&store, purges, batch.sequence, self.timeout, done, fail).await)
                    }
                    Ok(Err(error)) => Err(self.failure_of(&error)),
                    Err(_) => Err(self.has_not_answered()),
                }
            })?
        };
        let mut purged =
            purge().unwrap_or_else(|failure| Purged { failure: Some(failure), ..Purged::default() });
        let nothing_stored = |result: &crate::purge::PurgeResult| !result.delivery.is_delivered();
        if purged.failure.is_none() && purged.results.iter().any(nothing_stored) {
            purged.failure = self.check_key_prefix().err();
        }
        purged
    }

    fn preview(&mut self, purges: &[Purge]) -> Result<Preview, Failure> {
        Ok(self.count(purges)?.into_preview())
    }

    fn stats(&mut self) -> Result<Report, Failure> {
        let mut report = self.count(&[])?.report(&self.key_prefix);
        report.line("Hits and misses are counted by the processes: ask one with --inspector.");
        Ok(report)
    }

    fn pages(&mut self, query: &Query) -> Result<Pages, Failure> {
        let mut search = Search::new(query)?;
        self.list(&mut search)?;
        let found = search.into_pages();
        if found.rows.is_empty() {
            self.check_key_prefix()?;
        }
        Ok(found)
    }

    fn explain(&mut self, url: &str, _: &[String]) -> Result<Value, Failure> {
        let mut nearest = Nearest::new(url)?;
        self.list(&mut nearest)?;
        if nearest.is_empty() {
            self.check_key_prefix()?;
        }
        Ok(nearest.explain(url, "Redis"))
    }
}
