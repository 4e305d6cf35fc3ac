//! The loop that runs any machine: poll, perform, hand back.

use std::time::{SystemTime, UNIX_EPOCH};

use tokenway_core::action::Action;
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::event::{Event, Outcome};
use tokenway_core::machine::{Machine, Reason};
use tokenway_core::moment::{Moment, UnixMillis};
use tokenway_core::session::{Progress, Session, Step};

/// How a machine ends.
pub type End<M> = Result<<M as Machine>::Output, Box<Failure>>;

/// Performs actions. What it cannot do it answers with [`Outcome::Failed`].
pub trait World: Send {
    /// Performs `action`, once.
    fn perform(&mut self, action: Action) -> impl Future<Output = Outcome> + Send;

    /// The last outcome did not count; the same action will be asked for again.
    fn ignored(&mut self, reason: &Reason);
}

/// Watches a flow: for logs, timelines and transcripts. What it is shown holds secrets in their redacted wrappers.
pub trait Observer: Send + Sync {
    /// A flow starts.
    fn started(&self, flow: &'static str, moment: &Moment) {
        let _ = (flow, moment);
    }

    /// An action was performed and its outcome accepted.
    fn stepped(&self, flow: &'static str, action: &Action, moment: &Moment, event: &Event, progress: &Progress) {
        let _ = (flow, action, moment, event, progress);
    }
}

/// Watches nothing.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoObserver;

impl Observer for NoObserver {}

/// The wall clock and 32 bytes of the system's random source.
///
/// # Errors
/// The system has no random numbers: nothing can be done safely then.
pub fn moment() -> Result<Moment, Box<Failure>> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|error| {
        let what = "Make the system's random source available to this process.".to_owned();
        let next = NextStep::FixConfiguration { what };
        let detail = format!("the system gives no random numbers: {error}");
        Box::new(Failure::new(FlowStep::Loading, FailureKind::Unable, detail, next))
    })?;
    Ok(Moment { now: now(), entropy })
}

/// The wall clock, 1970 at the earliest.
#[must_use]
pub fn now() -> UnixMillis {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// Runs `session` to its end. `before` sees the session before each action is performed: the place for checkpoints.
///
/// # Errors
/// The flow's failure.
pub async fn run<M: Machine + Send>(
    mut session: Session<M>,
    world: &mut impl World,
    observer: &dyn Observer,
    mut before: impl FnMut(&Session<M>) + Send,
) -> End<M>
where
    M::Output: Send,
{
    loop {
        before(&session);
        let Some((id, action)) = outstanding(&session) else { break };
        let outcome = world.perform(action.clone()).await;
        let event = Event { id, outcome };
        let moment = moment()?;
        let shown = event.clone();
        let progress = session.handle(moment, event).map_err(|rejected| {
            let detail = format!("the driver gave a wrong answer: {rejected}");
            Box::new(Failure::new(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug))
        })?;
        observer.stepped(M::NAME, &action, &moment, &shown, &progress);
        if let Progress::Ignored(reason) = &progress {
            world.ignored(reason);
        }
    }
    session.into_end().unwrap_or_else(|| {
        let detail = "the loop ended before the flow did";
        Err(Box::new(Failure::new(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug)))
    })
}

fn outstanding<M: Machine>(session: &Session<M>) -> Option<(tokenway_core::event::ActionId, Action)> {
    match session.poll() {
        Step::Act { id, action } => Some((id, action)),
        Step::Done(_) => None,
    }
}
