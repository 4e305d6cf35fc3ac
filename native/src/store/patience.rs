//! Waiting for a lease that somebody else holds.

use std::time::Duration;

use tokenway_core::moment::Millis;
use tokio::time::Instant;

use super::longest_wait;

/// How long a waiter sleeps between its first two looks, and between its last ones.
pub(super) struct Pauses {
    pub(super) first: Duration,
    pub(super) last: Duration,
}

/// What is left of a wait.
pub(super) struct Patience {
    deadline: Instant,
    pause: Duration,
    last: Duration,
}

impl Patience {
    pub(super) fn new(wait: Millis, Pauses { first, last }: Pauses) -> Self {
        Patience { deadline: Instant::now() + longest_wait(wait), pause: first, last }
    }

    /// Sleeps before the next look. False: the time is up.
    pub(super) async fn sleep(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        tokio::time::sleep(jittered(self.pause).min(left)).await;
        self.pause = (self.pause * 2).min(self.last);
        true
    }
}

/// Half to the whole of it, so that waiters do not look in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX) / 2.0 + 0.5)
}
