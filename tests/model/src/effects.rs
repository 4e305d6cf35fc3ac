//! What each action does to the world.

use tokenway_core::action::{Action, LeaseNumber, WaitUntil};
use tokenway_core::event::{Holder, Outcome};
use tokenway_core::http::{HttpRequest, IoFailureKind, Sent};
use tokenway_core::lifecycle::record::Record;

use crate::clock::ticks;
use crate::kept::Kept;
use crate::process::{Doing, lasts};
use crate::setting::{Safeguard, Setting};
use crate::wire::{Reply, Wire, failed};
use crate::world::World;

/// When a process hears what became of its action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Hears {
    /// Before anybody else does anything.
    AtOnce,
    /// At some later tick: it is suspended.
    Later,
}

impl World {
    /// The action of a process takes effect.
    pub(crate) fn perform(&mut self, at: usize, hears: Hears, setting: &Setting) {
        let run = self.processes[at].run.clone();
        let outcome = match &run.action {
            Action::Begin(_) => self.begin(at),
            Action::Delete(delete) => {
                let before = self.store.record.clone();
                let outcome = self.store.delete(delete);
                self.wrote(before);
                outcome
            }
            Action::Load(_) => self.load(at, setting),
            Action::Lock(lock) => {
                let number = self.free_number();
                self.processes[at].lease = Some(number);
                self.store.lock(number, lock.hold, self.clock.elapsed, setting)
            }
            Action::Note(note) => {
                let outcome = self.store.note(note, self.clock.elapsed, setting);
                let process = &mut self.processes[at];
                process.noted_at = self.clock.elapsed;
                let sent = process.sent.filter(|sent| note.ledger.refused == Some(sent.refresh_token().hash()));
                if let Some(sent) = sent.filter(|_| outcome == Outcome::Noted) {
                    self.watch.refusal_noted(sent);
                }
                outcome
            }
            Action::PostForm(request) => match self.post(at, request, setting) {
                Some(outcome) => outcome,
                None => return,
            },
            Action::Save(save) => {
                let before = self.store.record.clone();
                let outcome = self.store.save(save, setting);
                self.wrote(before);
                outcome
            }
            Action::Unlock(unlock) => {
                self.processes[at].lease = None;
                self.store.unlock(unlock.lease)
            }
            Action::WaitUntil(WaitUntil { at: instant, span }) => {
                let until = self.clock.elapsed + ticks(*span);
                self.processes[at].doing = Doing::Waiting { at: *instant, until };
                return;
            }
            Action::AwaitCallback(_) | Action::Fetch(_) | Action::Listen(_) | Action::OpenUrl(_) => {
                unreachable!("nobody asks for {:?} here", run.action.name())
            }
        };
        self.answer(at, outcome, hears);
    }

    fn begin(&mut self, at: usize) -> Outcome {
        let login = 1 << self.processes[at].login.expect("a login");
        if self.begun & login != 0 {
            return Outcome::AlreadyBegun;
        }
        self.begun |= login;
        Outcome::Begun
    }

    fn load(&mut self, at: usize, setting: &Setting) -> Outcome {
        let outcome = self.store.load();
        if !setting.lacks(Safeguard::SecondLoad) {
            return outcome;
        }
        let process = &mut self.processes[at];
        let seen = process.seen.get_or_insert_with(|| Kept::new(outcome.clone()));
        let under_lease = process.lease.is_some() && process.sent.is_none();
        if under_lease { (**seen).clone() } else { outcome }
    }

    /// The bytes leave, if they still may.
    fn post(&mut self, at: usize, request: &HttpRequest, setting: &Setting) -> Option<Outcome> {
        let too_late = request.not_after.is_some_and(|end| self.clock.now() > end);
        let checks_the_instant = !setting.lacks(Safeguard::NotAfter);
        if (too_late && checks_the_instant) || request.lease.is_some_and(|lease: LeaseNumber| !self.store.holds(lease))
        {
            return Some(failed(Sent::NotSent, IoFailureKind::Unreachable));
        }
        self.leaves(at, Wire::read(request), lasts(request));
        None
    }

    fn wrote(&mut self, before: Option<Kept<Box<Record>>>) {
        let after = self.store.record.clone();
        self.watch.wrote(before.as_deref().map(|record| &**record), after.as_deref().map(|record| &**record));
    }

    /// The lease does not come in time.
    pub(crate) fn busy(&mut self, at: usize) {
        self.left.busy -= 1;
        self.hear(at, Outcome::Busy(Holder::default()));
    }

    /// The store cannot do it, or does it and cannot say so.
    pub(crate) fn store_fails(&mut self, at: usize, works: bool, setting: &Setting) {
        let run = self.processes[at].run.clone();
        if works {
            let before = self.store.record.clone();
            if let Action::Save(save) = &run.action {
                self.store.save(save, setting);
                self.wrote(before);
            } else if let Action::Note(note) = &run.action {
                self.store.note(note, self.clock.elapsed, setting);
            }
        }
        self.hear(at, failed(Sent::NotSent, IoFailureKind::Unable));
    }

    /// The answer reaches its process.
    pub(crate) fn deliver(&mut self, at: usize, hears: Hears) {
        let Doing::Flying { reply: Some(reply), .. } = self.processes[at].doing else { return };
        self.told(at, Some(reply));
        self.answer(at, reply.outcome(self.clock.now()), hears);
        if hears == Hears::AtOnce {
            self.check_next(at, reply);
        }
    }

    /// The process hears that nobody knows. A request that has not arrived yet goes on without it.
    pub(crate) fn lose(&mut self, at: usize) {
        let Doing::Flying { wire, left, lasts, reply } = self.processes[at].doing else { return };
        if reply.is_none() {
            self.haunt(wire, left + lasts);
        }
        self.told(at, None);
        self.hear(at, failed(Sent::MaybeSent, IoFailureKind::Deadline));
    }

    fn told(&mut self, at: usize, reply: Option<Reply>) {
        let Doing::Flying { wire: Wire::Refresh(grant), .. } = self.processes[at].doing else { return };
        self.watch.hears(grant, reply);
    }

    fn answer(&mut self, at: usize, outcome: Outcome, hears: Hears) {
        match hears {
            Hears::AtOnce => self.hear(at, outcome),
            Hears::Later => {
                let doing = Doing::Answered { outcome: Kept::new(outcome), at: self.clock.elapsed };
                self.processes[at].doing = doing;
            }
        }
    }

    /// I1: from the answer to the save there is nothing in between.
    fn check_next(&mut self, at: usize, reply: Reply) {
        let saves = self.processes.get(at).is_some_and(|process| matches!(process.run.action, Action::Save(_)));
        self.watch.next(matches!(reply, Reply::Tokens(_)), saves);
    }
}
