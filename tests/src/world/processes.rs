use tokenway_core::action::{Action, AwaitCallback, Lock};
use tokenway_core::event::{Callback, Event, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::lifecycle::Token;
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_core::session::{Progress, Session};
use tokenway_core::snapshot::Snapshot;

use super::World;
use super::flow::{End, Flow};
use super::network::{Fate, Flight, fate};
use super::server::Server;

/// A process that runs one flow. Its memory is gone when it dies; its snapshot, if it has one, is not.
pub(super) struct Process {
    pub(super) flow: Option<Flow>,
    pub(super) doing: Doing,
    pub(super) started_at: u64,
    pub(super) noted_at: u64,
    pub(super) steps: u32,
    pub(super) snapshot: Option<Snapshot>,
    /// A redirect that came in and was not looked at yet: on disk, like the snapshot.
    pub(super) redirect: Option<Callback>,
}

/// What a process is doing.
#[derive(Clone)]
pub(super) enum Doing {
    /// The action took effect; the process has not heard yet.
    Answered(Outcome),
    /// A request is on its way.
    Flying(Flight),
    /// The action stands, and nothing was done.
    Idle,
    /// It waits for the lease.
    Locking { lock: Lock, until: u64 },
    /// It waits.
    Waiting { at: UnixMillis, until: u64 },
}

/// On which side of the effect of an action a process dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dies {
    /// The effect took place, and nobody heard of it.
    After,
    /// Nothing was done.
    Before,
    /// The server acted on the request, and its answer was on the way. The same as `Before` for other actions.
    BetweenServerAndAnswer,
    /// The request left, and arrives although nobody waits any more. The same as `Before` for other actions.
    WithTheRequestOnItsWay,
}

impl World {
    /// A process starts on a flow.
    pub fn start(&mut self, flow: Flow) -> usize {
        let snapshot = flow.checkpoint();
        self.start_from(flow, snapshot, None)
    }

    fn start_from(&mut self, flow: Flow, snapshot: Option<Snapshot>, redirect: Option<Callback>) -> usize {
        let started_at = self.clock.elapsed();
        let (flow, doing) = (Some(flow), Doing::Idle);
        let process = Process { flow, doing, started_at, noted_at: 0, steps: 0, snapshot, redirect };
        self.processes.push(process);
        self.processes.len() - 1
    }

    /// Runs a flow to its end; everybody else stands still.
    pub fn run(&mut self, flow: Flow) -> End {
        let process = self.start(flow);
        self.finish(process)
    }

    /// Runs a process to its end; everybody else stands still.
    ///
    /// # Panics
    /// If it has ended before.
    pub fn finish(&mut self, process: usize) -> End {
        loop {
            if let Some(end) = self.step(process) {
                return end;
            }
        }
    }

    /// One action and its answer.
    pub fn step(&mut self, process: usize) -> Option<End> {
        self.act(process);
        self.deliver(process)
    }

    /// The action that a process has before it.
    #[must_use]
    pub fn wants(&self, process: usize) -> Option<Action> {
        Some(self.processes[process].flow.as_ref()?.wants()?.1)
    }

    /// What the owner of a renewal may use while its save is tried again.
    #[must_use]
    pub fn unsaved(&self, process: usize) -> Option<Token> {
        match self.processes[process].flow.as_ref()? {
            Flow::GetToken(session) => session.unsaved(),
            Flow::Login(_) | Flow::Logout(_) => None,
        }
    }

    /// The action takes effect, and the process does not hear of it yet.
    pub fn act_only(&mut self, process: usize) {
        self.act(process);
    }

    /// Does all of one action: time passes as it needs to.
    fn act(&mut self, process: usize) {
        self.pass(Millis(1));
        let Some(action) = self.wants(process) else { return };
        if let Action::PostForm(request) | Action::Fetch(request) = action {
            self.note_action(process, if request.url.ends_with("/token") { "post to /token" } else { "request" });
            self.fly(process, request);
        } else {
            self.perform(process);
        }
        loop {
            match &self.processes[process].doing {
                Doing::Waiting { until, at } => {
                    let by_wall = at.since(self.clock.now());
                    let left = Millis(until.saturating_sub(self.clock.elapsed()));
                    self.pass(left.min(by_wall));
                }
                Doing::Locking { until, .. } => {
                    let left = Millis(until.saturating_sub(self.clock.elapsed()));
                    self.pass(left);
                }
                Doing::Answered(_) | Doing::Flying(_) | Doing::Idle => return,
            }
        }
    }

