//! Waiting for a lease that somebody else holds.

use std::time::Duration;

use tokenway_core::moment::Millis;
use tokio::time::Instant;

use super::longest_wait;

/// How long a waiter sleeps between its first two looks, and between its last ones.
#[derive(Clone, Copy)]
pub(super) struct Pauses {
    pub(super) first: Duration,
    pub(super) last: Duration,
}

impl Pauses {
    /// Each is twice as long as the one before.
    pub(super) fn after(self, pause: Duration) -> Duration {
        (pause * 2).min(self.last)
    }
}

/// What is left of a wait.
pub(super) struct Patience {
    deadline: Instant,
    pause: Duration,
    pauses: Pauses,
}

impl Patience {
    pub(super) fn new(wait: Millis, pauses: Pauses) -> Self {
        Patience { deadline: Instant::now() + longest_wait(wait), pause: pauses.first, pauses }
    }

    /// Sleeps before the next look. False: the time is up.
    pub(super) async fn sleep(&mut self) -> bool {
        let left = self.deadline.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return false;
        }
        tokio::time::sleep(jittered(self.pause).min(left)).await;
        self.pause = self.pauses.after(self.pause);
        true
    }
}

/// Half to the whole of it, so that waiters do not look in step.
fn jittered(pause: Duration) -> Duration {
    pause.mul_f64(f64::from(getrandom::u32().unwrap_or_default()) / f64::from(u32::MAX) / 2.0 + 0.5)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_grow_up_to_the_last() {
        let millis = Duration::from_millis;
        let pauses = Pauses { first: millis(2), last: millis(10) };
        let four = std::iter::successors(Some(pauses.first), |pause| Some(pauses.after(*pause))).take(4);
        assert_eq!(four.collect::<Vec<_>>(), [millis(2), millis(4), millis(8), millis(10)]);
    }

    #[test]
    fn waiters_sleep_for_half_to_the_whole_of_a_pause_each_for_another_time() {
        let pause = Duration::from_millis(100);
        let slept: Vec<_> = (0..1_000).map(|_| jittered(pause)).collect();
        let (shortest, longest) = (*slept.iter().min().unwrap(), *slept.iter().max().unwrap());
        assert!(shortest >= pause / 2 && shortest < Duration::from_millis(60), "{shortest:?}");
        assert!(longest <= pause && longest > Duration::from_millis(90), "{longest:?}");
    }
}
