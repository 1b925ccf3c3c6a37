//! What a handler decides about its response beside the response itself.

use actix_web::{HttpRequest, HttpResponse};
use http::header::{HeaderName, HeaderValue};

use crate::{
    key::AppRetention,
    outcome::Reason,
    policy::{HandlerPolicy, Overrides, PageControl, Validators},
    time::instant::Instant,
};

/// What calls the cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EntryPoint {
    /// A handler function with the attribute, which shares its request with the cache.
    Attribute,
    /// The middleware, whose inner service owns the request while it runs.
    Middleware,
}

impl EntryPoint {
    /// Returns whether a handler that runs for a `HEAD` cannot tell it from a `GET`, so that its response may be stored.
    pub(crate) fn runs_head_as_get(self) -> bool {
        self == Self::Middleware
    }

    /// Returns whether the App may be retained by a clone of the request, which services must not see.
    pub(crate) fn app_retention(self) -> AppRetention {
        match self {
            Self::Attribute => AppRetention::Allowed,
            Self::Middleware => AppRetention::Forbidden,
        }
    }
}

/// The [`PageControl`] of one run, and the claims of handlers inside a service.
pub(crate) struct RunControl {
    control: Option<PageControl>,
    /// The number of claims when a service started: a later one is from a handler inside it.
    earlier_claims: Option<u32>,
}

impl RunControl {
    /// Starts a run. `validators` are those of the stored response that it refreshes.
    pub(crate) fn start(
        request: &HttpRequest,
        entry_point: EntryPoint,
        validators: Option<Validators>,
    ) -> Self {
        let (control, earlier_claims) = match entry_point {
            EntryPoint::Attribute => (PageControl::get(request), None),
            EntryPoint::Middleware => {
                let control = PageControl::get_or_insert(request);
                let claims = control.inner_claims();
                (Some(control), Some(claims))
            }
        };
        let control = Self { control, earlier_claims };
        control.set_validators(validators);
        control
    }

    /// Sets what the handler may compare its response with.
    pub(crate) fn set_validators(&self, validators: Option<Validators>) {
        if let Some(control) = &self.control {
            control.start(validators);
        }
    }

    /// Returns whether the handler asked for the validators, so that it may confirm its response later.
    pub(crate) fn asks_for_validators(&self) -> bool {
        self.control.as_ref().is_some_and(PageControl::asks_for_validators)
    }

    /// Returns the validators that the handler read, if it did.
    pub(crate) fn validators_read(&self) -> Option<Validators> {
        self.control.as_ref().and_then(PageControl::take_read_validators)
    }

    /// Returns whether a handler inside stores its response itself, or has asked that nothing outside of it does.
    ///
    /// The inner one stores because it has more information: what the arguments read, and the TTL of this handler.
    pub(crate) fn is_claimed_inside(&self) -> bool {
        let claims = self.earlier_claims.zip(self.control.as_ref());
        claims.is_some_and(|(earlier, control)| control.inner_claims() > earlier)
    }

    /// Takes what the handler decided in its [`PageControl`] and in the targeted field, which is removed from the response.
    pub(crate) fn take_overrides(
        &self,
        response: &mut HttpResponse,
        targeted_field: Option<&HeaderName>,
        policy: &HandlerPolicy,
        now: Instant,
    ) -> Result<Overrides, Reason> {
        let mut overrides = self.control.as_ref().map(PageControl::take_overrides).unwrap_or_default();
        if let Some(name) = targeted_field {
            let values: Vec<HeaderValue> = response.headers_mut().remove(name).collect();
            overrides.merge_targeted(values.iter()).map_err(|error| {
                policy.log_error(now, format_args!("response not stored: invalid `{name}` field: {error}"));
                Reason::InvalidTargetedField
            })?;
        }
        Ok(overrides)
    }
}
