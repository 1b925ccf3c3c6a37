//! The posts, in an `SQLite` database.

use std::{
    collections::BTreeSet,
    sync::{Mutex, PoisonError},
};

use actix_web::{
    Result,
    error::{ErrorBadRequest, ErrorInternalServerError},
    web,
};
use rusqlite::{Connection, Params};
use serde::Deserialize;

pub(crate) struct Db(Mutex<Connection>);

pub(crate) struct Post {
    pub(crate) id: i64,
    pub(crate) title: String,
    pub(crate) body: String,
    pub(crate) changed: String,
    pub(crate) tags: BTreeSet<String>,
}

/// The form of a new or changed post.
#[derive(Deserialize)]
pub(crate) struct Draft {
    title: String,
    body: String,
    /// Separated by commas.
    #[serde(default)]
    tags: String,
    #[serde(default)]
    pub(crate) csrf: String,
}

impl Draft {
    /// Validates the draft before it is written. Every tag must be valid for a page, so that the change can be purged.
    pub(crate) fn checked(self) -> Result<Self> {
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
pub(crate) async fn query<T: Send + 'static>(
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

pub(crate) fn select(
    db: &Connection,
    condition: &str,
    parameters: impl Params,
) -> rusqlite::Result<Vec<Post>> {
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
pub(crate) fn insert(db: &Connection, draft: &Draft) -> rusqlite::Result<(i64, BTreeSet<String>)> {
    db.execute("INSERT INTO posts (title, body) VALUES (?1, ?2)", [&draft.title, &draft.body])?;
    let id = db.last_insert_rowid();
    insert_tags(db, id, &split(&draft.tags))?;
    Ok((id, split(&draft.tags)))
}

/// Returns the tags that the post had before or has now, whose pages have changed, or `None` if there is no such post.
pub(crate) fn update(db: &Connection, id: i64, draft: &Draft) -> rusqlite::Result<Option<BTreeSet<String>>> {
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
pub(crate) fn remove(db: &Connection, id: i64) -> rusqlite::Result<Option<BTreeSet<String>>> {
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
