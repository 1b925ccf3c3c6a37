//! Purges by another process of a page that is being generated.

use super::{ADDED_TAGS, POST, Purge, site};
use crate::support::{Backend, Crowd, TestApp, TestAppBuilder, until};

async fn connect(process: TestAppBuilder) -> TestApp {
    let app = process.start().await;
    app.wait_available().await;
    app
}

/// Purges the page in one process while a run of another one waits, and returns what requests get that arrive after it.
async fn bodies_after(purge: Purge, name: &str) -> Vec<String> {
    let backend = Backend::new();
    let purging = connect(site().remote(&backend)).await;
    let filling = connect(site().share_handler(&purging).remote(&backend)).await;
    filling.pause();
    let before = Crowd::send(filling.get(POST).times(2)).await;
    until("the run waits", || filling.waiting() == [1]).await;
    purge(purging.cache()).await.unwrap();
    filling.receive_purges().await;
    let after = Crowd::send(filling.get(POST).times(3).into_iter().chain([purging.get(POST)])).await;
    filling.resume().await;
    for response in before.responses().await {
        assert_eq!((response.status, response.text()), (200, "page 1"), "{name}: {response:?}");
    }
    let mut bodies = Vec::new();
    for response in after.responses().await {
        bodies.push(response.text().to_owned());
    }
    for app in [filling, purging] {
        bodies.push(app.get(POST).await.text().to_owned());
    }
    bodies
}

#[actix_web::test]
async fn followers_after_a_remote_purge_of_a_late_tag_get_a_new_page() {
    for (name, purge) in ADDED_TAGS {
        let bodies = bodies_after(purge, name).await;
        assert!(!bodies.contains(&"page 1".to_owned()), "{name}: {bodies:?}");
    }
}
