//! The way of a request through the cache: look up, then join a flight, look into the remote store, and run the handler.

use std::{
    future::Future,
    pin::{Pin, pin},
    sync::Arc,
};

use actix_web::{HttpResponse, Responder};

use super::{
    hit::Hit,
    join::{Joined, join, lead_refresh, wait_for_leader},
    lookup::{Lookup, NoHit},
    step::{Run, ServiceStep, Step},
};
use crate::{
    fill::{Fill, FillRole, Handler, RemoteHit, spawn},
    key::HandlerType,
    observe::FillSpan,
    outcome::{ForwardReason, Outcome, Reason},
    store::Miss,
    time::instant::Instant,
};

/// Where a handler can be run to refresh an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum RefreshMode {
    /// In the background, while the client is answered with the entry.
    Background,
    /// For the client, which waits: the handler does not outlive its request. Of the requests for an entry that is refreshed
    /// before it expires, this one waits, instead of all that arrive during a fill after the expiry.
    Foreground,
}

impl Lookup<'_> {
    /// Answers the request with a stored response, or runs the handler and stores its response if that is allowed.
    ///
    /// Only this method and [`serve_stale`](Self::serve_stale) are compiled once per handler.
    // Not an `async fn`: a handler whose output is no `Responder` is then one error, not a second one at the `await`.
    #[allow(clippy::manual_async_fn)]
    pub fn serve<F>(&mut self, handler: F) -> impl Future<Output = HttpResponse>
    where
        F: Future,
        F::Output: Responder,
    {
        async move { respond(self, HandlerType::of::<F>(), pin!(handler)).await }
    }

    /// As [`serve`](Self::serve), for a handler that can be run in the background because it outlives its request.
    #[allow(clippy::manual_async_fn)]
    pub fn serve_stale<F>(&mut self, handler: F) -> impl Future<Output = HttpResponse>
    where
        F: Future + 'static,
        F::Output: Responder,
    {
        async move {
            match resolve(self, HandlerType::of::<F>(), RefreshMode::Background).await {
                Step::RespondAndRefresh(response, fill) => {
                    spawn(Box::pin(async move { fill.run_in_background(pin!(handler)).await }));
                    response
                }
                step => match step.into_run() {
                    Ok(response) => response,
                    Err(run) => self.run(run, pin!(handler)).await,
                },
            }
        }
    }
}

async fn respond(
    lookup: &mut Lookup<'_>,
    handler_type: HandlerType,
    handler: Pin<&mut dyn Handler>,
) -> HttpResponse {
    let mode = RefreshMode::Foreground;
    // Most often, there is nothing to wait for, and no future to be made.
    let run = match look_up(lookup, handler_type, mode) {
        Joined::Step(Step::Respond(response)) => return response,
        Joined::Step(Step::Run(run)) if !needs_remote_store(lookup, &run) => run,
        joined => match Box::pin(wait(lookup, joined, mode)).await.into_run() {
            Ok(response) => return response,
            Err(run) => run,
        },
    };
    lookup.run(run, handler).await
}

/// Finds out how a request is answered. Hits are answered without an allocation for the steps that they do not take.
async fn resolve(lookup: &mut Lookup<'_>, handler_type: HandlerType, mode: RefreshMode) -> Step {
    match look_up(lookup, handler_type, mode) {
        Joined::Step(Step::Run(run)) if needs_remote_store(lookup, &run) => {
            Box::pin(wait(lookup, Joined::Step(Step::Run(run)), mode)).await
        }
        Joined::Step(step) => step,
        flight @ Joined::Wait(_) => Box::pin(wait(lookup, flight, mode)).await,
    }
}

fn needs_remote_store(lookup: &Lookup<'_>, run: &Run) -> bool {
    matches!(run, Run::Fill(_)) && lookup.cache.remote().is_some()
}

/// Waits for the leader of a flight, and for the remote store.
async fn wait(lookup: &mut Lookup<'_>, joined: Joined, mode: RefreshMode) -> Step {
    let step = match joined {
        Joined::Step(step) => step,
        Joined::Wait(flight) => wait_for_leader(lookup, flight).await,
    };
    match step {
        Step::Run(Run::Fill(fill)) if lookup.cache.remote().is_some() => fetch(lookup, fill, mode).await,
        step => step,
    }
}

/// Finds out how a request is answered that a service owns while it runs.
pub(crate) async fn resolve_for_service(
    mut lookup: Lookup<'_>,
    handler_type: HandlerType,
    mode: RefreshMode,
) -> ServiceStep {
    match resolve(&mut lookup, handler_type, mode).await {
        Step::Respond(response) => ServiceStep::Respond(response),
        Step::RespondAndRefresh(response, fill) => ServiceStep::RespondAndRefresh(response, fill),
        Step::Run(Run::Fill(fill)) => ServiceStep::Fill(fill),
        Step::Run(Run::Uncacheable(key)) => ServiceStep::Fill(lookup.uncacheable_fill(&key)),
        Step::Run(Run::Bypass(reason)) => ServiceStep::Bypass(lookup.bypass(reason)),
    }
}

