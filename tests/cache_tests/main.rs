//! Runs the suite of cache-tests.fyi against a caching proxy, in both forms: `cargo xtask cache-tests`.
//!
//! The argument is a checkout of the suite. It needs Node.js.

use std::{
    collections::BTreeMap,
    env, io,
    process::{Child, Command, ExitCode, Stdio},
    thread,
    time::{Duration, Instant},
};

use actix_web::{App, HttpServer, middleware::Condition, web};
use cache_page::{PageCache, PageCacheMiddleware, normalize};

mod proxy;
mod upstream;

/// The address of the suite's server.
const UPSTREAM: &str = "127.0.0.1:8000";

/// Prints the results of the tests as lines of `kind result id`.
const PRINT_RESULTS: &str = r"
import { readFileSync } from 'node:fs'
import { pathToFileURL } from 'node:url'
const from = async path => import(pathToFileURL(process.cwd() + '/' + path))
const { determineTestResult } = await from('test-engine/lib/results.mjs')
const { default: suites } = await from('tests/index.mjs')
const results = JSON.parse(readFileSync(0))
for (const test of suites.flatMap(suite => suite.tests).filter(test => !test.browser_only)) {
  const passed = ['✅', 'Y'].includes(determineTestResult(suites, test.id, results)[2])
  console.log(test.kind ?? 'required', passed ? 'passed' : 'failed', test.id)
}
";

/// What passes at least, of 160 required and 105 optional tests.
#[derive(Clone, Copy)]
struct Expected {
    form: &'static str,
    required: usize,
    optimal: usize,
}

const ATTRIBUTE: Expected = Expected { form: "attribute", required: 153, optimal: 91 };

/// The middleware adds `Cookie` and `Authorization` to `Vary`, and the suite skips its tests of a `Vary` that was changed.
const MIDDLEWARE: Expected = Expected { form: "middleware", required: 137, optimal: 76 };

/// Ends a process when the run ends.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[actix_web::main]
async fn main() -> io::Result<ExitCode> {
    let Some(suite) = env::args().nth(1).filter(|argument| !argument.starts_with('-')) else {
        eprintln!("usage: cargo xtask cache-tests");
        return Ok(ExitCode::from(2));
    };
    let _upstream = start_upstream(&suite)?;
    let mut has_failed = false;
    for expected in [ATTRIBUTE, MIDDLEWARE] {
        let server = start_proxy(expected.form == MIDDLEWARE.form)?;
        let suite = suite.clone();
        let results = web::block(move || run(&suite, expected)).await.map_err(io::Error::other)?;
        server.stop(false).await;
        has_failed |= !results?;
    }
    Ok(if has_failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

fn start_upstream(suite: &str) -> io::Result<Running> {
    let port = UPSTREAM.split_once(':').map_or("", |(_, port)| port);
    let mut node = Command::new("node");
    node.arg("test-engine/server/server.mjs").current_dir(suite).stdout(Stdio::null());
    node.env("npm_config_protocol", "http").env("npm_config_port", port);
    node.env("npm_config_pidfile", env::temp_dir().join("cache_page-cache-tests.pid"));
    let running = Running(node.spawn()?);
    let deadline = Instant::now() + Duration::from_secs(10);
    while std::net::TcpStream::connect(UPSTREAM).is_err() {
        if Instant::now() > deadline {
            return Err(io::Error::other(format!("the suite's server does not listen on {UPSTREAM}")));
        }
        thread::sleep(Duration::from_millis(50));
    }
    Ok(running)
}

fn start_proxy(by_middleware: bool) -> io::Result<actix_web::dev::ServerHandle> {
    let cache = PageCache::builder()
        .honor_request_cache_control(true)
        .targeted_cache_control(proxy::OWN_FIELD)
        .build();
    let server = HttpServer::new(move || {
        let middleware = PageCacheMiddleware::with_policy(proxy::POLICY)
            .stale_while_revalidate(Duration::from_secs(1))
            .stale_if_error(Duration::from_secs(3600))
            .normalize("accept-language", normalize::languages);
        let tests =
            web::scope("/test").wrap(Condition::new(by_middleware, middleware)).configure(move |config| {
                if by_middleware { proxy::uncached(config) } else { proxy::cached(config) }
            });
        App::new().app_data(cache.clone()).service(tests).default_service(web::to(proxy::forward))
    });
    let server = server.workers(2).disable_signals().bind(proxy::ADDRESS)?.run();
    let handle = server.handle();
    actix_web::rt::spawn(server);
    Ok(handle)
}

/// Runs all tests, and returns whether as many have passed as are expected.
fn run(suite: &str, expected: Expected) -> io::Result<bool> {
    let mut client = Command::new("node");
    client.args(["--no-warnings", "test-engine/cli.mjs"]).current_dir(suite);
    client.env("npm_config_base", format!("http://{}", proxy::ADDRESS)).env("npm_package_config_id", "");
    let results = client.stdout(Stdio::piped()).spawn()?;
    let results = results.stdout.ok_or_else(|| io::Error::other("no output"))?;
    let mut evaluation = Command::new("node");
    evaluation.args(["--input-type=module", "--eval", PRINT_RESULTS]).current_dir(suite).stdin(results);
    let output = evaluation.stderr(Stdio::inherit()).output()?;
    let mut kinds: BTreeMap<&str, (usize, Vec<&str>)> = BTreeMap::new();
    let lines = String::from_utf8_lossy(&output.stdout);
    for line in lines.lines() {
        let [kind, result, id] = line.split(' ').collect::<Vec<_>>()[..] else { continue };
        let (passed, failed) = kinds.entry(kind).or_default();
        match result {
            "passed" => *passed += 1,
            _ => failed.push(id),
        }
    }
    let mut is_enough = true;
    for (kind, least) in [("required", expected.required), ("optimal", expected.optimal)] {
        let (passed, failed) = kinds.remove(kind).unwrap_or_default();
        let all = passed + failed.len();
        println!("{}, {kind}: {passed} of {all} passed; failed: {}", expected.form, failed.join(" "));
        if passed < least {
            println!("{}, {kind}: {least} are expected to pass", expected.form);
            is_enough = false;
        }
    }
    Ok(is_enough)
}