    /// The process hears what became of its action.
    pub(super) fn deliver(&mut self, process: usize) -> Option<End> {
        let doing = std::mem::replace(&mut self.processes[process].doing, Doing::Idle);
        let Doing::Answered(outcome) = doing else {
            self.processes[process].doing = doing;
            return None;
        };
        let (id, _) = self.processes[process].flow.as_ref()?.wants()?;
        let name = outcome.name();
        self.note(|| format!("process {process}: {name}"));
        let sent = self.sendings.iter_mut().rfind(|sending| sending.process == process);
        let answered = sent.filter(|sending| sending.fate == Fate::InFlight);
        let answered_fate = answered.map(|sending| {
            sending.fate = fate(&outcome);
            sending.fate
        });
        let moment = self.moment();
        let known = &mut self.processes[process];
        known.steps += 1;
        let flow = known.flow.as_mut()?;
        let progress = flow.handle(moment, Event { id, outcome }).expect("an answer that fits");
        if name == "callback" {
            known.redirect = None;
        }
        if progress == Progress::Advanced {
            known.snapshot = flow.checkpoint();
        }
        let next = flow.wants();
        let is_saving = matches!(next, Some((_, Action::Save(_) | Action::Note(_))));
        if answered_fate == Some(Fate::Tokens) && !is_saving {
            self.watch.broke(format!("I1: process {process} has new tokens and does not save them at once"));
        }
        self.watch_limits(process);
        if next.is_some() {
            return None;
        }
        let end = self.processes[process].flow.take()?.end()?;
        self.settle_sendings(process);
        self.note(|| format!("process {process} ends: {end:?}"));
        self.watch_end(process, &end);
        Some(end)
    }

    /// Whether a process has neither ended nor died.
    #[must_use]
    pub fn lives(&self, process: usize) -> bool {
        self.processes[process].flow.is_some()
    }

    /// A process dies: its memory and its lease are gone, what it sent is not.
    pub fn kill(&mut self, process: usize) {
        self.note(|| format!("process {process} dies"));
        let doing = std::mem::replace(&mut self.processes[process].doing, Doing::Idle);
        if let Doing::Flying(flight) = doing {
            self.haunt(flight, None);
        }
        self.processes[process].flow = None;
        self.store.died(process);
        self.settle_sendings(process);
    }

    /// Runs `steps` actions and their answers, then dies at the next one. `Some` if the flow ended before.
    pub fn run_and_die(&mut self, flow: Flow, steps: usize, dies: Dies) -> (usize, Option<End>) {
        let process = self.start(flow);
        (process, self.go_on_and_die(process, steps, dies))
    }

    /// Runs `steps` actions and their answers, and stands still.
    pub fn run_and_stop(&mut self, flow: Flow, steps: usize) -> usize {
        let process = self.start(flow);
        for _ in 0..steps {
            self.step(process);
        }
        process
    }

    /// Like [`World::run_and_die`], for a process that runs already. True if it died.
    pub fn run_on_and_die(&mut self, process: usize, steps: usize, dies: Dies) -> bool {
        self.go_on_and_die(process, steps, dies).is_none()
    }

    fn go_on_and_die(&mut self, process: usize, steps: usize, dies: Dies) -> Option<End> {
        for _ in 0..steps {
            if let Some(end) = self.step(process) {
                return Some(end);
            }
        }
        let request = match (dies, self.wants(process)) {
            (Dies::Before, _) => None,
            (Dies::After, _) => {
                self.act(process);
                None
            }
            (_, Some(Action::PostForm(request) | Action::Fetch(request))) => Some(request),
            (_, _) => None,
        };
        if let Some(request) = request {
            self.processes[process].doing = self.leave(process, request);
            if dies == Dies::BetweenServerAndAnswer {
                self.serve(process);
            } else if let Doing::Flying(flight) = std::mem::replace(&mut self.processes[process].doing, Doing::Idle) {
                let lands_at = Some(self.clock.elapsed() + 300);
                self.haunt(flight, lands_at);
            }
        }
        self.kill(process);
        None
    }