fn look_up(lookup: &mut Lookup<'_>, handler_type: HandlerType, mode: RefreshMode) -> Joined {
    if let Err(reason) = lookup.admit(handler_type) {
        return Joined::Step(match lookup.gateway_timeout() {
            Some(response) => Step::Respond(response),
            None => Step::Run(Run::Bypass(reason)),
        });
    }
    let now = lookup.cache.clock().now();
    if let Some(response) = lookup.respond_from_copy(now) {
        return Joined::Step(Step::Respond(response));
    }
    let insertions = lookup.cache.store().insertions();
    match lookup.find(now) {
        Ok(hit) if hit.needs_refresh => Joined::Step(respond_and_refresh(lookup, &hit, mode, now)),
        Ok(hit) => Joined::Step(Step::Respond(lookup.respond(&hit, now))),
        Err(no_hit) => match (lookup.gateway_timeout(), no_hit) {
            (Some(response), _) => Joined::Step(Step::Respond(response)),
            (None, NoHit::Miss(miss)) => join(lookup, (miss, insertions), None, now),
            (None, NoHit::Bypass(reason)) => Joined::Step(Step::Run(Run::Bypass(reason))),
        },
    }
}

/// Answers with an entry and refreshes it, unless another request does.
fn respond_and_refresh(lookup: &mut Lookup<'_>, hit: &Hit, mode: RefreshMode, now: Instant) -> Step {
    let leader = if lookup.may_fill() { lead_refresh(lookup, &hit.entry, now) } else { None };
    let Some(leader) = leader else { return Step::Respond(lookup.respond(hit, now)) };
    let entry = Arc::clone(&hit.entry);
    match mode {
        RefreshMode::Background => {
            let response = lookup.respond(hit, now);
            Step::RespondAndRefresh(response, lookup.refresh(entry, leader, now))
        }
        RefreshMode::Foreground => {
            let miss = Miss { cause: ForwardReason::Stale, stale: Some(entry) };
            Step::Run(Run::Fill(lookup.fill(miss, FillRole::Leader(leader), now)))
        }
    }
}

/// Looks into the remote store before the handler runs.
async fn fetch(lookup: &mut Lookup<'_>, mut fill: Box<Fill>, mode: RefreshMode) -> Step {
    let Some(RemoteHit { entry, may_refresh }) = fill.fetch().await else {
        return run_fill(lookup, fill);
    };
    let now = fill.now();
    if !lookup.accepts(&entry, now) {
        fill.refresh_for_client(entry);
        return run_fill(lookup, fill);
    }
    let is_fresh = entry.is_fresh(now);
    let outcome = if is_fresh { Outcome::RemoteHit } else { Outcome::Stale(Reason::StaleWhileRevalidate) };
    fill.share(&entry, outcome);
    if !lookup.can_decode(&entry) {
        // The response of a bypass depends on what is in the key too.
        lookup.key.parts = fill.take_key();
        fill.discard();
        return Step::Run(Run::Bypass(Reason::ContentEncoding));
    }
    let hit = Hit::new(Arc::clone(&entry), outcome);
    let response = lookup.respond_under(&hit, fill.key(), now);
    if !(may_refresh && mode == RefreshMode::Background) {
        fill.discard();
        return Step::Respond(response);
    }
    match fill.into_refresh(entry) {
        Some(mut refresh) => {
            let span = FillSpan::of_refresh(lookup.fill_subject(ForwardReason::Stale, refresh.key()));
            refresh.set_span(span);
            Step::RespondAndRefresh(response, refresh)
        }
        None => Step::Respond(response),
    }
}

/// Runs the handler, after the remote store has not answered.
fn run_fill(lookup: &Lookup<'_>, mut fill: Box<Fill>) -> Step {
    let span = FillSpan::of_fill(lookup.fill_subject(fill.cause(), fill.key()));
    fill.set_span(span);
    Step::Run(Run::Fill(fill))
}

#[cfg(test)]
mod tests {
    use std::future::{Ready, pending, ready};

    use actix_web::test::TestRequest;

    use super::*;
    use crate::{
        cache::PageCache,
        fill::EntryPoint,
        policy::{HandlerPolicy, Policy},
        purge::PurgeSeq,
    };

    static POLICY: HandlerPolicy = Policy::new(60).for_handler("handler");

    /// With what the handler and actix-web add, it fits into the 1,032 bytes that glibc allocates from a list of the thread.
    #[test]
    fn future_of_a_request_is_small() {
        let request = TestRequest::default().to_http_request();
        let mut lookup = Lookup::new(&request, &POLICY, PurgeSeq::now(), EntryPoint::Attribute);
        let serve = size_of_val(&lookup.serve(pending::<HttpResponse>()));
        let size = size_of::<Lookup<'_>>() + serve;
        assert!(size <= 840, "{size} bytes");
    }

    /// The handler would run twice for two requests that arrive at one time, on two workers.
    #[actix_web::test]
    async fn page_that_another_request_stores_after_the_lookup_is_sent() {
        let cache = PageCache::new();
        let request = TestRequest::default().app_data(cache.clone()).to_http_request();
        let lookup = || Lookup::new(&request, &POLICY, PurgeSeq::now(), EntryPoint::Attribute);
        let page = || ready(HttpResponse::Ok().body("page"));
        let (mut first, now) = (lookup(), cache.clock().now());
        first.admit(HandlerType::of::<Ready<HttpResponse>>()).unwrap();
        let insertions = cache.store().insertions();
        let Err(NoHit::Miss(miss)) = first.find(now) else { panic!("there is a page") };
        lookup().serve(page()).await;
        let joined = join(&mut first, (miss, insertions), None, now);
        assert!(matches!(joined, Joined::Step(Step::Respond(_))));
    }
}
