//! The pages. Visitors who are not logged in share them; users get their own, which are not stored.

use actix_web::{Error, HttpResponse, Responder, Result, error::ErrorNotFound, get, web};
use cache_page::{PageControl, cache_page};

use super::{
    html::{button, editor, escape, links, list, page},
    login::User,
    posts::{Db, Post, query, select},
};

#[get("/")]
#[cache_page(300, tags = ["posts"])]
pub(crate) async fn index(#[anonymous] user: Option<User>, db: web::Data<Db>) -> Result<impl Responder> {
    let posts = query(&db, |db| select(db, "", ())).await?;
    Ok(page(user.as_ref(), "All posts", &list(&posts)))
}

// The pattern allows one spelling of each number: the page of `/posts/01` would have the tag `post:01`, not `post:1`.
#[get("/posts/{id:[1-9][0-9]*}")]
#[cache_page(300, tags = ["post:{id}"])]
pub(crate) async fn show(
    #[anonymous] user: Option<User>,
    id: web::Path<i64>,
    db: web::Data<Db>,
) -> Result<impl Responder> {
    let id = id.into_inner();
    let post = query(&db, move |db| select(db, "WHERE id = ?1", [id])).await?.pop();
    // An error is not stored.
    let post = post.ok_or_else(not_found)?;
    let (body, tags) = (escape(&post.body), links(&post.tags));
    let actions = user.as_ref().map_or(String::new(), |user| {
        let delete = button(&format!("/posts/{id}/delete"), "Delete", user);
        format!("<div><a href=\"/posts/{id}/edit\">Edit</a> {delete}</div>")
    });
    Ok(page(user.as_ref(), &post.title, &format!("<p class=\"body\">{body}</p>\n<p>{tags}</p>\n{actions}")))
}

#[get("/tags/{tag}")]
#[cache_page(300, tags = ["tag:{tag}"])]
pub(crate) async fn tagged(
    #[anonymous] user: Option<User>,
    tag: web::Path<String>,
    db: web::Data<Db>,
) -> Result<impl Responder> {
    let name = tag.clone();
    let posts =
        query(&db, move |db| select(db, "WHERE id IN (SELECT post FROM tags WHERE tag = ?1)", [name]))
            .await?;
    if posts.is_empty() {
        return Err(ErrorNotFound("No post has this tag.\n"));
    }
    Ok(page(user.as_ref(), &format!("Posts about {tag}"), &list(&posts)))
}

#[get("/feed.xml")]
#[cache_page(300, tags = ["posts"])]
pub(crate) async fn feed(db: web::Data<Db>, control: PageControl) -> Result<impl Responder> {
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
pub(crate) async fn about(#[anonymous] user: Option<User>) -> impl Responder {
    page(user.as_ref(), "About", "<p>A blog whose pages are cached until they change.</p>")
}

/// Is for users alone, and so has no attribute.
#[get("/posts/new")]
pub(crate) async fn new(user: User) -> impl Responder {
    page(Some(&user), "New post", &editor("/posts", None, &user))
}

#[get("/posts/{id:[1-9][0-9]*}/edit")]
pub(crate) async fn edit(user: User, id: web::Path<i64>, db: web::Data<Db>) -> Result<impl Responder> {
    let id = id.into_inner();
    let post = query(&db, move |db| select(db, "WHERE id = ?1", [id])).await?.pop().ok_or_else(not_found)?;
    Ok(page(Some(&user), "Edit", &editor(&format!("/posts/{id}"), Some(&post), &user)))
}

pub(crate) fn not_found() -> Error {
    ErrorNotFound("There is no such post.\n")
}
