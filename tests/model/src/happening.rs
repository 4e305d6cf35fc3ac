//! What can happen next.

use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::event::Outcome;
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::moment::UnixMillis;

use crate::effects::Hears;
use crate::process::{Doing, Process};
use crate::setting::{Safeguard, Setting};
use crate::wire::{Reply, Wire, failed};
use crate::world::{Wanted, World};

/// One step of the world. A number is a place among the processes, the ghosts or the logins left behind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Happening {
    /// Somebody asks for a token.
    Ask(Wanted),
    /// The lease does not come in time.
    Busy(usize),
    /// A process is killed.
    Crash(usize),
    /// An answer reaches its process.
    Deliver(usize, Hears),
    /// The action that stands takes effect.
    Do(usize, Hears),
    /// A process that stood still after its action hears what became of it.
    Hear(usize),
    /// The wall clock is set.
    Jump(i8),
    /// A request without a sender reaches the server.
    Land(usize),
    /// Somebody logs in: from the redirect on.
    LogIn,
    /// Somebody logs out.
    LogOut,
    /// A process hears that nobody knows what became of its request.
    Lose(usize),
    /// Another process goes on with a login.
    Resume(usize),
    /// A request reaches the server.
    Serve(usize),
    /// The store cannot do it; or does it, and cannot say so.
    StoreFails {
        /// The process.
        at: usize,
        /// Whether it is done.
        works: bool,
    },
    /// Time passes.
    Tick,
    /// The server asks to be left alone, and does not look at the request.
    TooMany(usize),
    /// The server acts, and answers that it is in trouble.
    Trouble(usize),
    /// A request cannot leave.
    Unsent(usize),
    /// A wait is over.
    Wake(usize),
}

use Happening::{
    Ask, Busy, Crash, Deliver, Do, Hear, Jump, Land, LogIn, LogOut, Lose, Resume, Serve, StoreFails, Tick, TooMany,
    Trouble, Unsent, Wake,
};

impl World {
    /// Everything that can happen next.
    pub(crate) fn happenings(&self, setting: &Setting, all: &mut Vec<Happening>) {
        let left = &self.left;
        if self.processes.len() < setting.processes {
            if left.asks > 0 {
                all.push(Ask(Wanted::Any));
                if setting.rejections && self.store.record.is_some() {
                    all.push(Ask(Wanted::AnotherThanStored));
                }
            }
            if left.logins > 0 {
                all.push(LogIn);
            }
            if left.logouts > 0 {
                all.push(LogOut);
            }
            all.extend((0..self.left_behind.len()).map(Resume));
        }
        for (at, process) in self.processes.iter().enumerate() {
            // Of two that are the same, one is enough.
            if at == 0 || self.processes[at - 1] != *process {
                self.of_process(at, process, setting, all);
            }
        }
        all.extend((0..self.ghosts.len()).map(Land));
        if left.jumps > 0 {
            all.extend(setting.jumps.iter().copied().map(Jump));
        }
        if self.may_tick(setting) {
            all.push(Tick);
        }
    }

    fn of_process(&self, at: usize, process: &Process, setting: &Setting, all: &mut Vec<Happening>) {
        let faulty = self.left.faults > 0;
        match &process.doing {
            Doing::Answered { at: since, .. } => {
                if self.clock.elapsed > *since {
                    all.push(Hear(at));
                }
            }
            Doing::Flying { wire, reply, .. } => {
                all.push(if reply.is_some() { Deliver(at, Hears::AtOnce) } else { Serve(at) });
                if faulty {
                    all.push(Lose(at));
                    all.push(Crash(at));
                    if reply.is_some() {
                        all.push(Deliver(at, Hears::Later));
                    } else if matches!(wire, Wire::Refresh(_)) {
                        all.push(TooMany(at));
                        all.push(Trouble(at));
                    }
                }
            }
            Doing::Standing => self.of_action(at, &process.run.action, setting, all),
            Doing::Waiting { at: instant, until } => {
                if self.is_over(*instant, *until, setting) {
                    all.push(Wake(at));
                } else if faulty {
                    all.push(Crash(at));
                }
            }
        }
    }

