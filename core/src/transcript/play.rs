//! Runs any flow from the answers alone.

use super::Flow;
use super::end::{End, Ends};
use crate::action::Action;
use crate::config::Config;
use crate::error::Rejected;
use crate::event::{Event, Outcome};
use crate::flow::Login;
use crate::lifecycle::{GetToken, Logout};
use crate::machine::Machine;
use crate::moment::Moment;
use crate::session::{Progress, Session, Step};

/// A session of whatever flow.
pub(super) trait Play {
    /// The action that stands, or the end.
    fn now(&self) -> Result<Action, End>;

    /// Answers the action that stands.
    fn answer(&mut self, moment: Moment, outcome: Outcome) -> Result<Progress, Rejected>;
}

/// Starts a flow.
pub(super) fn start(flow: &Flow, config: &Config, moment: Moment) -> Box<dyn Play> {
    match flow {
        Flow::GetToken { wish } => Box::new(GetToken::start(config, wish.clone(), moment)),
        Flow::Login => Box::new(Login::start(config, moment)),
        Flow::Logout { scope } => Box::new(Logout::start(config, *scope, moment)),
    }
}

impl<M: Machine> Play for Session<M>
where
    M::Output: Ends,
{
    fn now(&self) -> Result<Action, End> {
        match self.poll() {
            Step::Act { action, .. } => Ok(action),
            Step::Done(end) => Err(End::of(end)),
        }
    }

    fn answer(&mut self, moment: Moment, outcome: Outcome) -> Result<Progress, Rejected> {
        let Step::Act { id, .. } = self.poll() else { return Err(Rejected::Ended) };
        self.handle(moment, Event { id, outcome })
    }
}
