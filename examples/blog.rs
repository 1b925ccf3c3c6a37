//! A blog on `SQLite`. Its pages are cached for five minutes, and a write purges those that show the post.
//!
//! ```console
//! cargo run --example blog [ADDRESS]
//! ```
//!
//! Request a page twice with `curl -i` and compare `Cache-Status`: first `fwd=miss; stored; ttl=300`, then `hit`. Then
//! change a post with the commands that the example prints. The next request for a page that shows the post is a miss.
//! `/about`, the other posts and the tags that the post never had are still hits.
//!
//! In this example everyone may write. A real blog needs an access check for the three handlers that write.

use std::{
    collections::BTreeSet,
    process::ExitCode,
    sync::{Mutex, PoisonError},
};

use actix_web::{
    App, Error, HttpResponse, HttpServer, Responder, Result,
    error::{ErrorBadRequest, ErrorInternalServerError, ErrorNotFound},
    get, post,
    web::{self, Html, Redirect},
};
use cache_page::{PageCache, PageControl, cache_page, purge_page};
use rusqlite::{Connection, Params};
use serde::Deserialize;

#[get("/")]
#[cache_page(300, tags = ["posts"])]
async fn index(db: web::Data<Db>) -> Result<impl Responder> {
    let posts = query(&db, |db| select(db, "", ())).await?;
    Ok(page("All posts", &list(&posts)))
}

// The pattern allows one spelling of each number: the page of `/posts/01` would have the tag `post:01`, not `post:1`.
#[get("/posts/{id:[1-9][0-9]*}")]
#[cache_page(300, tags = ["post:{id}"])]
async fn show(id: web::Path<i64>, db: web::Data<Db>) -> Result<impl Responder> {
    let id = id.into_inner();
    let post = query(&db, move |db| select(db, "WHERE id = ?1", [id])).await?.pop();
    // An error is not stored.
    let post = post.ok_or_else(not_found)?;
    let (body, tags) = (escape(&post.body), links(&post.tags));
    Ok(page(&post.title, &format!("<p class=\"body\">{body}</p>\n<p>{tags}</p>")))
}

#[get("/tags/{tag}")]
#[cache_page(300, tags = ["tag:{tag}"])]
async fn tagged(tag: web::Path<String>, db: web::Data<Db>) -> Result<impl Responder> {
    let name = tag.clone();
    let posts =
        query(&db, move |db| select(db, "WHERE id IN (SELECT post FROM tags WHERE tag = ?1)", [name]))
            .await?;
    if posts.is_empty() {
        return Err(ErrorNotFound("No post has this tag.\n"));
    }
    Ok(page(&format!("Posts about {tag}"), &list(&posts)))
}

#[get("/feed.xml")]
#[cache_page(300, tags = ["posts"])]
async fn feed(db: web::Data<Db>, control: PageControl) -> Result<impl Responder> {
    let mut posts = query(&db, |db| select(db, "", ())).await?;
    posts.truncate(20);
    let mut entries = String::new();
    for Post { id, title, body, changed, .. } in &posts {
        // The attribute cannot name these tags: the posts are only known here.
        control.tag(format!("post:{id}"));
        let (title, body) = (escape(title), escape(body));
        entries += &format!(
            "<entry><id>tag:blog.example,2026:{id}</id><title>{title}</title><updated>{changed}</updated>\
             <link href=\"/posts/{id}\"/><content>{body}</content></entry>\n"
        );
    }
    let changed = posts.iter().map(|post| post.changed.as_str()).max().unwrap_or("1970-01-01T00:00:00Z");
    let xml = format!(
        "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<feed xmlns=\"http://www.w3.org/2005/Atom\">\n\
         <id>tag:blog.example,2026:posts</id><title>A blog</title><author><name>Its authors</name></author>\n\
         <updated>{changed}</updated><link rel=\"self\" href=\"/feed.xml\"/>\n{entries}</feed>\n"
    );
    Ok(HttpResponse::Ok().content_type("application/atom+xml; charset=utf-8").body(xml))
}

/// Has no tag, so no write purges it.
#[get("/about")]
#[cache_page(300)]
async fn about() -> impl Responder {
    page("About", "<p>A blog whose pages are cached until they change.</p>")
}

/// `#[purge_page]` purges if the handler succeeds. A rejected draft purges nothing.
#[post("/posts")]
#[purge_page(tags = ["posts"])]
async fn create(draft: web::Form<Draft>, db: web::Data<Db>, cache: PageCache) -> Result<impl Responder> {
    let draft = draft.into_inner().checked()?;
    let (id, tags) = query(&db, move |db| insert(db, &draft)).await?;
    purge(&cache, &tags).await?;
    Ok(Redirect::to(format!("/posts/{id}")).see_other())
}

