//! The last question before a request leaves: is it still wanted?

use std::fmt;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use tokenway_core::http::{HttpRequest, IoFailure, IoFailureKind, Sent};
use tokenway_core::moment::UnixMillis;

/// Refuses a request whose `not_after` has passed or whose lease is lost.
///
/// Make it when the action is taken from the machine: from then on a monotonic clock counts too, so that a wall clock
/// that jumps back meanwhile does not extend `not_after`.
pub struct Guard {
    not_after: Option<NotAfter>,
    lease_is_held: Box<dyn Fn() -> bool + Send + Sync>,
}

/// An instant by two clocks: the wall's, and a span from when the guard was made.
struct NotAfter {
    at: UnixMillis,
    made: Instant,
    span: Duration,
}

impl Guard {
    /// Guards `request`. `lease_is_held` is asked at each check; for a request without a lease it returns true.
    #[must_use]
    pub fn new(request: &HttpRequest, lease_is_held: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        let not_after = request.not_after.map(|at| NotAfter {
            at,
            made: Instant::now(),
            span: Duration::from_millis(at.since(wall_clock()).0),
        });
        Guard { not_after, lease_is_held: Box::new(lease_is_held) }
    }

    /// Asks whether the request may leave at this instant.
    ///
    /// # Errors
    /// `NotSent`, with the reason.
    pub fn check(&self) -> Result<(), IoFailure> {
        if self.not_after.as_ref().is_some_and(NotAfter::has_passed) {
            return Err(too_late("the request was not sent: the time in which it was allowed to leave had passed"));
        }
        if !(self.lease_is_held)() {
            return Err(too_late("the request was not sent: this process no longer holds the lock on the credential"));
        }
        Ok(())
    }
}

impl NotAfter {
    fn has_passed(&self) -> bool {
        wall_clock() > self.at || self.made.elapsed() > self.span
    }
}

fn too_late(detail: &str) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Deadline, detail: detail.to_owned() }
}

impl fmt::Debug for Guard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Guard")
            .field("not_after", &self.not_after.as_ref().map(|limit| limit.at))
            .finish_non_exhaustive()
    }
}

/// The wall clock, 1970 at the earliest.
pub(super) fn wall_clock() -> UnixMillis {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}
