//! One machine (or several), its processes, the network and the server: everything that a state is.

use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::event::Outcome;
use tokenway_core::lifecycle::Wish;
use tokenway_core::moment::Millis;

use crate::clock::Clock;
use crate::flow::{End, Flow};
use crate::kept::{Kept, hash_of};
use crate::process::{Doing, Name, Process, moment};
use crate::server::Server;
use crate::setting::{Budget, Setting};
use crate::store::Store;
use crate::watch::Watch;
use crate::wire::Wire;

/// A state of the model. Its processes stand in an order that depends on nothing but what they are, so that worlds that
/// differ only in who is who are the same state.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct World {
    pub(crate) clock: Clock,
    pub(crate) server: Server,
    pub(crate) store: Store,
    pub(crate) processes: Vec<Process>,
    /// Requests under way whose senders do not wait any more, and the ticks by which they have landed or never will.
    pub(crate) ghosts: Vec<(Wire, u8)>,
    /// Logins whose process died.
    pub(crate) left_behind: Vec<(u8, Kept<Vec<u8>>)>,
    /// The logins that have begun their exchange, one bit each.
    pub(crate) begun: u8,
    pub(crate) left: Budget,
    /// What was seen of the rules.
    pub(crate) watch: Watch,
    /// For names, and for nothing else.
    pub(crate) started: Name,
}

/// What an ask is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Any token that lives.
    Any,
    /// Another one than the stored one, which the API refused.
    AnotherThanStored,
}

impl World {
    /// Somebody is logged in, and the token has just died.
    #[must_use]
    pub(crate) fn new(setting: &Setting) -> Self {
        let store = Store::logged_in();
        let watch = Watch::new(store.record.as_deref().expect("a login"));
        World {
            clock: Clock { elapsed: 0, skew: 0 },
            server: Server::new(setting.budget.logins),
            store,
            processes: Vec::new(),
            ghosts: Vec::new(),
            left_behind: Vec::new(),
            begun: 0,
            left: setting.budget,
            watch,
            started: Name(0),
        }
    }

    pub(crate) fn ask(&mut self, wanted: Wanted, config: &Config) {
        let stored = self.store.record.as_deref().filter(|_| wanted == Wanted::AnotherThanStored);
        let rejected = stored.map(|record| record.access_token.hash());
        let wish = Wish { min_ttl: Millis::ZERO, rejected };
        let flow = Flow::get_token(config, wish, moment(self.clock, None));
        self.left.asks -= 1;
        self.start(flow, None);
    }

    pub(crate) fn log_in(&mut self, config: &Config, setting: &Setting) {
        let login = setting.budget.logins - self.left.logins + 1;
        let flow = Flow::login(config, login, moment(self.clock, Some(login)));
        self.left.logins -= 1;
        self.start(flow, Some(login));
    }

    pub(crate) fn log_out(&mut self, config: &Config) {
        let flow = Flow::logout(config, moment(self.clock, None));
        self.left.logouts -= 1;
        self.watch.logout_begins();
        self.start(flow, None);
    }

    pub(crate) fn resume(&mut self, at: usize, config: &Config) {
        let (login, snapshot) = self.left_behind.remove(at);
        let flow = Flow::resumed(&snapshot, config, login, moment(self.clock, Some(login)));
        self.start(flow, Some(login));
    }

    fn start(&mut self, flow: Flow, login: Option<u8>) {
        let name = self.started.0;
        self.started.0 += 1;
        if let Ok(standing) = flow.standing() {
            self.processes.push(Process::new(name, standing, login, self.watch.over));
        }
    }

    /// The process hears what became of its action, and goes on to the next, or ends.
    pub(crate) fn hear(&mut self, at: usize, outcome: Outcome) {
        let process = &mut self.processes[at];
        let flow = process.run.answered(outcome, process.moment(self.clock));
        process.doing = Doing::Standing;
        let judges = match &process.run.action {
            Action::Load(_) | Action::Lock(_) | Action::Save(_) => true,
            Action::Note(_) => process.sent.is_none(),
            Action::PostForm(request) => request.not_after.is_some(),
            Action::AwaitCallback(_) | Action::Begin(_) | Action::Delete(_) | Action::Fetch(_) | Action::Listen(_) => {
                false
            }
            Action::OpenUrl(_) | Action::Unlock(_) | Action::WaitUntil(_) => false,
        };
        if judges {
            process.judged_at = self.clock.now();
        }
        match flow.standing() {
            Ok(standing) => process.run = Kept::new(standing),
            Err(end) => self.ended(at, &end),
        }
    }

