//! Purges by another process of a page that is being generated.

use std::time::Duration;

use super::{ADDED_TAGS, POST, Purge, site};
use crate::{
    remote::backend::{Backend, MemoryStore, Method},
    support::{Crowd, TestApp, TestAppBuilder, until},
};

/// Starts a process that shares pages with the others of the backend.
async fn process(app: TestAppBuilder, backend: &Backend) -> (TestApp, MemoryStore) {
    let store = backend.store();
    let remote = store.clone();
    let options = |cache: cache_page::PageCacheBuilder| {
        let patient = cache.remote_timeout(Duration::from_secs(20)).max_purge_lag(Duration::from_secs(600));
        patient.remote_store(remote)
    };
    let app = app.cache(options).start().await;
    let cache = app.cache().clone();
    until("the process reaches the store", || cache.stats().remote().is_some_and(|it| it.is_available)).await;
    (app, store)
}

/// Waits until the process has received all purges up to now.
async fn receive_purges(store: &MemoryStore) {
    let polls = store.calls(Method::PollChanges);
    // A poll that is running may have read the changes before; the one behind it starts when they are applied.
    until("the process receives the purges", || store.calls(Method::PollChanges) >= polls + 2).await;
}

/// Purges the page in one process while a run of another one waits, and returns what requests get that arrive after it.
async fn bodies_after(purge: Purge, name: &str) -> Vec<String> {
    let backend = Backend::default();
    let (purging, _) = process(site(), &backend).await;
    let (filling, store) = process(site().share_handler(&purging), &backend).await;
    filling.pause();
    let before = Crowd::send(filling.get(POST).times(2)).await;
    until("the run waits", || filling.waiting() == [1]).await;
    purge(purging.cache()).await.unwrap();
    receive_purges(&store).await;
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
