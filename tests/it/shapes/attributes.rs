//! What else stands on the handler, in it, or around it.

in_both_orders! {
    mod documented("/", "/") => (200, "run 1");
    /// The page of all posts.
    ///
    /// In two paragraphs, with `code` in it.
    async fn page() -> String {
        format!("run {}", run())
    }
}

in_both_orders! {
    mod public("/", "/") => (200, "run 1");
    // The user's own: nothing in a test is reached from outside.
    #[allow(unreachable_pub)]
    pub async fn page() -> String {
        format!("run {}", run())
    }
}

in_both_orders! {
    mod public_in_the_crate("/", "/") => (200, "run 1");
    pub(crate) async fn page() -> String {
        format!("run {}", run())
    }
}

in_both_orders! {
    mod expecting_a_lint("/", "/") => (200, "run 1");
    #[expect(deprecated, reason = "it is all there is")]
    async fn page() -> String {
        format!("run {}", old(run()))
    }

    #[deprecated]
    fn old(run: u32) -> u32 {
        run
    }
}

in_both_orders! {
    mod inner_attribute("/{id}", "/7") => (200, "run 1");
    async fn page(id: Path<u32>) -> String {
        #![allow(unused_variables)]
        #![expect(deprecated)]
        format!("run {}", old(run()))
    }
    use actix_web::web::Path;

    #[deprecated]
    fn old(run: u32) -> u32 {
        run
    }
}

in_both_orders! {
    mod conditional("/", "/") => (200, "run 1");
    #[cfg(true)]
    #[cfg_attr(false, no_such_attribute)]
    #[cfg_attr(true, allow(unused_variables))]
    async fn page() -> String {
        let unused = 1;
        format!("run {}", run())
    }
}

in_both_orders! {
    mod hints("/", "/") => (200, "run 1");
    #[must_use]
    #[inline]
    #[cold]
    async fn page() -> String {
        format!("run {}", run())
    }
}

in_both_orders! {
    mod body_with_attributes("/", "/") => (200, "run 1");
    async fn page() -> String {
        #[allow(unused_variables)]
        let unused = 1;
        #[cfg(false)]
        {
            return String::new();
        }
        format!("run {}", run())
    }
}

/// Attributes above both, and between them.
mod around {
    use actix_web::get;
    use cache_page::cache_page;

    use crate::shapes::{kept, run};

    /// Above.
    #[expect(deprecated)]
    #[cache_page(60)]
    /// Between.
    #[must_use]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", old(run()))
    }

    /// Above.
    #[expect(deprecated)]
    #[get("/")]
    /// Between.
    #[must_use]
    #[cache_page(60)]
    async fn below() -> String {
        format!("run {}", old(run()))
    }

    #[deprecated]
    fn old(run: u32) -> u32 {
        run
    }

    #[actix_web::test]
    async fn is_kept() {
        assert_eq!(kept(above, "/").await.text(), "run 1");
        assert_eq!(kept(below, "/").await.text(), "run 1");
    }
}

/// Handlers that are deprecated themselves.
// It is the route attribute that uses them, and a test that registers one by hand.
#[allow(deprecated)]
mod deprecated {
    use actix_web::{get, web};
    use cache_page::cache_page;

    use crate::shapes::{kept, run};

    #[deprecated]
    #[cache_page(60)]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", run())
    }

    #[get("/")]
    #[cache_page(60)]
    #[deprecated = "ask for another"]
    async fn below() -> String {
        format!("run {}", run())
    }

    #[deprecated(note = "ask for another")]
    #[cache_page(60)]
    async fn by_hand() -> String {
        format!("run {}", run())
    }

    #[actix_web::test]
    async fn is_kept() {
        assert_eq!(kept(above, "/").await.text(), "run 1");
        assert_eq!(kept(below, "/").await.text(), "run 1");
        assert_eq!(kept(web::resource("/").get(by_hand), "/").await.text(), "run 1");
    }
}

/// The attribute itself under a condition.
mod conditionally_cached {
    use actix_web::get;
    use cache_page::cache_page;

    use crate::shapes::{kept, run};

    #[cfg_attr(true, cache_page(60))]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", run())
    }

    #[get("/")]
    #[cfg_attr(true, cache_page(60))]
    async fn below() -> String {
        format!("run {}", run())
    }

    // Nothing is left of it, or it would not compile.
    #[cache_page(NoSuchTime, no_such_option)]
    #[get("/")]
    #[cfg(false)]
    async fn absent() -> NoSuchType {}

    #[actix_web::test]
    async fn is_kept() {
        assert_eq!(kept(above, "/").await.text(), "run 1");
        assert_eq!(kept(below, "/").await.text(), "run 1");
    }
}

/// A handler that a macro of the user's writes, from fragments and with names of its own.
mod written_by_a_macro {
    use actix_web::web;

    use crate::shapes::{kept, run};

    macro_rules! handlers {
        ($(
            $(#[$attribute:meta])*
            $visibility:vis $name:ident($argument:ident: $type:ty, $pattern:pat) -> $output:ty $body:block
        )*) => {$(
            $(#[$attribute])*
            $visibility async fn $name($argument: $type, $pattern: actix_web::http::Uri) -> $output {
                let __page = 1;
                let local = $body;
                Ok(format!("{local} {__page}"))
            }
        )*};
    }

    handlers! {
        /// Above.
        #[cache_page::cache_page(60, name = "above", key_prefix = "v1")]
        #[actix_web::get("/{id}")]
        above(id: web::Path<u32>, _) -> actix_web::Result<impl actix_web::Responder> {
            format!("{id}, run {}", run())
        }

        #[actix_web::get("/{id}")]
        #[cache_page::cache_page(60)]
        pub(super) below(id: web::Path<u32>, mut uri) -> Result<String, actix_web::Error> {
            format!("{id} {}, run {}", std::mem::take(&mut uri), run())
        }
    }

    #[actix_web::test]
    async fn is_kept() {
        assert_eq!(kept(above, "/7").await.text(), "7, run 1 1");
        assert_eq!(kept(below, "/7").await.text(), "7 /7, run 1 1");
    }
}

/// The attribute under another name.
mod renamed {
    use actix_web::get;
    use cache_page::cache_page as page_for;

    use crate::shapes::{kept, run};

    #[page_for(60)]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", run())
    }

    #[get("/")]
    #[page_for(60)]
    async fn below() -> String {
        format!("run {}", run())
    }

    #[actix_web::test]
    async fn is_kept() {
        assert_eq!(kept(above, "/").await.text(), "run 1");
        assert_eq!(kept(below, "/").await.text(), "run 1");
    }
}
