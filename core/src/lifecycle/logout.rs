//! Ends a login: mark it, tell the server, delete it.
//!
//! ```text
//!  Loading --record--> Marking --> Revoking --> Deleting --> done
//!     `--none--> done     `-- conflict: mark theirs
//! ```
//! No lease is taken, so a logout never waits for a stopped holder. From the mark on the record reads as none, and
//! whoever meets it finishes. A login that arrives in between stays.

use crate::action::{Action, Delete, Load, Save};
use crate::answers::Written;
use crate::config::Config;
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::event::Outcome;
use crate::lifecycle::record::{LoginId, Mark, Record};
use crate::lifecycle::revoke::{Revoke, Revoked};
use crate::machine::{Machine, Next};
use crate::moment::Moment;
use crate::named::Named;
use crate::session::Session;

/// How often a conflicting write is met with another try: each means that another process wrote in between.
const MAX_CONFLICTS: u8 = 16;

/// Whether the server is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Scope {
    /// Here and at the server.
    Everywhere,
    /// Here only: the tokens stay alive at the server.
    LocalOnly,
}

/// What a logout did.
#[derive(Clone, Debug, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize)]
pub struct LoggedOut {
    /// Who was logged in; `None` when nobody was.
    pub claims: Option<Named<String>>,
    /// What the server was told.
    pub revoked: Revoked,
}

/// The machine of a logout.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Logout {
    task: Box<Task>,
    state: State,
}

/// What stays the same from state to state.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Task {
    config: Config,
    scope: Scope,
    conflicts: u8,
}

#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
enum State {
    Deleting { record: Box<Record>, revoked: Revoked },
    Loading,
    Marking { record: Box<Record> },
    Revoking { record: Box<Record>, revoke: Box<Revoke> },
}

impl Logout {
    /// Logs out of the credential that the configuration names.
    #[must_use]
    pub fn start(config: &Config, scope: Scope, _moment: Moment) -> Session<Logout> {
        Session::new(Box::new(Task { config: config.clone(), scope, conflicts: 0 }).with(State::Loading))
    }

    /// Goes on with a logout whose process died: the record carries its mark.
    pub(crate) fn finish(config: &Config, record: Box<Record>, moment: &Moment) -> Self {
        Box::new(Task { config: config.clone(), scope: Scope::Everywhere, conflicts: 0 }).revoke(record, moment)
    }
}

impl Task {
    fn with(self: Box<Self>, state: State) -> Logout {
        Logout { task: self, state }
    }

    fn found(self: Box<Self>, record: Option<Box<Record>>, moment: &Moment) -> Next<Logout, LoggedOut> {
        let Some(record) = record else {
            return Next::Done(LoggedOut { claims: None, revoked: Revoked::NotTried });
        };
        if self.scope == Scope::LocalOnly {
            return Next::Continue(self.with(State::Deleting { record, revoked: Revoked::NotTried }));
        }
        if record.mark == Mark::LoggedOut {
            return Next::Continue(self.revoke(record, moment));
        }
        Next::Continue(self.with(State::Marking { record }))
    }

    fn revoke(self: Box<Self>, record: Box<Record>, moment: &Moment) -> Logout {
        match Revoke::new(&self.config, &record, moment.now) {
            Some(revoke) => self.with(State::Revoking { record, revoke: Box::new(revoke) }),
            None => self.with(State::Deleting { record, revoked: Revoked::NotTried }),
        }
    }

    /// Another process wrote in between: a renewal of the same login is marked anew, another login stays.
    fn conflict(
        mut self: Box<Self>,
        login_id: &LoginId,
        theirs: Option<Box<Record>>,
        revoked: Revoked,
        moment: &Moment,
    ) -> Next<Logout, LoggedOut> {
        self.conflicts += 1;
        match theirs {
            Some(theirs) if theirs.login_id == *login_id && self.conflicts <= MAX_CONFLICTS => {
                self.found(Some(theirs), moment)
            }
            Some(theirs) if theirs.login_id == *login_id => {
                let detail = "other processes keep writing the same login";
                let next = NextStep::RetryAt { at: moment.now };
                Next::Fail(Failure::boxed(FlowStep::Deletion, FailureKind::Busy, detail, next))
            }
            Some(_) | None => Next::Done(LoggedOut { claims: None, revoked }),
        }
    }
}

impl Machine for Logout {
    type Output = LoggedOut;
    const NAME: &'static str = "logout";

    fn action(&self) -> Action {
        let key = self.task.config.key.clone();
        match &self.state {
            State::Deleting { record, .. } => Action::Delete(Delete { key, expected: record.version() }),
            State::Loading => Action::Load(Load { key }),
            State::Marking { record } => {
                Action::Save(Save { key, expected: Some(record.version()), record: Box::new(marked(record)) })
            }
            State::Revoking { revoke, .. } => revoke.action(),
        }
    }

    fn advance(self, outcome: Outcome, moment: Moment) -> Next<Logout, LoggedOut> {
        let Logout { task, state } = self;
        match state {
            State::Deleting { record, revoked } => match outcome.written() {
                Ok(Written::Done) => Next::Done(LoggedOut { claims: Some(record.claims), revoked }),
                Ok(Written::Conflict(theirs)) => task.conflict(&record.login_id, theirs, revoked, &moment),
                Err(failure) => Next::Fail(Failure::store(FlowStep::Deletion, &failure)),
            },
            State::Loading => match outcome.loaded() {
                Ok(record) => task.found(record, &moment),
                Err(failure) => Next::Fail(Failure::store(FlowStep::Loading, &failure)),
            },
            State::Marking { record } => match outcome.written() {
                Ok(Written::Done) => {
                    let record = Box::new(marked(&record));
                    Next::Continue(task.revoke(record, &moment))
                }
                Ok(Written::Conflict(theirs)) => task.conflict(&record.login_id, theirs, Revoked::NotTried, &moment),
                // The mark only helps others to finish: a full disk does not keep anybody logged in.
                Err(_) => Next::Continue(task.revoke(record, &moment)),
            },
            State::Revoking { record, revoke } => revoke.advance(outcome, moment).nest(
                (task, record),
                |(task, record), revoke| task.with(State::Revoking { record, revoke: Box::new(revoke) }),
                |(task, record), end| {
                    let revoked = end.unwrap_or_else(|failure| Revoked::NotConfirmed { why: failure.detail });
                    Next::Continue(task.with(State::Deleting { record, revoked }))
                },
            ),
        }
    }
}

fn marked(record: &Record) -> Record {
    Record { mark: Mark::LoggedOut, generation: record.generation.saturating_add(1), ..record.clone() }
}