#[post("/posts/{id:[1-9][0-9]*}")]
#[purge_page(tags = ["posts", "post:{id}"])]
async fn edit(
    id: web::Path<i64>,
    draft: web::Form<Draft>,
    db: web::Data<Db>,
    cache: PageCache,
) -> Result<impl Responder> {
    let (id, draft) = (id.into_inner(), draft.into_inner().checked()?);
    let tags = query(&db, move |db| update(db, id, &draft)).await?.ok_or_else(not_found)?;
    purge(&cache, &tags).await?;
    Ok(Redirect::to(format!("/posts/{id}")).see_other())
}

#[post("/posts/{id:[1-9][0-9]*}/delete")]
#[purge_page(tags = ["posts", "post:{id}"])]
async fn delete(id: web::Path<i64>, db: web::Data<Db>, cache: PageCache) -> Result<impl Responder> {
    let id = id.into_inner();
    let tags = query(&db, move |db| remove(db, id)).await?.ok_or_else(not_found)?;
    purge(&cache, &tags).await?;
    Ok(Redirect::to("/").see_other())
}

/// Purges the pages of tags that are only known from the database.
///
/// Must be called after the change is committed. A page that is generated from then on shows the change, and one whose
/// handler is still running is not stored.
async fn purge(cache: &PageCache, tags: &BTreeSet<String>) -> Result<()> {
    // A purge takes effect in this process when it is called. All are called before the first `await`, because the client
    // may disconnect there.
    let purges: Vec<_> = tags.iter().map(|tag| cache.purge_tag(&format!("tag:{tag}"))).collect();
    for purge in purges {
        purge.await?;
    }
    Ok(())
}

fn not_found() -> Error {
    ErrorNotFound("There is no such post.\n")
}

pub(crate) struct Db(Mutex<Connection>);

struct Post {
    id: i64,
    title: String,
    body: String,
    changed: String,
    tags: BTreeSet<String>,
}

/// The form of a new or changed post.
#[derive(Deserialize)]
struct Draft {
    title: String,
    body: String,
    /// Separated by commas.
    #[serde(default)]
    tags: String,
}

impl Draft {
    /// Validates the draft before it is written. Every tag must be valid for a page, so that the change can be purged.
    fn checked(self) -> Result<Self> {
        if self.title.trim().is_empty() {
            return Err(ErrorBadRequest("A post needs a title.\n"));
        }
        if split(&self.tags).iter().any(|tag| tag.len() > 100 || tag.contains(char::is_control)) {
            return Err(ErrorBadRequest("A tag has at most 100 bytes and no control characters.\n"));
        }
        Ok(self)
    }
}

fn split(tags: &str) -> BTreeSet<String> {
    tags.split(',').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned).collect()
}

/// Opens an empty in-memory database.
pub(crate) fn open() -> rusqlite::Result<web::Data<Db>> {
    let db = Connection::open_in_memory()?;
    // With AUTOINCREMENT, the ID of a deleted post is not used again.
    db.execute_batch(
        "PRAGMA foreign_keys = ON;
        CREATE TABLE posts (
            id INTEGER PRIMARY KEY AUTOINCREMENT, title TEXT NOT NULL, body TEXT NOT NULL,
            changed TEXT NOT NULL DEFAULT (strftime('%Y-%m-%dT%H:%M:%SZ'))
        );
        CREATE TABLE tags (
            post INTEGER NOT NULL REFERENCES posts ON DELETE CASCADE, tag TEXT NOT NULL, PRIMARY KEY (post, tag)
        );
        CREATE INDEX by_tag ON tags (tag);",
    )?;
    Ok(web::Data::new(Db(Mutex::new(db))))
}

/// Runs a transaction on a thread that may block, and commits it if it succeeds.
async fn query<T: Send + 'static>(
    db: &web::Data<Db>,
    run: impl FnOnce(&Connection) -> rusqlite::Result<T> + Send + 'static,
) -> Result<T> {
    let db = db.clone();
    let result = web::block(move || {
        let mut db = db.0.lock().unwrap_or_else(PoisonError::into_inner);
        let transaction = db.transaction()?;
        let rows = run(&transaction)?;
        transaction.commit()?;
        Ok(rows)
    });
    result.await?.map_err(|error: rusqlite::Error| ErrorInternalServerError(error))
}

fn select(db: &Connection, condition: &str, parameters: impl Params) -> rusqlite::Result<Vec<Post>> {
    let mut statement = db.prepare(&format!(
        "SELECT id, title, body, changed, (SELECT group_concat(tag) FROM tags WHERE post = id) \
         FROM posts {condition} ORDER BY id DESC"
    ))?;
    let posts = statement.query_map(parameters, |row| {
        let tags = row.get::<_, Option<String>>(4)?.unwrap_or_default();
        let (id, title, body, changed) = (row.get(0)?, row.get(1)?, row.get(2)?, row.get(3)?);
        Ok(Post { id, title, body, changed, tags: split(&tags) })
    })?;
    posts.collect()
}

