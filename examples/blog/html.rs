//! The HTML of the pages.

use std::collections::BTreeSet;

use actix_web::{
    HttpResponse,
    http::header::{CACHE_CONTROL, ContentType},
};

use super::{login::User, posts::Post};

/// A page for a visitor who is not logged in, or for a user.
pub(crate) fn page(user: Option<&User>, title: &str, content: &str) -> HttpResponse {
    let title = escape(title);
    let mut response = HttpResponse::Ok();
    response.content_type(ContentType::html());
    if user.is_some() {
        // The cache does not store it in any case. With this, the browser's Back button does not show it after a log-out.
        response.insert_header((CACHE_CONTROL, "no-store"));
    }
    let account = match user {
        None => "<a href=\"/login\">Log in</a>".to_owned(),
        Some(user) => {
            let log_out = button("/logout", "Log out", user);
            format!("<a href=\"/posts/new\">New post</a> {} {log_out}", escape(&user.name))
        }
    };
    response.body(format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n<link rel=\"alternate\" type=\"application/atom+xml\" href=\"/feed.xml\">\n\
         <style>body {{ max-width: 40rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif }} \
         .body {{ white-space: pre-wrap }} form {{ display: inline }} label {{ display: block }}</style>\n\
         <nav><a href=\"/\">All posts</a> <a href=\"/about\">About</a> <a href=\"/feed.xml\">Feed</a> {account}</nav>\n\
         <h1>{title}</h1>\n{content}\n"
    ))
}

pub(crate) fn list(posts: &[Post]) -> String {
    let item = |post: &Post| {
        let (id, title, tags) = (post.id, escape(&post.title), links(&post.tags));
        format!("<li><a href=\"/posts/{id}\">{title}</a> {tags}\n")
    };
    if posts.is_empty() {
        return "<p>None.</p>\n".to_owned();
    }
    format!("<ul>\n{}</ul>\n", posts.iter().map(item).collect::<String>())
}

pub(crate) fn links(tags: &BTreeSet<String>) -> String {
    let link = |tag: &String| format!("<a href=\"/tags/{}\">#{}</a>", percent_encode(tag), escape(tag));
    tags.iter().map(link).collect::<Vec<_>>().join(" ")
}

/// The form of a new post, or of one that is changed.
pub(crate) fn editor(path: &str, post: Option<&Post>, user: &User) -> String {
    let (title, body) = post.map_or(("", ""), |post| (&post.title, &post.body));
    let tags: Vec<&str> = post.iter().flat_map(|post| &post.tags).map(String::as_str).collect();
    let (title, body, tags) = (escape(title), escape(body), escape(&tags.join(", ")));
    let fields = format!(
        "<label>Title <input name=\"title\" value=\"{title}\"></label>\
         <label>Text <textarea name=\"body\">{body}</textarea></label>\
         <label>Tags <input name=\"tags\" value=\"{tags}\"></label>"
    );
    form(path, &fields, "Save", &user.csrf)
}

/// A form that has only a button.
pub(crate) fn button(path: &str, text: &str, user: &User) -> String {
    form(path, "", text, &user.csrf)
}

/// A form with the token of the session that it is sent in.
pub(crate) fn form(path: &str, fields: &str, button: &str, csrf: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{path}\"><input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">{fields}\
         <button>{button}</button></form>"
    )
}

/// Escapes text for HTML and XML content and attribute values.
pub(crate) fn escape(text: &str) -> String {
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