    fn of_action(&self, at: usize, action: &Action, setting: &Setting, all: &mut Vec<Happening>) {
        let faulty = self.left.faults > 0;
        let is_exclusive = !setting.lacks(Safeguard::ExclusiveLease);
        if matches!(action, Action::Lock(_)) && self.store.is_leased() && is_exclusive {
            if self.left.busy > 0 {
                all.push(Busy(at));
            }
            if faulty {
                all.push(Crash(at));
            }
            return;
        }
        all.push(Do(at, Hears::AtOnce));
        if !faulty {
            return;
        }
        all.push(Crash(at));
        if matches!(action, Action::PostForm(_)) {
            all.push(Unsent(at));
            return;
        }
        if !matches!(action, Action::WaitUntil(_)) {
            all.push(Do(at, Hears::Later));
        }
        if matches!(action, Action::Load(_) | Action::Note(_) | Action::Save(_)) {
            all.push(StoreFails { at, works: false });
        }
        if matches!(action, Action::Note(_) | Action::Save(_)) {
            all.push(StoreFails { at, works: true });
        }
    }

    /// Whether a wait is over.
    pub(crate) fn is_over(&self, instant: UnixMillis, until: u8, setting: &Setting) -> bool {
        let is_over = self.clock.now() >= instant || self.clock.elapsed >= until;
        is_over && !setting.lacks(Safeguard::EndOfAWait)
    }

    /// The deadline of a request fires before time passes it by.
    fn may_tick(&self, setting: &Setting) -> bool {
        let overdue = |process: &Process| match process.doing {
            Doing::Flying { left, lasts, .. } => self.clock.elapsed >= left + lasts,
            Doing::Answered { .. } | Doing::Standing | Doing::Waiting { .. } => false,
        };
        let waits_for_a_save = setting.prompt_saves && self.watch.hurries();
        let waits_for_bytes = !setting.slow_bytes && self.processes.iter().any(overdue);
        self.clock.elapsed < setting.ticks && !waits_for_a_save && !waits_for_bytes
    }

    /// The world after it.
    pub(crate) fn after(&self, happening: Happening, setting: &Setting, config: &Config) -> World {
        let mut world = self.clone();
        world.watch.spent_twice.clear();
        if happening.is_fault() {
            world.left.faults -= 1;
        }
        match happening {
            Ask(wanted) => world.ask(wanted, config),
            Busy(at) => world.busy(at),
            Crash(at) => world.crash(at),
            Deliver(at, hears) => world.deliver(at, hears),
            Do(at, hears) => world.perform(at, hears, setting),
            Hear(at) => {
                if let Doing::Answered { outcome, .. } = world.processes[at].doing.clone() {
                    world.hear(at, (*outcome).clone());
                }
            }
            Jump(by) => world.jump(by),
            Land(at) => {
                let (wire, _) = world.ghosts.remove(at);
                world.arrives(wire, setting);
            }
            LogIn => world.log_in(config, setting),
            LogOut => world.log_out(config),
            Lose(at) => world.lose(at),
            Resume(at) => world.resume(at, config),
            Serve(at) => world.serve(at, setting),
            StoreFails { at, works } => world.store_fails(at, works, setting),
            Tick => world.tick(),
            TooMany(at) => world.replied(at, Reply::TooMany),
            Trouble(at) => {
                world.serve(at, setting);
                world.replied(at, Reply::Trouble);
            }
            Unsent(at) => world.hear(at, failed(Sent::NotSent, IoFailureKind::Unreachable)),
            Wake(at) => world.hear(at, Outcome::Elapsed),
        }
        world.canonical()
    }

    fn replied(&mut self, at: usize, with: Reply) {
        if let Doing::Flying { reply, .. } = &mut self.processes[at].doing {
            *reply = Some(with);
        }
    }
}

impl Happening {
    fn is_fault(self) -> bool {
        match self {
            Crash(_) | Lose(_) | StoreFails { .. } | TooMany(_) | Trouble(_) | Unsent(_) => true,
            Deliver(_, hears) | Do(_, hears) => hears == Hears::Later,
            Ask(_) | Busy(_) | Hear(_) | Jump(_) | Land(_) | LogIn | LogOut | Resume(_) | Serve(_) | Tick | Wake(_) => {
                false
            }
        }
    }

    /// Whose step it is.
    #[must_use]
    pub(crate) fn process(self) -> Option<usize> {
        match self {
            Busy(at)
            | Crash(at)
            | Deliver(at, _)
            | Do(at, _)
            | Hear(at)
            | Lose(at)
            | Serve(at)
            | StoreFails { at, .. }
            | TooMany(at)
            | Trouble(at)
            | Unsent(at)
            | Wake(at) => Some(at),
            Ask(_) | Jump(_) | Land(_) | LogIn | LogOut | Resume(_) | Tick => None,
        }
    }
}
