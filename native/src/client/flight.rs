//! One renewal for all callers.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokenway_core::action::Action;
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::lifecycle::{GetToken, Wish, standing};
use tokenway_core::session::{Session, Step};
use tokio::sync::watch;

use super::worker::OnItsWay;
use super::{AccessToken, Inner};
use crate::driver::{self, now};

/// A failure is shared for this long, so that a hundred callers cost one try.
const FAILURE_SHARED: Duration = Duration::from_secs(1);

/// The flight that is in the air, or the failure of the last one.
pub(super) struct Flights(Mutex<Latest>);

enum Latest {
    Failed { at: Instant, wish: Wish, failure: Failure },
    Flying(watch::Receiver<Flight>),
    Nothing,
}

/// How far a flight has come.
#[derive(Clone)]
enum Flight {
    Flying,
    Landed(Result<AccessToken, Failure>),
    /// The tokens came, and cannot be saved yet: the owner may have them, the flight goes on.
    Unsaved(AccessToken),
}

/// A caller's place in a flight.
struct Seat {
    flight: watch::Receiver<Flight>,
    owner: bool,
}

impl Flights {
    pub(super) fn new() -> Self {
        Flights(Mutex::new(Latest::Nothing))
    }

    /// After a login or a logout the last failure says nothing any more.
    pub(super) fn forget_failure(&self) {
        let mut latest = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Latest::Failed { .. } = *latest {
            *latest = Latest::Nothing;
        }
    }

    fn landed(&self, wish: Wish, failure: Option<Failure>) {
        let at = Instant::now();
        let latest = failure.map_or(Latest::Nothing, |failure| Latest::Failed { at, wish, failure });
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = latest;
    }
}

/// A token through the flight that is in the air, or a new one. Each caller judges the result by its own wish, and may
/// start one more.
pub(super) async fn token(inner: &Arc<Inner>, wish: Wish) -> Result<AccessToken, Box<Failure>> {
    let mut seat = board(inner, &wish)?;
    for _ in 0..2 {
        let joined = !seat.owner;
        let end = seat.arrive().await;
        match end {
            Ok(token) if !joined || standing(token.record(), &wish, now()).is_usable() => return Ok(token),
            Err(failure) if !joined || failure.kind != FailureKind::ApiRefusesNewToken => {
                return Err(Box::new(failure));
            }
            Ok(_) | Err(_) => seat = board(inner, &wish)?,
        }
    }
    seat.arrive().await.map_err(Box::new)
}

impl Seat {
    async fn arrive(mut self) -> Result<AccessToken, Failure> {
        let owner = self.owner;
        let there = |flight: &Flight| match flight {
            Flight::Flying => false,
            Flight::Landed(_) => true,
            Flight::Unsaved(_) => owner,
        };
        let flight = self.flight.wait_for(there).await.map(|flight| flight.clone());
        match flight {
            Ok(Flight::Landed(end)) => end,
            Ok(Flight::Unsaved(token)) => Ok(token),
            Ok(Flight::Flying) | Err(_) => Err(lost()),
        }
    }
}

fn board(inner: &Arc<Inner>, wish: &Wish) -> Result<Seat, Box<Failure>> {
    let mut latest = inner.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
    match &*latest {
        Latest::Failed { at, wish: failed, failure } if at.elapsed() < FAILURE_SHARED && failed == wish => {
            return Err(Box::new(failure.clone()));
        }
        Latest::Flying(flight) if flight.has_changed().is_ok() && !matches!(*flight.borrow(), Flight::Landed(_)) => {
            return Ok(Seat { flight: flight.clone(), owner: false });
        }
        Latest::Failed { .. } | Latest::Flying(_) | Latest::Nothing => {}
    }
    let (sender, flight) = watch::channel(Flight::Flying);
    let (task_inner, task_wish) = (Arc::clone(inner), wish.clone());
    inner.worker.spawn(async move { fly(task_inner, task_wish, sender).await })?;
    *latest = Latest::Flying(flight.clone());
    Ok(Seat { flight, owner: true })
}

async fn fly(inner: Arc<Inner>, wish: Wish, sender: watch::Sender<Flight>) {
    let stamp = inner.store.stamp(inner.config.key()).await;
    let end = run(&inner, &wish, &sender).await;
    let end = match end {
        Ok((token, first_stamp_counts)) => {
            inner.cache.put(token.clone(), first_stamp_counts.then_some(stamp));
            inner.flights.landed(wish, None);
            Ok(token)
        }
        Err(failure) => {
            inner.flights.landed(wish, Some(failure.shared()));
            Err(failure.shared())
        }
    };
    sender.send_replace(Flight::Landed(end));
}

/// The token, and whether the store still stands as it did before: it does unless this flight saved.
async fn run(inner: &Inner, wish: &Wish, sender: &watch::Sender<Flight>) -> Result<(AccessToken, bool), Box<Failure>> {
    let moment = driver::moment()?;
    inner.observer.started("get token", &moment);
    let session = GetToken::start(&inner.config, wish.clone(), moment);
    let mut on_its_way: Option<OnItsWay> = None;
    let mut saved = false;
    let watch_steps = |session: &Session<GetToken>| match session.poll() {
        Step::Act { action: Action::PostForm(request), .. } if request.single_use => {
            on_its_way.get_or_insert_with(|| inner.worker.on_its_way());
        }
        Step::Act { action: Action::Save(_), .. } => {
            saved = true;
            if let Some(token) = session.unsaved() {
                sender.send_replace(Flight::Unsaved(token.into()));
            }
        }
        Step::Act { action: Action::Unlock(_), .. } | Step::Done(_) => on_its_way = None,
        Step::Act { .. } => {}
    };
    let end = driver::run(session, &mut inner.world(), &*inner.observer, watch_steps).await;
    end.map(|token| (token.into(), !saved))
}

fn lost() -> Failure {
    let detail = "the renewal ended without a word";
    Failure::new(FlowStep::Refresh, FailureKind::Bug, detail, NextStep::ReportBug)
}
