//! The commands and their options.

use clap::{Args, Parser, Subcommand};

use crate::{
    failure::Failure,
    output::Report,
    pages,
    progress::Progress,
    purge, show,
    target::{Target, TargetArgs},
};

const AFTER_HELP: &str = "\
Where to look, one of:
  --inspector URL   a running application, which has `cache.inspector(\"/cache\")`: http://127.0.0.1:8080/cache
  --redis URL       the Redis or Valkey server that several processes share
  --disk FOLDER     the folder of an application that is not running

Examples:
  cache-page --inspector http://127.0.0.1:8080/cache stats
  cache-page --inspector http://127.0.0.1:8080/cache explain /posts/1 -H 'Accept-Language: de'
  cache-page --redis redis://localhost:6379 --key-prefix shop purge tag prices
  cache-page --disk /var/cache/shop entries '/posts/*'

Environment (an option takes precedence):
  CACHE_PAGE_INSPECTOR, CACHE_PAGE_REDIS, CACHE_PAGE_DISK   as the options; a password does not show in `ps` here
  CACHE_PAGE_REDIS_CLUSTER, CACHE_PAGE_KEY_PREFIX           as --redis-cluster, --key-prefix
  CACHE_PAGE_INSPECTOR_HEADER                               as --inspector-header

Exit codes:
  0  done
  1  another failure
  2  the arguments are wrong
  3  the target cannot be reached, or has not confirmed in time
  4  nothing there: no inspector, no such cache, nothing stored with this key prefix, no page that matches
  5  refused: wrong password, not allowed, the folder is in use
  6  this target cannot do it, or this program was installed without the feature";

const PURGE_HELP: &str = "\
Several values are purged one after the other; `-` reads them from standard input, one a line:
  cache-page --redis redis://localhost purge path - < changed-paths.txt

That no page matches is no failure: the code is 0, because nothing old is served.";

/// Purges what an application with `cache_page` has stored, and shows what it stores and why.
#[derive(Debug, Parser)]
#[command(
    name = "cache-page",
    version,
    after_help = AFTER_HELP,
    arg_required_else_help = true
)]
pub(crate) struct Cli {
    #[command(flatten)]
    target: TargetArgs,

    /// Print one JSON document instead of text
    #[arg(long, global = true, help_heading = "Output")]
    pub(crate) json: bool,

    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Remove pages, or make them stale with --soft
    #[command(arg_required_else_help = true, disable_help_subcommand = true, after_help = PURGE_HELP)]
    #[command(subcommand_value_name = "WHAT", subcommand_help_heading = "What to purge")]
    Purge(PurgeArgs),
    /// Show how much is stored, and how requests are answered
    Stats,
    /// Show whether a URL is a hit, and if not, why
    Explain(ExplainArgs),
    /// List stored pages
    Entries(EntriesArgs),
}

#[derive(Debug, Args)]
pub(crate) struct PurgeArgs {
    /// Make the pages stale instead of removing them, so that they may be served while they are refreshed
    #[arg(long, global = true)]
    pub(crate) soft: bool,

    /// Only show what would be purged
    #[arg(long, global = true)]
    pub(crate) dry_run: bool,

    #[command(subcommand)]
    pub(crate) selector: SelectorArgs,
}

/// What to purge.
#[derive(Debug, Subcommand)]
pub(crate) enum SelectorArgs {
    /// Pages with a tag: `purge tag posts`
    Tag(Values),
    /// All pages of a path, whatever their query and host: `purge path /posts/1`
    Path(Values),
    /// The page of one URL: `purge url 'https://example.com/posts?page=2'`
    Url(Values),
    /// Pages whose paths begin like this: `purge prefix /posts/`
    Prefix(Values),
    /// Pages of a handler, by the name that `stats` shows: `purge handler blog::post`
    Handler(Values),
    /// All pages
    All,
}

#[derive(Debug, Args)]
pub(crate) struct Values {
    /// One or more values, or `-` to read them from standard input, one a line
    #[arg(required = true, value_name = "VALUE")]
    pub(crate) values: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct ExplainArgs {
    /// An absolute URL, or a path with a query
    pub(crate) url: String,

    /// A header of the request in question, such as 'Cookie: theme=dark'; repeat it for more
    #[arg(short = 'H', long = "header", value_name = "NAME: VALUE")]
    pub(crate) headers: Vec<String>,
}

#[derive(Debug, Args)]
pub(crate) struct EntriesArgs {
    /// A path (`/posts/1`), all that begin so (`/posts/*`), or a part of paths (`posts`)
    pub(crate) path: Option<String>,

    /// Only pages with this tag
    #[arg(long, value_name = "TAG")]
    pub(crate) tag: Option<String>,

    /// Only pages of this handler
    #[arg(long, value_name = "NAME")]
    pub(crate) handler: Option<String>,

    /// Only pages with this status
    #[arg(long, value_name = "CODE")]
    pub(crate) status: Option<u16>,

    /// Show at most this many
    #[arg(long, value_name = "N", default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) limit: u32,
}

/// Runs the command.
pub(crate) fn run(cli: &Cli) -> Report {
    let opened = cli.target.open();
    let target = opened.as_ref().ok().map(|target| target.name());
    let result = opened.and_then(|mut target| cli.command.run(&mut *target));
    let mut report = result.unwrap_or_else(|failure| Report { failure: Some(failure), ..Report::default() });
    report.set("command", cli.command.name());
    report.set("target", target);
    report
}

impl Command {
    fn name(&self) -> &'static str {
        match self {
            Self::Purge(_) => "purge",
            Self::Stats => "stats",
            Self::Explain(_) => "explain",
            Self::Entries(_) => "entries",
        }
    }

    fn run(&self, target: &mut dyn Target) -> Result<Report, Failure> {
        match self {
            Self::Purge(args) => purge::run(target, args),
            Self::Stats => looking(|| target.stats()),
            Self::Explain(args) => looking(|| show::explain(target, args)),
            Self::Entries(args) => looking(|| pages::run(target, args)),
        }
    }
}

/// Runs a command that may look at all stored pages.
fn looking<T>(command: impl FnOnce() -> T) -> T {
    let _progress = Progress::of_pages();
    command()
}
