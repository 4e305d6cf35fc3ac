//! A process that runs one flow.

use std::hash::{Hash, Hasher};

use tokenway_core::event::Outcome;
use tokenway_core::http::HttpRequest;
use tokenway_core::moment::{Moment, UnixMillis};

use crate::clock::{Clock, START};
use crate::flow::Standing;
use crate::kept::Kept;
use crate::wire::{Grant, Reply, Wire};

/// A living process.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Process {
    /// Who it is in a story; to the model all processes are alike.
    pub(crate) name: Name,
    pub(crate) run: Kept<Standing>,
    pub(crate) doing: Doing,
    /// The number of its login.
    pub(crate) login: Option<u8>,
    /// The lease that it took and did not give back.
    pub(crate) lease: Option<u8>,
    /// The refresh token that it sent last.
    pub(crate) sent: Option<Grant>,
    /// When it wrote the last note.
    pub(crate) noted_at: u8,
    /// When it last heard of the record or of its sending: what it hands out is judged then, and may die before the
    /// lease is given back.
    pub(crate) judged_at: UnixMillis,
    /// The logins that were over when it began, one bit each.
    pub(crate) over: u8,
    /// What its first `Load` brought, where that counts.
    pub(crate) seen: Option<Kept<Outcome>>,
}

/// What a process is doing.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Doing {
    /// The action took effect, and the process stands still before it hears.
    Answered { outcome: Kept<Outcome>, at: u8 },
    /// Its request is under way, or its answer.
    Flying { wire: Wire, left: u8, lasts: u8, reply: Option<Reply> },
    /// The action stands, and nothing was done.
    Standing,
    /// It waits for an instant of the wall clock, or for a tick.
    Waiting { at: UnixMillis, until: u8 },
}

/// A name that does not make a difference.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Name(pub(crate) u8);

impl PartialEq for Name {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

impl Eq for Name {}

impl Hash for Name {
    fn hash<H: Hasher>(&self, _: &mut H) {}
}

impl Process {
    pub(crate) fn new(name: u8, run: Standing, login: Option<u8>, over: u8) -> Self {
        Process {
            name: Name(name),
            run: Kept::new(run),
            doing: Doing::Standing,
            login,
            lease: None,
            sent: None,
            noted_at: 0,
            judged_at: START,
            over,
            seen: None,
        }
    }

    /// Entropy makes logins different, and nothing else.
    pub(crate) fn moment(&self, clock: Clock) -> Moment {
        moment(clock, self.login)
    }
}

pub(crate) fn moment(clock: Clock, login: Option<u8>) -> Moment {
    Moment { now: clock.now(), entropy: [login.unwrap_or_default(); 32] }
}

/// The longest that a request may be under way, in ticks.
pub(crate) fn lasts(request: &HttpRequest) -> u8 {
    u8::try_from(request.deadline.0 / crate::clock::TICK.0).unwrap_or(u8::MAX)
}
