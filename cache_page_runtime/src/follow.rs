//! Waiting for the page that another request is just making.

use std::{future::poll_fn, sync::Arc, task::Poll};

use actix_web::{HttpRequest, http::Method};

use crate::{
    buffer::Buffer,
    cache::PageCache,
    clock::{Moment, Sleep},
    fill::Fill,
    flight::{Follower, Joined, Leader, Turn},
    key::Key,
    outcome::{Forward, Outcome},
    page::Page,
    serve::{Answer, Lookup, Missing},
    vary::Names,
};

/// The page that a leader made, for those that followed.
#[derive(Clone)]
pub(crate) struct Landed {
    pub(crate) page: Arc<Page>,
    /// What of a request it depends on beside the key, and what the leader's said there.
    names: Names,
    said: Option<Arc<[u8]>>,
    /// What became of those that it is sent to.
    pub(crate) outcome: Outcome,
}

impl Landed {
    /// The page of a leader that sent this request, as far as it depends on these headers of it.
    pub(crate) fn new(
        page: Arc<Page>,
        mut names: Names,
        cache: &PageCache,
        key: Key<'_>,
        leader: &HttpRequest,
    ) -> Self {
        let known = cache.store().names(key);
        known.into_iter().for_each(|name| crate::vary::insert(&mut names, name));
        let said = variant(key, &names, leader).map(|said| said.as_slice().into());
        Self { page, names, said, outcome: Outcome::Collapsed }
    }

    /// It was not made just now: to the leader, that was the outcome of sending it.
    pub(crate) fn told_as(mut self, outcome: Outcome) -> Self {
        self.outcome = outcome;
        self
    }

    /// Whether this request would have got the same page.
    fn is_for(&self, key: Key<'_>, request: &HttpRequest) -> bool {
        match (&self.said, variant(key, &self.names, request)) {
            _ if self.names.is_empty() => true,
            (Some(said), Some(own)) => **said == *own.as_slice(),
            _ => false,
        }
    }
}

fn variant(key: Key<'_>, names: &Names, request: &HttpRequest) -> Option<Buffer> {
    if names.is_empty() { None } else { key.variant(names, request.headers()) }
}

impl Lookup<'_> {
    /// The page of whoever makes it already; or a fill, of a leader or of one that nobody follows.
    ///
    /// Nobody waits twice under one key: where the first page turns out to be a variant for others, there is a key for this
    /// request's own.
    pub(crate) async fn join(&mut self, mut missing: Missing) -> Result<Answer, Box<Fill>> {
        if missing.forward == Forward::Request {
            return Err(Fill::start(self, Ok(missing), None));
        }
        let clock = self.cache.clock();
        let ends = clock.now() + self.cache.times().follower_wait;
        let mut waited_for: Option<Box<[u8]>> = None;
        loop {
            let Some(joined) = self.take_part(&mut waited_for, clock.now()) else {
                return Err(Fill::start(self, Ok(missing), None));
            };
            let turn = match joined {
                Joined::Lead(leader) => Some(Turn::Lead(leader)),
                Joined::Follow(mut follower) => wait(&mut follower, self.cache, ends).await,
                Joined::Apart => None,
            };
            match turn {
                Some(Turn::Lead(leader)) => return self.lead(leader, missing.forward),
                Some(Turn::Landed(landed)) => {
                    if let Some(answer) = self.answer_landed(&landed, missing.forward, clock.now()) {
                        return Ok(answer);
                    }
                }
                Some(Turn::Apart) | None => return Err(Fill::start(self, Ok(missing), None)),
            }
            // It was a variant for others. This request's own may be kept, or be made by somebody.
            missing = match self.page(clock.now()) {
                Ok(answer) => return Ok(answer),
                Err(missing) => missing,
            };
        }
    }

    /// Takes part in the flight of this request's page; not where it has done so before, nor where nothing was to be shared
    /// lately.
    fn take_part(&self, waited_for: &mut Option<Box<[u8]>>, now: Moment) -> Option<Joined<Landed>> {
        let cache = self.cache;
        let may_lead = *self.request.method() == Method::GET;
        cache.store().with_place(self.key.cover.key()?, self.request.headers(), |place| {
            if waited_for.as_deref() == Some(place) || cache.apart().knows(place, now) {
                return None;
            }
            let joined = cache.flights().join(place, now.since_start(), may_lead);
            if matches!(joined, Joined::Follow(_)) {
                *waited_for = Some(place.into());
            }
            Some(joined)
        })
    }

    /// A page may have been kept since this request looked for it: it is looked for once more before the handler runs.
    fn lead(&mut self, leader: Leader<Landed>, forward: Forward) -> Result<Answer, Box<Fill>> {
        match self.page(self.cache.clock().now()) {
            Ok(answer) => {
                let key = self.key.cover.key();
                let landed =
                    |key| Landed::new(Arc::clone(&answer.page), Names::new(), self.cache, key, self.request);
                leader.land_with(|| key.map(landed).map(|landed| landed.told_as(answer.outcome())));
                Ok(answer)
            }
            // What was of no use any more was dropped when this request saw it first.
            Err(Missing { old, .. }) => Err(Fill::start(self, Ok(Missing { forward, old }), Some(leader))),
        }
    }

    fn answer_landed(&self, landed: &Landed, forward: Forward, now: Moment) -> Option<Answer> {
        let is_own = landed.is_for(self.key.cover.key()?, self.request);
        is_own.then(|| Answer::landed(landed, forward, now))
    }
}

/// Until the follower's turn comes, or its time is over (`None`).
async fn wait(follower: &mut Follower<Landed>, cache: &PageCache, ends: Moment) -> Option<Turn<Landed>> {
    let (clock, deadline) = (cache.clock(), cache.times().fill_deadline);
    let mut timer: Option<(Moment, Sleep)> = None;
    poll_fn(|context| {
        loop {
            let now = clock.now();
            if let Poll::Ready(turn) = follower.poll(context, now.since_start(), deadline) {
                return Poll::Ready(Some(turn));
            }
            if now >= ends {
                return Poll::Ready(None);
            }
            let overdue = follower.led_since().map_or(ends, |since| Moment::new(since) + deadline);
            let due = ends.min(overdue);
            let (_, sleep) = match timer.take() {
                Some(known) if known.0 == due => timer.insert(known),
                _ => timer.insert((due, clock.sleep_until(due))),
            };
            if sleep.as_mut().poll(context).is_pending() {
                return Poll::Pending;
            }
            timer = None;
        }
    })
    .await
}
