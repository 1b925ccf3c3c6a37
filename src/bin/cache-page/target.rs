//! What the commands are sent to.

use std::{env, path::PathBuf, time::Duration};

use clap::Args;
use serde_json::Value;

use crate::{
    failure::Failure,
    inspector::Inspector,
    output::Report,
    pages::{Pages, Query},
    purge::{Preview, Purge, Purged},
};

/// Where the pages are.
#[derive(Debug, Args)]
#[command(next_help_heading = "Where to look")]
pub(crate) struct TargetArgs {
    /// The inspector of a running application
    #[arg(long, value_name = "URL", global = true, conflicts_with_all = ["redis", "redis_cluster", "disk"])]
    inspector: Option<String>,

    #[arg(help = "A Redis or Valkey server: redis://user:password@host:6379/0, or rediss:// for TLS")]
    #[arg(long, value_name = "URL", global = true, conflicts_with_all = ["redis_cluster", "disk"])]
    redis: Option<String>,

    /// Nodes of a Redis Cluster, with commas in between: for purges
    #[arg(long, value_name = "URLS", global = true, conflicts_with = "disk")]
    redis_cluster: Option<String>,

    /// The folder of a cache on disk
    #[arg(long, value_name = "FOLDER", global = true)]
    disk: Option<PathBuf>,

    /// The `key_prefix` of the application, for --redis and --disk
    #[arg(long, value_name = "PREFIX", global = true, visible_alias = "namespace")]
    key_prefix: Option<String>,

    /// A named cache of the application, for --inspector
    #[arg(long, value_name = "NAME", global = true)]
    cache: Option<String>,

    /// A header that the application wants of operators: 'Authorization: …'
    #[arg(long, value_name = "NAME: VALUE", global = true)]
    inspector_header: Vec<String>,

    /// How many seconds to wait for the target
    #[arg(long, value_name = "SECONDS", global = true, default_value_t = 10)]
    timeout: u16,
}

/// A place where pages are stored.
pub(crate) trait Target {
    /// Returns `inspector`, `redis` or `disk`.
    fn name(&self) -> &'static str;

    /// Purges in this order until one fails, and calls `done` after each.
    fn purge(&mut self, purges: &[Purge], done: &mut dyn FnMut()) -> Purged;

    /// Returns how many pages a purge would select.
    ///
    /// # Errors
    ///
    /// All methods fail if the target cannot be reached, does not allow it, or has nothing of this name.
    fn preview(&mut self, purges: &[Purge]) -> Result<Preview, Failure>;

    fn stats(&mut self) -> Result<Report, Failure>;

    fn pages(&mut self, query: &Query) -> Result<Pages, Failure>;

    /// Returns what is known about a request, as the API of the inspector has it.
    fn explain(&mut self, url: &str, headers: &[String]) -> Result<Value, Failure>;
}

impl TargetArgs {
    pub(crate) fn timeout(&self) -> Duration {
        Duration::from_secs(self.timeout.max(1).into())
    }

    /// Returns the target of the options, or else that of the environment.
    pub(crate) fn open(&self) -> Result<Box<dyn Target>, Failure> {
        let place = match (&self.inspector, &self.redis, &self.redis_cluster, &self.disk) {
            (Some(url), ..) => Place::Inspector(url.clone()),
            (_, Some(url), ..) => Place::Redis(url.clone()),
            (_, _, Some(urls), _) => Place::RedisCluster(urls.clone()),
            (.., Some(folder)) => Place::Disk(folder.clone()),
            _ => Place::of_environment()?,
        };
        match place {
            Place::Inspector(url) => self.inspector(&url),
            Place::Redis(url) => self.redis(&[&url], false),
            Place::RedisCluster(urls) => {
                self.redis(&urls.split(',').map(str::trim).collect::<Vec<_>>(), true)
            }
            Place::Disk(folder) => self.disk(&folder),
        }
    }

