//! I6: from any state, a process that is left alone, with everybody else standing still, ends.

use tokenway_core::action::Action;
use tokenway_core::event::Outcome;

use crate::effects::Hears;
use crate::kept::hash_of;
use crate::process::{Doing, Process};
use crate::setting::Setting;
use crate::world::World;

/// The most steps that one run may need: a wait for a lease looks at the record four times a second.
const MAX_STEPS: usize = 400;

/// The longest that one run may take, in ticks: a save that fails is tried for ten minutes.
const MAX_TICKS: u8 = 70;

/// One state in this many is tried: each run from it is as long as a whole path of the model.
const ONE_IN: u64 = 64;

impl World {
    /// Whether a process of this world, which is one of those that are tried, does not come to its end.
    pub(crate) fn hangs(&self, setting: &Setting) -> bool {
        if !hash_of(self).is_multiple_of(ONE_IN) {
            return false;
        }
        (0..self.processes.len()).any(|at| !self.ends_alone(at, setting))
    }

    fn ends_alone(&self, at: usize, setting: &Setting) -> bool {
        let mut world = self.clone();
        let (alive, began) = (world.processes.len(), world.clock.elapsed);
        for _ in 0..MAX_STEPS {
            if world.processes.len() < alive {
                return true;
            }
            if world.clock.elapsed > began.saturating_add(MAX_TICKS) {
                return false;
            }
            world.goes_on(at, setting);
        }
        false
    }

    fn goes_on(&mut self, at: usize, setting: &Setting) {
        let Process { doing, run, .. } = self.processes[at].clone();
        match doing {
            Doing::Answered { outcome, .. } => self.hear(at, (*outcome).clone()),
            Doing::Flying { reply: Some(_), .. } => self.deliver(at, Hears::AtOnce),
            Doing::Flying { reply: None, .. } => self.serve(at, setting),
            Doing::Standing if matches!(run.action, Action::Lock(_)) && self.store.is_leased() => {
                self.left.busy = 1;
                self.busy(at);
            }
            Doing::Standing => self.perform(at, Hears::AtOnce, setting),
            Doing::Waiting { at: instant, until } => {
                if self.is_over(instant, until, setting) {
                    self.hear(at, Outcome::Elapsed);
                } else {
                    self.tick();
                }
            }
        }
    }
}