    fn ended(&mut self, at: usize, end: &End) {
        let process = self.gone(at);
        match end {
            End::GetToken(Ok(token)) => self.watch.got(token, &process, self.clock.now()),
            End::GetToken(Err(failure)) => self.watch.failed(failure),
            End::OfAPerson => {}
        }
    }

    /// A process dies: its memory and its lock are gone, what it sent is not.
    pub(crate) fn crash(&mut self, at: usize) {
        let process = self.gone(at);
        if let Doing::Flying { wire, left, lasts, reply: None } = process.doing {
            self.haunt(wire, left + lasts);
        }
        if let (Some(login), Some(snapshot)) = (process.login, process.run.flow.checkpoint()) {
            self.left_behind.push((login, Kept::new(snapshot.as_bytes().to_vec())));
        }
    }

    fn gone(&mut self, at: usize) -> Process {
        let process = self.processes.remove(at);
        if let Some(sent) = process.sent {
            self.watch.gone(sent);
        }
        self.store.died(process.lease);
        process
    }

    /// A request goes on without its sender.
    pub(crate) fn haunt(&mut self, wire: Wire, ends: u8) {
        if ends > self.clock.elapsed {
            self.ghosts.push((wire, ends));
        }
    }

    /// The request of a process reaches the server.
    pub(crate) fn serve(&mut self, at: usize, setting: &Setting) {
        let Doing::Flying { wire, .. } = self.processes[at].doing else { return };
        let answer = self.arrives(wire, setting);
        if let Doing::Flying { reply, .. } = &mut self.processes[at].doing {
            *reply = Some(answer);
        }
    }

    /// A request reaches the server.
    pub(crate) fn arrives(&mut self, wire: Wire, setting: &Setting) -> crate::wire::Reply {
        let reply = self.server.serve(wire, setting.grace);
        if self.server.reuse && setting.ways().is_empty() {
            self.watch.reuse(setting.grace);
        }
        reply
    }

    /// Everybody stands still for a tick.
    pub(crate) fn tick(&mut self) {
        self.clock.elapsed += 1;
        self.store.age(1);
        self.store.expire(self.clock.elapsed);
        let elapsed = self.clock.elapsed;
        self.ghosts.retain(|(_, ends)| *ends > elapsed);
    }

    /// Somebody sets the wall clock.
    pub(crate) fn jump(&mut self, by: i8) {
        self.left.jumps -= 1;
        self.clock.skew += by;
        // A clock that went back says nothing about the time in between: the notes do not become younger.
        self.store.age(u8::try_from(by).unwrap_or_default());
    }

    /// The bytes of a process leave.
    pub(crate) fn leaves(&mut self, at: usize, wire: Wire, lasts: u8) {
        let flying = |process: &Process| match process.doing {
            Doing::Flying { wire, .. } => Some(wire),
            Doing::Answered { .. } | Doing::Standing | Doing::Waiting { .. } => None,
        };
        let others: Vec<Wire> = self.processes.iter().filter_map(flying).collect();
        let noted_at = self.processes[at].noted_at;
        let ghosts: Vec<Wire> = self.ghosts.iter().map(|(wire, _)| *wire).collect();
        self.watch.leaves(wire, noted_at, self.clock.elapsed, &others, &ghosts);
        let process = &mut self.processes[at];
        if let Wire::Refresh(grant) = wire {
            process.sent = Some(grant);
        }
        process.doing = Doing::Flying { wire, left: self.clock.elapsed, lasts, reply: None };
    }

    /// The smallest number that no process knows a lease by: only whether two are the same makes a difference.
    pub(crate) fn free_number(&self) -> u8 {
        let is_taken = |number: u8| self.processes.iter().any(|process| process.lease == Some(number));
        (0..).find(|number| !is_taken(*number)).unwrap_or_default()
    }

    /// Worlds that differ only in who is who become the same.
    pub(crate) fn canonical(mut self) -> Self {
        self.processes.sort_by_cached_key(hash_of);
        self.ghosts.sort_unstable();
        self
    }
}
