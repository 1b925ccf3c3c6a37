//! HTML templates.

use pulldown_cmark::{Event, Options, Parser};

pub(crate) fn document(title: &str, body: &str) -> String {
    let title = escape(title);
    format!(
        "<!doctype html>\n<meta charset=\"utf-8\">\n<meta name=\"viewport\" content=\"width=device-width\">\n\
         <title>{title}</title>\n\
         <style>body {{ max-width: 50rem; margin: 2rem auto; padding: 0 1rem; font-family: sans-serif }} \
         pre {{ overflow-x: auto }} table {{ border-collapse: collapse }} td, th {{ border: 1px solid; padding: .3rem }}</style>\n\
         <nav><a href=\"/\">All pages</a> <form action=\"/search\"><input name=\"q\"><button>Search</button></form></nav>\n\
         <h1>{title}</h1>\n{body}\n"
    )
}

pub(crate) fn links<'p>(paths: impl Iterator<Item = &'p str>) -> String {
    let item = |path| format!("<li><a href=\"/page/{}\">{}</a>\n", percent_encode(path), escape(path));
    let items: String = paths.map(item).collect();
    if items.is_empty() { "<p>None.</p>".to_owned() } else { format!("<ul>\n{items}</ul>") }
}

pub(crate) fn from_markdown(text: &str) -> String {
    let events = Parser::new_ext(text, Options::ENABLE_TABLES).map(|event| match event {
        // HTML in the Markdown is shown as text, so that its authors cannot add scripts.
        Event::Html(html) | Event::InlineHtml(html) => Event::Text(html),
        other => other,
    });
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events);
    html
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

/// Encodes a path for use in a URL.
fn percent_encode(path: &str) -> String {
    path.bytes()
        .map(|byte| match byte {
            b'/' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ if byte.is_ascii_alphanumeric() => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
