//! Handlers that share a URL have pages of their own.

use actix_web::{guard, web};
use cache_page::cache_page;

use crate::support::TestApp;

#[actix_web::test]
async fn handlers_that_a_guard_selects_have_their_own_pages() {
    #[cache_page(60)]
    async fn html() -> &'static str {
        "html"
    }
    #[cache_page(60)]
    async fn json() -> &'static str {
        "json"
    }
    #[cache_page(60, key_prefix = "json")]
    async fn prefixed() -> &'static str {
        "prefixed"
    }
    let app = TestApp::builder()
        .configure(|config| {
            let accepts = |value| web::get().guard(guard::Header("accept", value));
            config
                .route("/", accepts("application/json").to(json))
                .route("/", accepts("prefixed").to(prefixed))
                .route("/", web::get().to(html));
        })
        .start()
        .await;
    for _ in 0..2 {
        for (accept, body) in [("application/json", "json"), ("prefixed", "prefixed"), ("text/html", "html")]
        {
            app.get("/").header("accept", accept).await.assert_body(body);
        }
    }
}

/// Checks that two Apps with one cache and one URL have their own pages.
async fn assert_own_pages(one: &TestApp, two: &TestApp) {
    for _ in 0..2 {
        one.get("/").await.assert_body("one");
        two.get("/").await.assert_body("two");
    }
}

#[actix_web::test]
async fn handlers_of_one_name_and_path_have_their_own_pages() {
    let one = {
        #[cache_page(60)]
        async fn page() -> &'static str {
            "one"
        }
        TestApp::builder().route("/", page).start().await
    };
    let two = {
        #[cache_page(60)]
        async fn page() -> &'static str {
            "two"
        }
        TestApp::builder().share_cache(&one).route("/", page).start().await
    };
    assert_own_pages(&one, &two).await;
}

trait Name {
    const NAME: &'static str;
}

#[cache_page(60)]
async fn named<N: Name>() -> &'static str {
    N::NAME
}

/// Even the names of the two types are the same.
#[actix_web::test]
async fn instantiations_of_a_generic_handler_have_their_own_pages() {
    let one = {
        struct Type;
        impl Name for Type {
            const NAME: &'static str = "one";
        }
        TestApp::builder().route("/", named::<Type>).start().await
    };
    let two = {
        struct Type;
        impl Name for Type {
            const NAME: &'static str = "two";
        }
        TestApp::builder().share_cache(&one).route("/", named::<Type>).start().await
    };
    assert_own_pages(&one, &two).await;
}
