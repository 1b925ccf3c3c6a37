//! Tags that a handler adds: a purge finds them in all processes.

use actix_web::HttpResponse;
use cache_page::Reason;

use super::{TARGETED_FIELD, page, page_with, remote_only, two_processes};
use crate::support::{Backend, Call, Method, TestApp, until};

const TAGGED: &str = "/tagged";

/// Fills the page in `one`, purges the tag in a process that has not generated it, and checks that no process has the page.
async fn assert_purged_by(tag: &str, (backend, one, other): (Backend, TestApp, TestApp)) {
    let third = remote_only("third", &backend).await;
    one.fill(one.get(TAGGED)).await.assert_no_header(TARGETED_FIELD);
    for process in [&other, &third] {
        process.get(TAGGED).await.assert_remote_hit().assert_no_header(TARGETED_FIELD);
    }
    third.cache().purge_tag(tag).await.unwrap();
    one.receive_purges().await;
    other.receive_purges().await;
    for process in [&third, &one, &other] {
        let response = process.get(TAGGED).await;
        assert_ne!(response.text(), "page 1 of one", "{tag}: {response:?}");
    }
}

#[actix_web::test]
async fn tag_from_page_control_is_purged_in_all_processes() {
    for tag in ["added", "über"] {
        let processes = two_processes().await;
        processes.1.set_handler(|call: &Call| {
            call.control().tag("added");
            call.control().tag("über");
            page("one")(call)
        });
        assert_purged_by(tag, processes).await;
    }
}

#[actix_web::test]
async fn tag_from_the_targeted_field_is_purged_in_all_processes() {
    for tag in ["by-header", "twice"] {
        let processes = two_processes().await;
        processes
            .1
            .set_handler(page_with("one", &[(TARGETED_FIELD, "tags=(\"by-header\" \"twice\" \"twice\")")]));
        assert_purged_by(tag, processes).await;
    }
}

fn long_tag(number: usize) -> String {
    format!("{number} {}", "x".repeat(200))
}

fn with_tags(number: usize) -> impl Fn(&Call) -> HttpResponse + Send + Sync {
    move |call| {
        for number in 0..number {
            call.control().tag(long_tag(number));
        }
        page("one")(call)
    }
}

#[actix_web::test]
async fn each_of_the_maximum_number_of_tags_is_purged() {
    for number in [0, 64, 127] {
        let processes = two_processes().await;
        processes.1.set_handler(with_tags(128));
        assert_purged_by(&long_tag(number), processes).await;
    }
}

#[actix_web::test]
async fn page_with_too_many_tags_is_not_stored_and_its_lease_ends() {
    let (backend, one, _) = two_processes().await;
    one.set_handler(with_tags(129));
    one.get(TAGGED).await.assert_not_stored(Reason::InvalidTag);
    until("the lease is released", || one.store().calls(Method::Release) == 1).await;
    assert_eq!(backend.entries(), 0);
}
