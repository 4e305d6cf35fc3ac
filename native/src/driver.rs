//! The loop that runs any machine: poll, perform, hand back.

use std::future::poll_fn;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::pin;
use std::task::Poll;
use std::time::{SystemTime, UNIX_EPOCH};

use tokenway_core::action::Action;
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::event::{ActionId, Event, Outcome};
use tokenway_core::http::{IoFailure, IoFailureKind, Sent};
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
    Ok(Moment { now: now(), entropy: entropy()? })
}

/// The wall clock, 1970 at the earliest.
#[must_use]
pub fn now() -> UnixMillis {
    let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    UnixMillis(u64::try_from(since_1970.as_millis()).unwrap_or(u64::MAX))
}

/// Runs `session` to its end. `advanced` sees it at its start and after each advance: the place for checkpoints.
///
/// A `world` or `observer` that panics loses nothing: the machine is told that the action failed, and goes on.
///
/// # Errors
/// The flow's failure.
pub async fn run<M: Machine + Send>(
    mut session: Session<M>,
    world: &mut impl World,
    observer: &dyn Observer,
    mut advanced: impl FnMut(&Session<M>) + Send,
) -> End<M>
where
    M::Output: Send,
{
    contained(async { advanced(&session) }).await;
    while let Some((id, action)) = outstanding(&session) {
        // Drawn first: once the answer is here, nothing may keep it from the machine.
        let entropy = entropy()?;
        let outcome = contained(world.perform(action.clone())).await.unwrap_or_else(|| panicked(&action));
        let event = Event { id, outcome };
        let moment = Moment { now: now(), entropy };
        let progress = session.handle(moment, event.clone()).map_err(|rejected| {
            let detail = format!("the driver gave a wrong answer: {rejected}");
            Box::new(Failure::new(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug))
        })?;
        contained(async {
            match &progress {
                Progress::Advanced => advanced(&session),
                Progress::Ignored(reason) => world.ignored(reason),
            }
        })
        .await;
        contained(async { observer.stepped(M::NAME, &action, &moment, &event, &progress) }).await;
    }
    session.into_end().unwrap_or_else(|| {
        let detail = "the loop ended before the flow did";
        Err(Box::new(Failure::new(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug)))
    })
}

/// Runs what others wrote (stores, interfaces, observers); `None` if it panicked.
pub(crate) async fn contained<T>(work: impl Future<Output = T>) -> Option<T> {
    let mut work = pin!(work);
    poll_fn(|context| match catch_unwind(AssertUnwindSafe(|| work.as_mut().poll(context))) {
        Ok(Poll::Pending) => Poll::Pending,
        Ok(Poll::Ready(value)) => Poll::Ready(Some(value)),
        Err(_) => Poll::Ready(None),
    })
    .await
}

/// Nobody knows how far it came.
fn panicked(action: &Action) -> Outcome {
    let is_http = matches!(action, Action::Fetch(_) | Action::PostForm(_));
    let sent = if is_http { Sent::MaybeSent } else { Sent::NotSent };
    let detail = format!("what performs \"{}\" in this program panicked", action.name());
    Outcome::Failed(IoFailure { sent, kind: IoFailureKind::Unable, detail })
}

fn entropy() -> Result<[u8; 32], Box<Failure>> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|error| {
        let what = "Make the system's random source available to this process.".to_owned();
        let next = NextStep::FixConfiguration { what };
        let detail = format!("the system gives no random numbers: {error}");
        Box::new(Failure::new(FlowStep::Loading, FailureKind::Unable, detail, next))
    })?;
    Ok(entropy)
}

fn outstanding<M: Machine>(session: &Session<M>) -> Option<(ActionId, Action)> {
    match session.poll() {
        Step::Act { id, action } => Some((id, action)),
        Step::Done(_) => None,
    }
}
