//! States and steps in words, for people who read how a rule was broken.

use crate::process::Doing;
use crate::world::World;

impl World {
    pub(crate) fn clock_text(&self) -> String {
        format!("{:>3} s", u64::from(self.clock.elapsed) * crate::clock::TICK.0 / 1_000)
    }

    pub(crate) fn process_text(&self, at: usize) -> String {
        let process = &self.processes[at];
        let name = char::from(b'A' + process.name.0 % 26);
        let doing = match &process.doing {
            Doing::Answered { outcome, .. } => format!("stands still before it hears \"{}\"", outcome.name()),
            Doing::Flying { wire, reply: None, .. } => format!("has sent {wire:?}"),
            Doing::Flying { reply: Some(reply), .. } => format!("will hear {reply:?}"),
            Doing::Standing => format!("wants to {}", process.run.action.name()),
            Doing::Waiting { .. } => "waits".to_owned(),
        };
        format!("{name} {doing}")
    }
}
