//! What a flow implements, and how machines contain machines.

use crate::action::Action;
use crate::error::Failure;
use crate::event::Outcome;
use crate::json::object;
use crate::moment::Moment;

/// A flow as a state machine: one outstanding action, computed purely from the state.
///
/// Implemented by [`crate::flow::Login`], [`crate::lifecycle::GetToken`] and [`crate::lifecycle::Logout`]; run by
/// [`crate::session::Session`].
pub trait Machine: Sized {
    /// What the flow ends with when it succeeds.
    type Output;

    /// The flow's name in transcripts and messages.
    const NAME: &'static str;

    /// The action that the state waits for. Total, and the same for the same state.
    fn action(&self) -> Action;

    /// Consumes the answer to [`Machine::action`]. Only outcomes that the action accepts are given.
    fn advance(self, outcome: Outcome, moment: Moment) -> Next<Self, Self::Output>;
}

/// What a step leads to.
pub enum Next<M, O> {
    /// The next state.
    Continue(M),
    /// The end, reached.
    Done(O),
    /// The end, missed.
    Fail(Box<Failure>),
    /// The same state: this outcome does not count.
    Ignore(M, Reason),
}

impl<M, O> Next<M, O> {
    /// Lifts the step of a child machine into its parent. `rest` is what the parent holds beside the child: `wrap` puts
    /// both together while the child runs, `then` takes the child's end, whichever it is, so that a parent can always
    /// give back what it holds.
    pub fn nest<R, P, Q>(
        self,
        rest: R,
        wrap: impl FnOnce(R, M) -> P,
        then: impl FnOnce(R, Result<O, Box<Failure>>) -> Next<P, Q>,
    ) -> Next<P, Q> {
        match self {
            Next::Continue(child) => Next::Continue(wrap(rest, child)),
            Next::Done(output) => then(rest, Ok(output)),
            Next::Fail(failure) => then(rest, Err(failure)),
            Next::Ignore(child, reason) => Next::Ignore(wrap(rest, child), reason),
        }
    }
}

object!(Reason { status, sentence });

/// Why an outcome did not count: what the stray request is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reason {
    /// The HTTP status for whoever sent it.
    pub status: u16,
    /// One sentence for a person. No server text, no secrets.
    pub sentence: String,
}