/// Returns the ID of the new post and its tags.
fn insert(db: &Connection, draft: &Draft) -> rusqlite::Result<(i64, BTreeSet<String>)> {
    db.execute("INSERT INTO posts (title, body) VALUES (?1, ?2)", [&draft.title, &draft.body])?;
    let id = db.last_insert_rowid();
    insert_tags(db, id, &split(&draft.tags))?;
    Ok((id, split(&draft.tags)))
}

/// Returns the tags that the post had before or has now, whose pages have changed, or `None` if there is no such post.
fn update(db: &Connection, id: i64, draft: &Draft) -> rusqlite::Result<Option<BTreeSet<String>>> {
    let Some(old) = select(db, "WHERE id = ?1", [id])?.pop() else { return Ok(None) };
    db.execute(
        "UPDATE posts SET title = ?2, body = ?3, changed = strftime('%Y-%m-%dT%H:%M:%SZ') WHERE id = ?1",
        (id, &draft.title, &draft.body),
    )?;
    db.execute("DELETE FROM tags WHERE post = ?1", [id])?;
    insert_tags(db, id, &split(&draft.tags))?;
    Ok(Some(&old.tags | &split(&draft.tags)))
}

/// Returns the tags that the post had, or `None` if there was no such post.
fn remove(db: &Connection, id: i64) -> rusqlite::Result<Option<BTreeSet<String>>> {
    let old = select(db, "WHERE id = ?1", [id])?.pop();
    db.execute("DELETE FROM posts WHERE id = ?1", [id])?;
    Ok(old.map(|old| old.tags))
}

fn insert_tags(db: &Connection, id: i64, tags: &BTreeSet<String>) -> rusqlite::Result<()> {
    for tag in tags {
        db.execute("INSERT INTO tags (post, tag) VALUES (?1, ?2)", (id, tag))?;
    }
    Ok(())
}

fn page(title: &str, content: &str) -> Html {
    let title = escape(title);
    Html::new(format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<link rel=\"alternate\" type=\"application/atom+xml\" href=\"/feed.xml\">\n\
         <style>body {{ max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif }} \
         .body {{ white-space: pre-wrap }}</style>\n\
         <nav><a href=\"/\">All posts</a> <a href=\"/about\">About</a> <a href=\"/feed.xml\">Feed</a></nav>\n\
         <h1>{title}</h1>\n{content}\n"
    ))
}

fn list(posts: &[Post]) -> String {
    let item = |post: &Post| {
        let (id, title, tags) = (post.id, escape(&post.title), links(&post.tags));
        format!("<li><a href=\"/posts/{id}\">{title}</a> {tags}\n")
    };
    if posts.is_empty() {
        return "<p>None.</p>\n".to_owned();
    }
    format!("<ul>\n{}</ul>\n", posts.iter().map(item).collect::<String>())
}

fn links(tags: &BTreeSet<String>) -> String {
    let link = |tag: &String| format!("<a href=\"/tags/{}\">#{}</a>", percent_encode(tag), escape(tag));
    tags.iter().map(link).collect::<Vec<_>>().join(" ")
}

/// Escapes text for HTML and XML content and attribute values.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        match c {
            '&' | '<' | '>' | '"' | '\'' => escaped += &format!("&#{};", u32::from(c)),
            '\t' | '\n' | '\r' | ' '..='\u{fffd}' | '\u{10000}'.. => escaped.push(c),
            // XML cannot represent the others.
            _ => {}
        }
    }
    escaped
}

/// Encodes a tag for use in a URL path.
fn percent_encode(tag: &str) -> String {
    let encode = |byte| match byte {
        b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
        _ => format!("%{byte:02X}"),
    };
    tag.bytes().map(encode).collect()
}

pub(crate) fn configure(config: &mut web::ServiceConfig) {
    config.service((index, show, tagged, feed, about, create, edit, delete));
}

#[actix_web::main]
async fn main() -> ExitCode {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:8080".to_owned());
    let Err(error) = serve(&address).await else { return ExitCode::SUCCESS };
    eprintln!("blog: {error}");
    ExitCode::FAILURE
}

async fn serve(address: &str) -> Result<(), String> {
    let db = open().map_err(|error| format!("cannot open the database: {error}"))?;
    let server = HttpServer::new(move || App::new().app_data(db.clone()).configure(configure)).workers(2);
    let server = server.bind(address).map_err(|error| format!("cannot listen on {address}: {error}"))?;
    for address in server.addrs() {
        println!("A blog on http://{address} with two workers. Write a post, then request each page twice:");
        println!();
        println!("    curl -i http://{address}/posts -d title=Hello -d body=World -d tags=first,short");
        println!("    curl -i http://{address}/");
        println!("    curl -i http://{address}/tags/short");
        println!("    curl -i http://{address}/about");
        println!();
        println!("Change or delete the post. The pages that show it are misses, /about is still a hit:");
        println!();
        println!("    curl -i http://{address}/posts/1 -d title=Goodbye -d body=World -d tags=last,short");
        println!("    curl -i http://{address}/posts/1/delete -X POST");
        println!();
    }
    server.run().await.map_err(|error| error.to_string())
}
