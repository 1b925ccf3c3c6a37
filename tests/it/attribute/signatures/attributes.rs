//! Other attributes on the handler, in it and around it.

in_both_orders! {
    mod doc_comment("/", "/") => (200, "run 1");
    /// Shows all posts.
    ///
    /// A second paragraph with `code`.
    async fn page() -> String {
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod public_visibility("/", "/") => (200, "run 1");
    // The user made it `pub` although nothing outside reaches it.
    #[allow(unreachable_pub)]
    pub async fn page() -> String {
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod crate_visibility("/", "/") => (200, "run 1");
    pub(crate) async fn page() -> String {
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod expect_attribute("/", "/") => (200, "run 1");
    #[expect(deprecated, reason = "there is no other")]
    async fn page() -> String {
        format!("run {}", old(count_run()))
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
        format!("run {}", old(count_run()))
    }
    use actix_web::web::Path;

    #[deprecated]
    fn old(run: u32) -> u32 {
        run
    }
}

in_both_orders! {
    mod cfg_attributes("/", "/") => (200, "run 1");
    #[cfg(true)]
    #[cfg_attr(false, no_such_attribute)]
    #[cfg_attr(true, allow(unused_variables))]
    async fn page() -> String {
        let unused = 1;
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod compiler_hints("/", "/") => (200, "run 1");
    #[must_use]
    #[inline]
    #[cold]
    async fn page() -> String {
        format!("run {}", count_run())
    }
}

in_both_orders! {
    mod attributes_in_the_body("/", "/") => (200, "run 1");
    async fn page() -> String {
        #[allow(unused_variables)]
        let unused = 1;
        #[cfg(false)]
        {
            return String::new();
        }
        format!("run {}", count_run())
    }
}

/// Attributes above both attributes, and between them.
mod attributes_above_and_between {
    use actix_web::get;
    use cache_page::cache_page;

    use crate::attribute::signatures::count_run;

    /// Above.
    #[expect(deprecated)]
    #[cache_page(60)]
    /// Between.
    #[must_use]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", old(count_run()))
    }

    /// Above.
    #[expect(deprecated)]
    #[get("/")]
    /// Between.
    #[must_use]
    #[cache_page(60)]
    async fn below() -> String {
        format!("run {}", old(count_run()))
    }

    #[deprecated]
    fn old(run: u32) -> u32 {
        run
    }

    cached! {
        above_route_is_cached: above, "/" => "run 1";
        below_route_is_cached: below, "/" => "run 1";
    }
}

/// Deprecated handlers.
// The route attribute uses the first two, and the test the third one.
#[allow(deprecated)]
mod deprecated {
    use actix_web::{get, web};
    use cache_page::cache_page;

    use crate::attribute::signatures::count_run;

    #[deprecated]
    #[cache_page(60)]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", count_run())
    }

    #[get("/")]
    #[cache_page(60)]
    #[deprecated = "use another one"]
    async fn below() -> String {
        format!("run {}", count_run())
    }

    #[deprecated(note = "use another one")]
    #[cache_page(60)]
    async fn by_hand() -> String {
        format!("run {}", count_run())
    }

    cached! {
        above_route_is_cached: above, "/" => "run 1";
        below_route_is_cached: below, "/" => "run 1";
        without_route_attribute_is_cached: web::resource("/").get(by_hand), "/" => "run 1";
    }
}

/// `#[cache_page]` in a `cfg_attr`.
mod cfg_attr {
    use actix_web::get;
    use cache_page::cache_page;

    use crate::attribute::signatures::count_run;

    #[cfg_attr(true, cache_page(60))]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", count_run())
    }

    #[get("/")]
    #[cfg_attr(true, cache_page(60))]
    async fn below() -> String {
        format!("run {}", count_run())
    }

    // If anything of it were left, it would not compile.
    #[cache_page(NO_SUCH_TTL, no_such_option)]
    #[get("/")]
    #[cfg(false)]
    async fn absent() -> NoSuchType {}

    cached! {
        above_route_is_cached: above, "/" => "run 1";
        below_route_is_cached: below, "/" => "run 1";
    }
}

/// Handlers that the user's macro makes from fragments, with local variables of its own.
mod made_by_a_macro {
    use actix_web::web;

    use crate::attribute::signatures::count_run;

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
            format!("{id}, run {}", count_run())
        }

        #[actix_web::get("/{id}")]
        #[cache_page::cache_page(60)]
        pub(super) below(id: web::Path<u32>, mut uri) -> Result<String, actix_web::Error> {
            format!("{id} {}, run {}", std::mem::take(&mut uri), count_run())
        }
    }

    cached! {
        above_route_is_cached: above, "/7" => "7, run 1 1";
        below_route_is_cached: below, "/7" => "7 /7, run 1 1";
    }
}

/// The attribute imported under another name.
mod renamed_import {
    use actix_web::get;
    use cache_page::cache_page as cached_for;

    use crate::attribute::signatures::count_run;

    #[cached_for(60)]
    #[get("/")]
    async fn above() -> String {
        format!("run {}", count_run())
    }

    #[get("/")]
    #[cached_for(60)]
    async fn below() -> String {
        format!("run {}", count_run())
    }

    cached! {
        above_route_is_cached: above, "/" => "run 1";
        below_route_is_cached: below, "/" => "run 1";
    }
}
