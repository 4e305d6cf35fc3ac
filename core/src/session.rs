//! A running machine: numbers its actions, and refuses answers that answer nothing.

use crate::action::Action;
use crate::error::{Failure, Rejected};
use crate::event::{ActionId, Event};
use crate::machine::{Machine, Next, Reason};
use crate::moment::Moment;

/// A running machine.
///
/// - *poll*: [`Session::poll`] says what to do; it is pure and may be asked at any time.
/// - *handle*: [`Session::handle`] takes what happened; an `Err` changed nothing.
/// - *getters*: [`Session::into_end`], and for logins [`Session::checkpoint`].
///
/// Dropping a session cancels it.
#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
pub struct Session<M: Machine> {
    id: ActionId,
    state: State<M, M::Output>,
}

#[cfg_attr(feature = "model", derive(Clone, PartialEq, Eq, Hash))]
enum State<M, O> {
    Running(M),
    Ended(Result<O, Box<Failure>>),
}

/// What a session wants.
#[derive(Debug)]
pub enum Step<'a, O> {
    /// Perform `action` once, and answer with its `id`.
    Act {
        /// To be given back with the answer.
        id: ActionId,
        /// What to do.
        action: Action,
    },
    /// The flow has ended.
    Done(&'a Result<O, Box<Failure>>),
}

/// What an accepted event did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Progress {
    /// A new action stands, or the end.
    Advanced,
    /// The same action stands, with the same id: keep waiting.
    Ignored(Reason),
}

impl<M: Machine> Session<M> {
    pub(crate) fn new(machine: M) -> Self {
        Session { id: ActionId { life: 0, step: 0 }, state: State::Running(machine) }
    }

    pub(crate) fn ended(end: Result<M::Output, Box<Failure>>) -> Self {
        Session { id: ActionId { life: 0, step: 0 }, state: State::Ended(end) }
    }

    pub(crate) fn in_life(mut self, life: u32) -> Self {
        self.id.life = life;
        self
    }

    pub(crate) fn life(&self) -> u32 {
        self.id.life
    }

    /// The machine while it runs.
    pub(crate) fn machine(&self) -> Option<&M> {
        match &self.state {
            State::Running(machine) => Some(machine),
            State::Ended(_) => None,
        }
    }

    /// What to do now. Pure: the same answer until [`Session::handle`] advances.
    #[must_use]
    pub fn poll(&self) -> Step<'_, M::Output> {
        match &self.state {
            State::Running(machine) => Step::Act { id: self.id, action: machine.action() },
            State::Ended(end) => Step::Done(end),
        }
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// The caller's mistakes, with the session unchanged: it has ended, the id is not the outstanding one, or the
    /// outcome answers another action.
    pub fn handle(&mut self, moment: Moment, event: Event) -> Result<Progress, Rejected> {
        let State::Running(machine) = &self.state else { return Err(Rejected::Ended) };
        if event.id != self.id {
            return Err(Rejected::Stale { expected: self.id, got: event.id });
        }
        let action = machine.action();
        if !action.accepts(&event.outcome) {
            return Err(Rejected::WrongOutcome { action: action.name(), outcome: event.outcome.name() });
        }
        let placeholder = State::Ended(Err(Box::new(Failure::bug("a session was used after a panic"))));
        let State::Running(machine) = std::mem::replace(&mut self.state, placeholder) else {
            return Err(Rejected::Ended);
        };
        let (state, progress) = match machine.advance(event.outcome, moment) {
            Next::Continue(machine) => (State::Running(machine), Progress::Advanced),
            Next::Done(output) => (State::Ended(Ok(output)), Progress::Advanced),
            Next::Fail(failure) => (State::Ended(Err(failure)), Progress::Advanced),
            Next::Ignore(machine, reason) => (State::Running(machine), Progress::Ignored(reason)),
        };
        self.state = state;
        if progress == Progress::Advanced {
            self.id.step = self.id.step.saturating_add(1);
        }
        Ok(progress)
    }

    /// The end, if it has been reached.
    #[must_use]
    pub fn into_end(self) -> Option<Result<M::Output, Box<Failure>>> {
        match self.state {
            State::Running(_) => None,
            State::Ended(end) => Some(end),
        }
    }
}

impl<M: Machine> std::fmt::Debug for Session<M> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let waits_for = self.machine().map(|machine| machine.action().name());
        f.debug_struct("Session").field("flow", &M::NAME).field("id", &self.id).field("waits_for", &waits_for).finish()
    }
}
