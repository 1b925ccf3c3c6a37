//! Leaders that take too long, and followers that wait for too long.

use std::time::Duration;

use cache_page::Outcome;

use super::{bodies, paused};
use crate::support::{Crowd, settle};

#[actix_web::test]
async fn second_run_starts_after_the_fill_timeout_of_the_first() {
    let app = paused()
        .cache(|cache| cache.fill_timeout(Duration::from_secs(2)).coalesce_timeout(Duration::from_secs(60)))
        .start()
        .await;
    let crowd = Crowd::send(app.get("/").times(6)).await;
    for (milliseconds, runs) in [(1999, 1), (1, 2), (1999, 2)] {
        app.advance_by(Duration::from_millis(milliseconds));
        settle().await;
        assert_eq!(app.waiting().len(), runs);
    }
    // The first run ends first after all: its response is for all followers.
    app.finish(1).await;
    assert_eq!(crowd.answered(), 5);
    app.finish(1).await;
    assert_eq!(bodies(&crowd.responses().await), ["page 1", "page 2"].into());
    assert_eq!((app.runs(), app.count(Outcome::Collapsed)), (2, 4));
}

#[actix_web::test]
async fn follower_runs_the_handler_after_the_coalesce_timeout() {
    let app = paused().start().await;
    let early = Crowd::send(app.get("/").times(3)).await;
    app.advance(4);
    let late = Crowd::send(app.get("/").times(3)).await;
    assert_eq!(app.waiting().len(), 1);
    app.advance(1);
    settle().await;
    assert_eq!(app.waiting().len(), 3, "two followers have waited for five seconds");
    // Whichever run ends first, its response is for those that still wait.
    app.finish(1).await;
    assert_eq!((early.answered(), late.answered()), (1, 3));
    app.finish(2).await;
    late.responses().await[0].assert_collapsed().assert_fwd("miss").assert_ttl(60);
    for response in early.responses().await {
        response.assert_stored();
    }
}
