//! What every flow needs of the world: the store, HTTP and time.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokenway_core::action::{Action, WaitUntil};
use tokenway_core::event::Outcome;
use tokenway_core::http::{HttpRequest, IoFailure, IoFailureKind, Sent};
use tokenway_core::lifecycle::record::CredentialKey;
use tokenway_core::machine::Reason;

use crate::driver::{World, now};
use crate::http::{Guard, Http};
use crate::store::{self, Store};

/// The longest single sleep: the wall clock is looked at again after it, because it may have jumped.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

/// The world of renewals and logouts, and the ground that a login stands on.
#[derive(Clone)]
pub struct CommonWorld {
    /// Whose lease guards requests.
    pub key: CredentialKey,
    /// Where credentials are kept.
    pub store: Arc<dyn Store>,
    /// How requests are made.
    pub http: Arc<dyn Http>,
}

impl World for CommonWorld {
    async fn perform(&mut self, action: Action) -> Outcome {
        if let Some(outcome) = store::perform(&*self.store, &action).await {
            return outcome;
        }
        match action {
            Action::Fetch(request) | Action::PostForm(request) => self.send(&request).await,
            Action::WaitUntil(wait) => wait_until(&wait).await,
            Action::AwaitCallback(_)
            | Action::Begin(_)
            | Action::Delete(_)
            | Action::Listen(_)
            | Action::Load(_)
            | Action::Lock(_)
            | Action::Note(_)
            | Action::OpenUrl(_)
            | Action::Save(_)
            | Action::Unlock(_) => unable("this flow has nobody to talk to"),
        }
    }

    fn ignored(&mut self, _reason: &Reason) {}
}

impl CommonWorld {
    async fn send(&self, request: &HttpRequest) -> Outcome {
        let (store, key, lease) = (Arc::clone(&self.store), self.key.clone(), request.lease);
        let guard = Guard::new(request, move || lease.is_none_or(|lease| store.holds(&key, lease)));
        self.http.send(request, guard).await.map_or_else(Outcome::Failed, Outcome::Http)
    }
}

/// Until the instant by the wall clock, or until the span has passed by the monotonic one.
pub(crate) async fn wait_until(wait: &WaitUntil) -> Outcome {
    let started = Instant::now();
    let span = Duration::from_millis(wait.span.0);
    loop {
        let by_wall = Duration::from_millis(wait.at.since(now()).0);
        let by_span = span.saturating_sub(started.elapsed());
        let left = by_wall.min(by_span);
        if left.is_zero() {
            return Outcome::Elapsed;
        }
        tokio::time::sleep(left.min(LONGEST_SLEEP)).await;
    }
}

/// An action that this place cannot perform.
pub(crate) fn unable(detail: &str) -> Outcome {
    failed(IoFailureKind::Unable, detail)
}

/// Trouble before anything was sent.
pub(crate) fn failed(kind: IoFailureKind, detail: &str) -> Outcome {
    Outcome::Failed(IoFailure { sent: Sent::NotSent, kind, detail: detail.to_owned() })
}
