//! The URLs of a sitemap (sitemaps.org).

use std::borrow::Cow;

/// The largest number of URLs that one sitemap may have.
pub(super) const MAX_URLS: usize = 50_000;
/// The largest size of a sitemap in bytes.
pub(super) const MAX_BYTES: usize = 50 * 1024 * 1024;

/// What a sitemap lists.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Sitemap {
    /// Pages.
    Pages(Vec<String>),
    /// Other sitemaps.
    Index(Vec<String>),
}

impl Sitemap {
    /// Reads the content of all `<loc>` elements.
    pub(super) fn parse(xml: &str) -> Self {
        let urls = elements(xml).take(MAX_URLS).collect();
        if xml.contains("<sitemapindex") { Self::Index(urls) } else { Self::Pages(urls) }
    }
}

fn elements(xml: &str) -> impl Iterator<Item = String> {
    // Elements of other namespaces, such as `<image:loc>`, are those of images and videos.
    xml.split("<loc>").skip(1).filter_map(|rest| {
        let content = rest.split_once("</loc>")?.0.trim();
        let text = content.strip_prefix("<![CDATA[").and_then(|text| text.strip_suffix("]]>"));
        Some(text.map_or_else(|| unescape(content).into_owned(), str::to_owned))
    })
}

/// Replaces the five entities of XML, which are the ones that a sitemap may have.
fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('&') {
        return Cow::Borrowed(text);
    }
    let entities = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Cow::Owned(
        entities.iter().fold(text.to_owned(), |text, (entity, character)| text.replace(entity, character)),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_of_a_sitemap_are_its_locations() {
        let xml = "<?xml version=\"1.0\"?><urlset xmlns=\"http://www.sitemaps.org/schemas/sitemap/0.9\">\n\
                   <url><loc>\n https://a.example/?a=1&amp;b=2 </loc><lastmod>2026-11-30</lastmod></url>\n\
                   <url><loc><![CDATA[https://a.example/?a=1&b=2]]></loc>\
                   <image:loc>https://a.example/a.png</image:loc></url>\n\
                   <url><loc>https://a.example/&amp;lt;</loc></url><url><loc>https://a.example/cut";
        let expected = ["https://a.example/?a=1&b=2", "https://a.example/?a=1&b=2", "https://a.example/&lt;"];
        assert_eq!(Sitemap::parse(xml), Sitemap::Pages(expected.map(str::to_owned).into()));
    }

    #[test]
    fn index_lists_sitemaps() {
        let xml = "<sitemapindex><sitemap><loc>https://a.example/1.xml</loc></sitemap></sitemapindex>";
        assert_eq!(Sitemap::parse(xml), Sitemap::Index(vec!["https://a.example/1.xml".to_owned()]));
        assert_eq!(Sitemap::parse("<html></html>"), Sitemap::Pages(Vec::new()));
    }

    #[test]
    fn number_of_urls_is_limited() {
        let Sitemap::Pages(urls) = Sitemap::parse(&"<loc>/</loc>".repeat(MAX_URLS + 1)) else { panic!() };
        assert_eq!(urls.len(), MAX_URLS);
    }
}
