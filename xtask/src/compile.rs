//! `cargo xtask bench compile`: measures what the attribute adds to the build time and the code of 300 handlers.

use std::{
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    time::{Duration, Instant},
};

use crate::{cargo, root};

const HANDLERS: usize = 300;
const ROUNDS: usize = 3;

pub(crate) fn run() -> Result<(), String> {
    let folder = root().join("target/bench-compile");
    let bare = Program::generate(&folder, "bare", 0)?;
    let one = Program::generate(&folder, "one", 1)?;
    let cached = Program::generate(&folder, "cached", HANDLERS)?;
    println!(
        "{HANDLERS} handlers with the attribute, relative to the same handlers without it, median of {ROUNDS} builds:"
    );
    for profile in ["dev", "release"] {
        // Builds the dependencies.
        bare.build(profile)?;
        cached.build(profile)?;
        let mut times: Vec<(Duration, Duration)> = Vec::new();
        for _ in 0..ROUNDS {
            times.push((bare.build(profile)?, cached.build(profile)?));
        }
        times.sort_by(|one, other| {
            let ratio = |(bare, cached): &(Duration, Duration)| cached.as_secs_f64() / bare.as_secs_f64();
            ratio(one).total_cmp(&ratio(other))
        });
        let (before, after) = times[ROUNDS / 2];
        let time_ratio = after.as_secs_f64() / before.as_secs_f64();
        println!(
            "{time_ratio:>7.2}  build time, {profile}: {:.1} s and {:.1} s",
            before.as_secs_f64(),
            after.as_secs_f64()
        );
        let (before, after) = (bare.code(profile)?, cached.code(profile)?);
        println!("{:>7.2}  code, {profile}: {before} and {after} bytes", ratio(after, before));
        one.build(profile)?;
        let once = one.code(profile)?;
        println!(
            "{:>7.2}  the same, relative to a program with one cached handler: {once} bytes",
            ratio(after, once)
        );
    }
    Ok(())
}

// An `f64` represents the size of a program exactly.
#[allow(clippy::cast_precision_loss)]
fn ratio(after: u64, before: u64) -> f64 {
    after as f64 / before as f64
}

/// A generated program with `HANDLERS` handlers.
struct Program {
    folder: PathBuf,
    name: String,
}

impl Program {
    fn generate(folder: &Path, name: &str, cached: usize) -> Result<Self, String> {
        let folder = folder.join(name);
        let root = fs::canonicalize(root()).map_err(|error| format!("no workspace: {error}"))?;
        let manifest = format!(
            "[package]\nname = \"bench-{name}\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n\n\
             [dependencies]\nactix-web = {{ version = \"4.18.1\", default-features = false, features = [\"macros\"] }}\n\
             cache_page = {{ path = {root:?} }}\n"
        );
        let mut source = String::from(
            "use actix_web::{App, HttpResponse, HttpServer, Responder, error::ErrorNotFound, get, web};\n\
             #[allow(unused_imports)]\nuse cache_page::cache_page;\n\n\
             type Db = std::collections::BTreeMap<u64, String>;\n",
        );
        for number in 0..HANDLERS {
            let attribute = if number < cached { "#[cache_page(60)]" } else { "" };
            // A typical handler: a lookup, an error, and a page.
            let _ = write!(
                source,
                "\n#[get(\"/posts{number}/{{id}}\")]\n{attribute}\n\
                 async fn post{number}(id: web::Path<u64>, db: web::Data<Db>) -> Result<impl Responder, actix_web::Error> {{\n    \
                     let title = db.get(&id).ok_or_else(|| ErrorNotFound(\"no such post\"))?;\n    \
                     let mut page = format!(\"<title>{{title}}</title><h1>Post {{id}} of {number}</h1>\");\n    \
                     for (id, title) in db.range(*id + {number}..).take(10) {{\n        \
                         page.push_str(&format!(\"<li><a href=/posts{number}/{{id}}>{{title}}</a>\"));\n    \
                     }}\n    \
                     Ok(HttpResponse::Ok().content_type(\"text/html\").body(page))\n}}\n"
            );
        }
        source.push_str("\nfn routes(config: &mut web::ServiceConfig) {\n");
        for number in 0..HANDLERS {
            let _ = writeln!(source, "    config.service(post{number});");
        }
        source.push_str(
            "}\n\n#[actix_web::main]\nasync fn main() -> std::io::Result<()> {\n    \
             HttpServer::new(|| App::new().app_data(web::Data::new(Db::new())).configure(routes)).bind(\"127.0.0.1:0\")?.run().await\n}\n",
        );
        let write = |file: &str, text: &str| {
            let path = folder.join(file);
            let parent = path.parent().map_or(Ok(()), fs::create_dir_all);
            parent
                .and_then(|()| fs::write(&path, text))
                .map_err(|error| format!("{}: {error}", path.display()))
        };
        write("Cargo.toml", &manifest)?;
        write("src/main.rs", &source)?;
        Ok(Self { folder, name: format!("bench-{name}") })
    }

    fn target(&self) -> PathBuf {
        self.folder.with_file_name("target")
    }

    /// Returns the time that the build of the program takes, without its dependencies.
    fn build(&self, profile: &str) -> Result<Duration, String> {
        let source = self.folder.join("src/main.rs");
        let text = fs::read(&source).map_err(|error| error.to_string())?;
        fs::write(&source, text).map_err(|error| error.to_string())?;
        let start = Instant::now();
        let status = cargo(&["build", "--quiet", "--profile", profile])
            .current_dir(&self.folder)
            .env("CARGO_TARGET_DIR", self.target())
            .env("CARGO_INCREMENTAL", "0")
            .status()
            .map_err(|error| format!("cannot run cargo: {error}"))?;
        if status.success() { Ok(start.elapsed()) } else { Err(format!("{} does not build", self.name)) }
    }

    /// Returns the size of its machine code in bytes.
    fn code(&self, profile: &str) -> Result<u64, String> {
        let folder = if profile == "dev" { "debug" } else { profile };
        let program = self.target().join(folder).join(&self.name);
        let output = Command::new("size")
            .arg(&program)
            .stderr(Stdio::inherit())
            .output()
            .map_err(|error| format!("cannot run size (of binutils): {error}"))?;
        let printed = String::from_utf8_lossy(&output.stdout).into_owned();
        let text = printed.lines().nth(1).and_then(|line| line.split_whitespace().next()?.parse().ok());
        text.ok_or_else(|| format!("size printed no size of {}: {printed}", program.display()))
    }
}
