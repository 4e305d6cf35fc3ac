use tokenway_core::moment::{Millis, UnixMillis};

/// The two clocks of a machine: one that people set, and one that only ever goes on.
#[derive(Clone, Debug)]
pub struct Clock {
    elapsed: Millis,
    wall: UnixMillis,
}

impl Default for Clock {
    fn default() -> Self {
        Clock { elapsed: Millis::ZERO, wall: UnixMillis(1_767_225_600_000) }
    }
}

impl Clock {
    /// The wall clock.
    #[must_use]
    pub fn now(&self) -> UnixMillis {
        self.wall
    }

    /// Milliseconds that have really passed since the world began.
    #[must_use]
    pub fn elapsed(&self) -> u64 {
        self.elapsed.0
    }

    /// Somebody sets the wall clock.
    pub fn set(&mut self, wall: UnixMillis) {
        self.wall = wall;
    }

    pub(super) fn pass(&mut self, span: Millis) {
        self.elapsed = self.elapsed.plus(span);
        self.wall = self.wall.plus(span);
    }
}
