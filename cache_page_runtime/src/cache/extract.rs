//! Which cache serves a request.

use std::{
    convert::Infallible,
    future::{Ready, ready},
    sync::OnceLock,
};

use actix_web::{FromRequest, HttpRequest, dev::Payload, web};

use super::page_cache::PageCache;
use crate::key::KeyInput;

impl PageCache {
    /// Returns the cache in the `app_data` of a request's App, if there is one.
    pub(crate) fn of(request: &HttpRequest) -> Option<&Self> {
        request.app_data::<Self>().or_else(|| request.app_data::<web::Data<Self>>().map(web::Data::get_ref))
    }

    /// Returns the cache of all Apps that have none in their `app_data`, with the default options.
    ///
    /// Each App has its own pages in it. A task that serves no request can purge them:
    ///
    /// ```
    /// # async fn import() -> Result<(), cache_page::PurgeError> {
    /// cache_page::PageCache::global().purge_tag("posts").await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn global() -> &'static Self {
        static GLOBAL: OnceLock<PageCache> = OnceLock::new();
        GLOBAL.get_or_init(Self::new)
    }
}

impl FromRequest for PageCache {
    type Error = Infallible;
    type Future = Ready<Result<Self, Infallible>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        ready(Ok(Self::of(request).unwrap_or_else(|| Self::global()).clone()))
    }
}

/// Adds nothing: the cache is the same for every request of an App.
#[diagnostic::do_not_recommend]
impl KeyInput for PageCache {}
