//! Time in ticks. A tick is long enough for every short wait of the protocol to be over (a second between two sendings,
//! a pause between two tries) and short enough to fall between all of its long ones.

use tokenway_core::moment::{Millis, UnixMillis};

/// What passes between two instants of the model.
pub(crate) const TICK: Millis = Millis::seconds(10);

/// The longest that a request may take: two ticks. So a sending may leave for one tick after its note, can land for
/// three, and a lease that expires does so after four.
pub(crate) const REQUEST_DEADLINE: Millis = Millis::seconds(20);

/// The life of an access token: every tick calls for a renewal.
pub(crate) const TOKEN_LIFE: Millis = Millis::seconds(10);

/// The wall clock of the first instant: 2026-01-01T00:00:00Z.
pub(crate) const START: UnixMillis = UnixMillis(1_767_225_600_000);

/// The two clocks of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Clock {
    /// Ticks that have really passed.
    pub(crate) elapsed: u8,
    /// By how many ticks the wall clock is ahead of that.
    pub(crate) skew: i8,
}

impl Clock {
    /// The wall clock.
    #[must_use]
    pub(crate) fn now(self) -> UnixMillis {
        let wall = i64::from(self.elapsed) + i64::from(self.skew);
        let span = Millis(wall.unsigned_abs() * TICK.0);
        if wall < 0 { START.minus(span) } else { START.plus(span) }
    }
}

/// As many whole ticks as cover a span.
#[must_use]
pub(crate) fn ticks(span: Millis) -> u8 {
    u8::try_from(span.0.div_ceil(TICK.0)).unwrap_or(u8::MAX)
}
