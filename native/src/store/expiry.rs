//! Leases that end by their age: how long they last, and for how long their holder believes in them.

use std::time::{Duration, Instant, SystemTime};

use tokenway_core::moment::Millis;

/// A lease shorter than this would end while its holder is asked whether it holds.
const SHORTEST: Duration = Duration::from_millis(100);

/// The longest lease: whoever dies with it holds up the others for that long.
const LONGEST: Duration = Duration::from_secs(3_600);

/// Clocks do not run alike: the holder trusts a hundredth less than it was given.
const DRIFT: u32 = 100;

/// How long a lease for that `hold` lasts.
pub(super) fn span(hold: Millis) -> Duration {
    Duration::from_millis(hold.0).clamp(SHORTEST, LONGEST)
}

/// When a lease began anew for the last time: before that was asked for. By two clocks: one of them stands still while a
/// machine sleeps, the other one can be set.
#[derive(Clone, Copy)]
pub(super) struct Confirmed {
    monotonic: Instant,
    wall: SystemTime,
}

impl Confirmed {
    pub(super) fn now() -> Self {
        Confirmed { monotonic: Instant::now(), wall: SystemTime::now() }
    }

    /// Whether a lease of that `span` lasts still.
    pub(super) fn lasts(self, span: Duration) -> bool {
        let trusted = span - span / DRIFT;
        self.monotonic.elapsed() < trusted && self.wall.elapsed().unwrap_or_default() < trusted
    }
}

#[cfg(test)]
impl Confirmed {
    /// So long ago, by the one clock and by the other.
    pub(super) fn before(monotonic: Duration, wall: Duration) -> Self {
        Confirmed { monotonic: Instant::now().checked_sub(monotonic).unwrap(), wall: SystemTime::now() - wall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lease_is_trusted_for_a_hundredth_less_than_it_lasts_by_either_clock() {
        let is_trusted = |monotonic, wall| Confirmed::before(monotonic, wall).lasts(Duration::from_secs(60));
        let (before_its_end, since) = (Duration::from_millis(59_500), Duration::from_secs(30));
        assert!(is_trusted(since, since));
        assert!(!is_trusted(before_its_end, since), "by the monotonic clock");
        assert!(!is_trusted(since, before_its_end), "by the wall clock");
    }

    #[test]
    fn a_lease_lasts_a_tenth_of_a_second_at_least_and_an_hour_at_most() {
        assert_eq!(span(Millis::ZERO), Duration::from_millis(100));
        assert_eq!(span(Millis::seconds(60)), Duration::from_secs(60));
        assert_eq!(span(Millis(u64::MAX)), Duration::from_secs(3_600));
    }
}