    /// A new process goes on with the login of a dead one.
    pub fn resume(&mut self, dead: usize) -> Option<usize> {
        let Process { snapshot, redirect, .. } = &self.processes[dead];
        let (snapshot, redirect) = (snapshot.clone()?, redirect.clone());
        let (moment, config) = (self.moment(), self.config.clone());
        let session = Session::<Login>::resume(snapshot.as_bytes(), &config, moment).expect("a readable snapshot");
        self.note(|| format!("the login of process {dead} is resumed"));
        Some(self.start_from(Flow::Login(session), Some(snapshot), redirect))
    }

    /// What is on disk of the login of a process.
    #[must_use]
    pub fn snapshot_of(&self, process: usize) -> Option<Snapshot> {
        self.processes[process].snapshot.clone()
    }

    /// A second process in the same state: two that were resumed from the same snapshot.
    pub fn twin(&mut self, process: usize) -> usize {
        let flow = self.processes[process].flow.clone().expect("a living process");
        self.start(flow)
    }

    /// The end of a process that ended by being resumed: the code of its login was on its way.
    pub fn end_of(&mut self, process: usize) -> Option<End> {
        if self.wants(process).is_some() {
            return None;
        }
        self.processes[process].flow.take()?.end()
    }

    pub(super) fn redirected(&mut self, process: usize, wait: &AwaitCallback) -> Outcome {
        if let Some(callback) = &self.processes[process].redirect {
            return Outcome::Callback(callback.clone());
        }
        let outcome = match self.redirects.pop_front() {
            Some(redirect) => redirect(wait),
            None => {
                let query = self.server.authorize(&wait.url);
                Outcome::Callback(super::browser::redirect(&wait.redirect_uri, &query))
            }
        };
        if let Outcome::Callback(callback) = &outcome {
            self.processes[process].redirect = Some(callback.clone());
        }
        outcome
    }

    /// Waits that are over end.
    pub(super) fn wake(&mut self) {
        let (elapsed, now) = (self.clock.elapsed(), self.clock.now());
        for at in 0..self.processes.len() {
            let doing = &self.processes[at].doing;
            match doing {
                Doing::Waiting { at: wall, until } if *until <= elapsed || *wall <= now => {
                    self.processes[at].doing = Doing::Answered(Outcome::Elapsed);
                }
                Doing::Locking { .. } => self.try_lock(at),
                Doing::Flying(flight) if flight.left_at + flight.request.deadline.0 <= elapsed => self.lose(at, None),
                Doing::Answered(_) | Doing::Flying(_) | Doing::Idle | Doing::Waiting { .. } => {}
            }
        }
    }

    /// What a process has neither saved nor noted when it ends is as good as unknown.
    fn settle_sendings(&mut self, process: usize) {
        let now = self.clock.now();
        let noted = match self.store.ledger(now) {
            StoredLedger::Read(ledger) => ledger.refused,
            StoredLedger::Absent | StoredLedger::Newer | StoredLedger::Unreadable => None,
        };
        for sending in self.sendings.iter_mut().filter(|sending| sending.process == process) {
            let is_noted = noted == Some(Server::refresh_token(sending.grant).hash());
            match sending.fate {
                Fate::InFlight | Fate::Tokens => sending.fate = Fate::Unknown,
                Fate::Refused if !is_noted => sending.fate = Fate::Unknown,
                Fate::Otherwise | Fate::Refused | Fate::Saved | Fate::Unknown => {}
            }
        }
    }

    pub(super) fn saved(&mut self, process: usize) {
        let stored = self.store.record().and_then(|record| record.renewed_from.clone());
        for sending in self.sendings.iter_mut().filter(|sending| sending.process == process) {
            let token = Server::refresh_token(sending.grant);
            if sending.fate == Fate::Tokens && stored.as_ref() == Some(&token.hash()) {
                sending.fate = Fate::Saved;
            }
        }
    }

    pub(super) fn note_action(&mut self, process: usize, what: &str) {
        self.note(|| format!("process {process}: {what}"));
    }
}
