use tokenway_core::action::{Action, Lock, WaitUntil};
use tokenway_core::event::{Listening, Opened, Outcome};
use tokenway_core::http::{IoFailure, IoFailureKind, Sent};

use super::World;
use super::processes::Doing;

impl World {
    /// Lets the action of a process take effect, or begin to.
    pub(super) fn perform(&mut self, process: usize) {
        let Some(action) = self.wants(process) else { return };
        self.note_action(process, action.name());
        let (elapsed, now) = (self.clock.elapsed(), self.clock.now());
        let doing = match action {
            Action::AwaitCallback(wait) => Doing::Answered(self.redirected(process, &wait)),
            Action::Begin(begin) => {
                let outcome = if self.begun.contains(&begin.login) {
                    Outcome::AlreadyBegun
                } else {
                    self.begun.push(begin.login);
                    self.processes[process].snapshot = Some(begin.stub);
                    Outcome::Begun
                };
                Doing::Answered(outcome)
            }
            Action::Delete(delete) => {
                let before = self.store.record().cloned();
                let outcome = self.store.delete(&delete);
                self.watch_write(before);
                Doing::Answered(outcome)
            }
            Action::Fetch(request) | Action::PostForm(request) => self.leave(process, request),
            Action::Listen(listen) => {
                let redirect_uri = listen.candidates.first().expect("a candidate").replace(":0/", ":49152/");
                Doing::Answered(if self.ports_taken {
                    unable("the port is taken")
                } else {
                    Outcome::Listening(Listening { redirect_uri })
                })
            }
            Action::Load(_) => Doing::Answered(self.store.load()),
            Action::Lock(lock) => Doing::Locking { until: elapsed + lock.wait.0, lock },
            Action::Note(note) => {
                self.processes[process].noted_at = elapsed;
                Doing::Answered(self.store.note(&note, elapsed, now))
            }
            Action::OpenUrl(_) => Doing::Answered(Outcome::Opened(Opened { browser: true })),
            Action::Save(save) => {
                let before = self.store.record().cloned();
                let outcome = self.store.save(&save);
                self.watch_write(before);
                self.saved(process);
                Doing::Answered(outcome)
            }
            Action::Unlock(unlock) => Doing::Answered(self.store.unlock(unlock.lease, elapsed)),
            Action::WaitUntil(WaitUntil { at, span }) => Doing::Waiting { at, until: elapsed + span.0 },
        };
        self.processes[process].doing = doing;
        self.wake();
    }

    /// Takes the lease for a process that waits for it, if it is free; says so when the wait is over.
    pub(super) fn try_lock(&mut self, process: usize) {
        let Doing::Locking { lock: Lock { hold, .. }, until } = &self.processes[process].doing else { return };
        let (hold, until) = (*hold, *until);
        let (elapsed, now) = (self.clock.elapsed(), self.clock.now());
        let outcome = match self.store.lock(process, hold, elapsed, now) {
            Some(outcome) => outcome,
            None if until <= elapsed => Outcome::Busy(self.store.holder(elapsed)),
            None => return,
        };
        self.processes[process].doing = Doing::Answered(outcome);
    }
}

fn unable(detail: &str) -> Outcome {
    let detail = detail.to_owned();
    Outcome::Failed(IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail })
}