    fn inspector(&self, url: &str) -> Result<Box<dyn Target>, Failure> {
        if self.key_prefix.is_some() {
            return Err(Failure::usage(
                "--key-prefix is for --redis and --disk; an application knows its own",
            ));
        }
        let mut headers = self.inspector_header.clone();
        if headers.is_empty() {
            headers.extend(variable("CACHE_PAGE_INSPECTOR_HEADER")?);
        }
        let inspector = Inspector::new(url, self.cache.clone(), &headers, self.timeout())?;
        Ok(Box::new(inspector))
    }

    #[cfg(feature = "redis")]
    fn redis(&self, urls: &[&str], is_cluster: bool) -> Result<Box<dyn Target>, Failure> {
        let key_prefix = self.key_prefix_of_store()?;
        Ok(Box::new(crate::store::Redis::open(urls, is_cluster, &key_prefix, self.timeout())?))
    }

    #[cfg(not(feature = "redis"))]
    fn redis(&self, _: &[&str], _: bool) -> Result<Box<dyn Target>, Failure> {
        Err(not_compiled("--redis", "redis-tls"))
    }

    #[cfg(feature = "disk")]
    fn disk(&self, folder: &std::path::Path) -> Result<Box<dyn Target>, Failure> {
        let key_prefix = self.key_prefix_of_store()?;
        Ok(Box::new(crate::store::Disk::open(folder, &key_prefix, self.timeout())?))
    }

    #[cfg(not(feature = "disk"))]
    fn disk(&self, _: &std::path::Path) -> Result<Box<dyn Target>, Failure> {
        Err(not_compiled("--disk", "disk"))
    }

    #[cfg(any(feature = "redis", feature = "disk"))]
    fn key_prefix_of_store(&self) -> Result<String, Failure> {
        if self.cache.is_some() {
            return Err(Failure::usage(
                "--cache is for --inspector; a named cache has a store and a key prefix of its own",
            ));
        }
        if !self.inspector_header.is_empty() {
            return Err(Failure::usage("--inspector-header is for --inspector"));
        }
        let key_prefix = match &self.key_prefix {
            Some(key_prefix) => Some(key_prefix.clone()),
            None => variable("CACHE_PAGE_KEY_PREFIX")?,
        };
        Ok(key_prefix.unwrap_or_default())
    }
}

enum Place {
    Inspector(String),
    Redis(String),
    RedisCluster(String),
    Disk(PathBuf),
}

impl Place {
    fn of_environment() -> Result<Self, Failure> {
        let disk = env::var_os("CACHE_PAGE_DISK").filter(|folder| !folder.is_empty());
        let places = [
            variable("CACHE_PAGE_INSPECTOR")?.map(Self::Inspector),
            variable("CACHE_PAGE_REDIS")?.map(Self::Redis),
            variable("CACHE_PAGE_REDIS_CLUSTER")?.map(Self::RedisCluster),
            disk.map(|folder| Self::Disk(folder.into())),
        ];
        let mut places = places.into_iter().flatten();
        match (places.next(), places.next()) {
            (Some(place), None) => Ok(place),
            (None, _) => Err(Failure::usage("where is the cache?").hint(
                "Say so with --inspector URL, --redis URL or --disk FOLDER, or with CACHE_PAGE_INSPECTOR, CACHE_PAGE_REDIS or \
                 CACHE_PAGE_DISK in the environment. `cache-page --help` has examples.",
            )),
            _ => Err(Failure::usage("the environment names several targets")
                .hint("Unset all but one of CACHE_PAGE_INSPECTOR, CACHE_PAGE_REDIS, CACHE_PAGE_REDIS_CLUSTER and CACHE_PAGE_DISK, or use an option.")),
        }
    }
}

/// Returns a variable of the environment. An empty one counts as absent.
fn variable(name: &str) -> Result<Option<String>, Failure> {
    match env::var(name) {
        Ok(value) => Ok(Some(value).filter(|value| !value.is_empty())),
        Err(env::VarError::NotPresent) => Ok(None),
        Err(env::VarError::NotUnicode(_)) => Err(Failure::usage(format!("{name} is not valid UTF-8"))),
    }
}

#[cfg(not(all(feature = "redis", feature = "disk")))]
fn not_compiled(option: &str, feature: &str) -> Failure {
    Failure::unsupported(format!("this program was installed without {option}"))
        .hint(format!("Install it with: cargo install cache_page --features cli,{feature}"))
}
