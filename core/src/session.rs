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
        check(self.id, &machine.action(), &event)?;
        let placeholder = State::Ended(Err(Failure::bug("a session was used after a panic")));
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

    /// The same session, its outstanding action numbered as the first one: to a model checker a state is the same by
    /// whatever way it was reached. Answers under the old number are stale.
    #[cfg(feature = "model")]
    #[must_use]
    pub fn renumbered(mut self) -> Self {
        self.id = ActionId { life: 0, step: 0 };
        self
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

/// Whether an event answers the action that stands.
fn check(expected: ActionId, action: &Action, event: &Event) -> Result<(), Rejected> {
    if event.id != expected {
        return Err(Rejected::Stale { expected, got: event.id });
    }
    if !action.accepts(&event.outcome) {
        return Err(Rejected::WrongOutcome { action: action.name(), outcome: event.outcome.name() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::AwaitCallback;
    use crate::error::{FailureKind, FlowStep, NextStep};
    use crate::event::{Callback, CallbackSource, Outcome};
    use crate::moment::UnixMillis;
    use crate::secret::Secret;

    /// Waits for callbacks: `next` advances, `end` ends, `panic` panics, all else is ignored.
    struct Doorbell;

    impl Machine for Doorbell {
        type Output = &'static str;
        const NAME: &'static str = "doorbell";

        fn action(&self) -> Action {
            let (url, redirect_uri) = ("https://as.example/".to_owned(), "http://127.0.0.1:1/".to_owned());
            Action::AwaitCallback(AwaitCallback { url, redirect_uri, deadline: UnixMillis(9) })
        }

        fn advance(self, outcome: Outcome, _moment: Moment) -> Next<Self, &'static str> {
            let Outcome::Callback(callback) = outcome else {
                let failure = Failure::new(FlowStep::Callback, FailureKind::TimedOut, "nobody came", NextStep::LogIn);
                return Next::Fail(Box::new(failure));
            };
            match callback.target.expose() {
                "next" => Next::Continue(self),
                "end" => Next::Done("opened"),
                "panic" => panic!("the machine broke"),
                _ => Next::Ignore(self, Reason { status: 404, sentence: "not a knock".to_owned() }),
            }
        }
    }

    fn knock(target: &str) -> Outcome {
        Outcome::Callback(Callback {
            source: CallbackSource::Listening,
            method: "GET".to_owned(),
            target: Secret::new(target),
            headers: Vec::new(),
            body: Secret::default(),
        })
    }

    fn moment() -> Moment {
        Moment { now: UnixMillis(1), entropy: [0; 32] }
    }

    fn id(life: u32, step: u32) -> ActionId {
        ActionId { life, step }
    }

    fn answer(session: &mut Session<Doorbell>, id: ActionId, outcome: Outcome) -> Result<Progress, Rejected> {
        session.handle(moment(), Event { id, outcome })
    }

    #[test]
    fn each_advance_takes_the_next_number() {
        let mut session = Session::new(Doorbell).in_life(3);
        for step in 0..3 {
            assert!(matches!(session.poll(), Step::Act { id, .. } if id == self::id(3, step)));
            assert_eq!(answer(&mut session, id(3, step), knock("next")), Ok(Progress::Advanced));
        }
        assert_eq!(session.life(), 3);
    }

    #[test]
    fn what_does_not_count_leaves_the_same_action_under_the_same_number() {
        let mut session = Session::new(Doorbell);
        let Ok(Progress::Ignored(reason)) = answer(&mut session, id(0, 0), knock("favicon")) else { panic!("counted") };
        assert_eq!(reason.status, 404);
        assert!(matches!(session.poll(), Step::Act { id: ActionId { life: 0, step: 0 }, .. }));
    }

    #[test]
    fn numbers_of_other_steps_and_other_lives_are_refused() {
        let mut session = Session::new(Doorbell).in_life(1);
        for got in [id(0, 0), id(1, 1), id(2, 0)] {
            let expected = id(1, 0);
            assert_eq!(answer(&mut session, got, knock("end")), Err(Rejected::Stale { expected, got }));
        }
        assert_eq!(answer(&mut session, id(1, 0), knock("end")), Ok(Progress::Advanced));
    }

    #[test]
    fn an_outcome_of_another_action_is_refused_before_the_machine_sees_it() {
        let mut session = Session::new(Doorbell);
        let refused = Rejected::WrongOutcome { action: "await callback", outcome: "saved" };
        assert_eq!(answer(&mut session, id(0, 0), Outcome::Saved), Err(refused));
        assert_eq!(answer(&mut session, id(0, 0), knock("end")), Ok(Progress::Advanced));
    }

    #[test]
    fn an_end_is_final_and_can_be_taken() {
        let mut session = Session::new(Doorbell);
        assert_eq!(answer(&mut session, id(0, 0), knock("end")), Ok(Progress::Advanced));
        assert!(matches!(session.poll(), Step::Done(Ok(end)) if *end == "opened"));
        assert_eq!(answer(&mut session, id(0, 1), knock("end")), Err(Rejected::Ended));
        assert_eq!(session.into_end().unwrap().unwrap(), "opened");
        assert!(Session::new(Doorbell).into_end().is_none());
    }

    #[test]
    fn a_failure_is_an_end() {
        let mut session = Session::new(Doorbell);
        assert_eq!(answer(&mut session, id(0, 0), Outcome::TimedOut), Ok(Progress::Advanced));
        assert_eq!(session.into_end().unwrap().unwrap_err().kind, FailureKind::TimedOut);
    }

    #[test]
    fn a_machine_that_panicked_leaves_an_ended_session() {
        let mut session = Session::new(Doorbell);
        let broke =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| answer(&mut session, id(0, 0), knock("panic"))));
        assert!(broke.is_err());
        assert!(matches!(session.poll(), Step::Done(Err(failure)) if failure.kind == FailureKind::Bug));
        assert_eq!(answer(&mut session, id(0, 0), knock("end")), Err(Rejected::Ended));
    }

    #[test]
    fn a_session_shows_what_it_waits_for_and_no_more() {
        let session = Session::new(Doorbell);
        let shown = format!("{session:?}");
        assert!(shown.contains("doorbell") && shown.contains("await callback") && !shown.contains("as.example"));
    }
}
