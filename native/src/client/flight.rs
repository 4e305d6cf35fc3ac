//! One renewal for all callers.
//!
//! A flight is one run of `GetToken` on the client's own thread. Callers join the one that is in the air, whatever it
//! flies for; each then judges the result by its own wish, and may start one more.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant};

use tokenway_core::action::{Action, Load};
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::event::Outcome;
use tokenway_core::http::IoFailureKind;
use tokenway_core::lifecycle::{GetToken, Token, TokenNote, Wish};
use tokenway_core::machine::Reason;
use tokenway_core::session::{Session, Step};
use tokio::sync::watch;

use super::cache::{is_fresh, is_usable};
use super::locks::{Mutex, MutexGuard};
use super::traffic::{OnItsWay, Traffic};
use super::{AccessToken, Inner};
use crate::driver::{self, World, contained};
use crate::store::Stamp;
use crate::world::{CommonWorld, failed};

/// A failure is shared for this long after it, so that a hundred callers cost one try.
const FAILURE_SHARED: Duration = Duration::from_secs(1);

/// How many flights one call takes at most: one that was in the air, one more, and one for a token that the API refused
/// meanwhile.
const MAX_FLIGHTS: usize = 3;

/// The flight that is in the air, or the last one if it failed.
pub(super) struct Flights(Mutex<Board>);

#[derive(Default)]
struct Board {
    /// Counts the logins and logouts of this client: a flight that started before the last one says nothing any more.
    epoch: u64,
    latest: Option<Latest>,
}

struct Latest {
    wish: Wish,
    flight: watch::Receiver<Flight>,
    /// When it ended without a renewal; `None` while it is in the air.
    missed_at: Option<Instant>,
}

/// How a flight ends.
type Landing = Result<AccessToken, Failure>;

/// How far a flight has come.
#[derive(Clone)]
enum Flight {
    Flying,
    Landed(Landing),
    /// The tokens came, and cannot be saved yet: the owner may have them, the others a token that lives on; the flight
    /// goes on.
    Unsaved(AccessToken),
}

/// A caller's place in a flight.
struct Seat {
    flight: watch::Receiver<Flight>,
    /// The one who started it.
    owner: bool,
    /// Whether it flies for the caller's own wish.
    same_wish: bool,
}

/// A token through the flight that is in the air, or a new one. Never one that an API refused.
pub(super) async fn token(inner: &Arc<Inner>, wish: Wish) -> Result<AccessToken, Box<Failure>> {
    let mut asked = inner.cache.with_rejection(&wish);
    for _ in 1..MAX_FLIGHTS {
        let seat = board(inner, &asked)?;
        let same_wish = seat.same_wish;
        match seat.arrive(inner, &asked).await {
            Ok(token) if inner.cache.is_refused(&token) => asked.rejected = Some(token.hash().clone()),
            Ok(token) if same_wish || is_fresh(&token, &wish) => return Ok(token),
            Err(failure) if same_wish => return Err(Box::new(failure)),
            Ok(_) | Err(_) => {}
        }
    }
    match board(inner, &asked)?.arrive(inner, &asked).await {
        Ok(token) if inner.cache.is_refused(&token) => Err(Box::new(same_token_again())),
        end => end.map_err(Box::new),
    }
}

/// The server answers every renewal with the token that the API refuses.
fn same_token_again() -> Failure {
    let detail = "the server renews the token that the API refuses, and gives the very same again";
    let what = "Ask whether this account may use that API: another token would not change its answer.".to_owned();
    Failure::new(FlowStep::Refresh, FailureKind::ApiRefusesNewToken, detail, NextStep::AskUser { what })
}

impl Flights {
    pub(super) fn new() -> Self {
        Flights(Mutex::new(Board::default()))
    }

    /// The login has changed: `change` is made to the cache, and no flight that started before has a say in it.
    pub(super) fn overtake(&self, change: impl FnOnce()) {
        let mut board = self.board();
        *board = Board { epoch: board.epoch + 1, latest: None };
        change();
    }

    fn board(&self) -> MutexGuard<'_, Board> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Latest {
    fn is_shared_with(&self, wish: &Wish) -> bool {
        match self.missed_at {
            Some(at) => at.elapsed() < FAILURE_SHARED && self.wish == *wish,
            // A flight whose sender is gone panicked.
            None => self.flight.has_changed().is_ok(),
        }
    }
}

impl Seat {
    async fn arrive(mut self, inner: &Arc<Inner>, wish: &Wish) -> Landing {
        let mut flight = self.wait_for(|flight| !matches!(flight, Flight::Flying)).await?;
        if let (Flight::Unsaved(unsaved), false) = (&flight, self.owner) {
            if let Some(token) = living(inner, wish).await {
                return Ok(not_renewed(&token, unsaved));
            }
            flight = self.wait_for(|flight| matches!(flight, Flight::Landed(_))).await?;
        }
        match flight {
            Flight::Landed(Err(failure)) if !self.owner => Err(failure.shared()),
            Flight::Landed(end) => end,
            Flight::Unsaved(token) => Ok(token),
            Flight::Flying => Err(lost()),
        }
    }

    async fn wait_for(&mut self, is_there: impl FnMut(&Flight) -> bool) -> Result<Flight, Failure> {
        self.flight.wait_for(is_there).await.map(|flight| flight.clone()).map_err(|_| lost())
    }
}

/// What another process gets while new tokens cannot be saved: the old token, as long as it lives.
async fn living(inner: &Arc<Inner>, wish: &Wish) -> Option<AccessToken> {
    if let Some(token) = inner.cache.living(wish) {
        return Some(token);
    }
    let task_inner = Arc::clone(inner);
    let load = async move { task_inner.store.load(&Load { key: task_inner.config.key().clone() }).await };
    let record = inner.worker.run(load).await.ok()?.ok()??;
    let token = AccessToken::from(Token { record, notes: Vec::new() });
    (is_usable(&token, wish) && !inner.cache.is_refused(&token)).then_some(token)
}

fn not_renewed(living: &AccessToken, unsaved: &AccessToken) -> AccessToken {
    let trouble = unsaved.notes().iter().find_map(|note| match note {
        TokenNote::NotSaved(failure) => Some(failure.clone()),
        TokenNote::NotRenewed(_) | TokenNote::ShortLived => None,
    });
    trouble.map_or_else(|| living.clone(), |failure| living.with_note(TokenNote::NotRenewed(failure)))
}

fn board(inner: &Arc<Inner>, wish: &Wish) -> Result<Seat, Box<Failure>> {
    let mut board = inner.flights.board();
    if let Some(latest) = board.latest.as_ref().filter(|latest| latest.is_shared_with(wish)) {
        let (flight, same_wish) = (latest.flight.clone(), latest.wish == *wish);
        return Ok(Seat { flight, owner: false, same_wish });
    }
    let (sender, flight) = watch::channel(Flight::Flying);
    let (task_inner, task_wish, epoch) = (Arc::clone(inner), wish.clone(), board.epoch);
    inner.worker.spawn(async move { fly(&task_inner, &task_wish, epoch, &sender).await })?;
    board.latest = Some(Latest { wish: wish.clone(), flight: flight.clone(), missed_at: None });
    Ok(Seat { flight, owner: true, same_wish: true })
}

async fn fly(inner: &Inner, wish: &Wish, epoch: u64, sender: &watch::Sender<Flight>) {
    let stamp = contained(inner.store.stamp(inner.config.key())).await;
    let mut saved = false;
    let end = run(inner, wish, sender, &mut saved).await.map_err(|failure| *failure);
    // What this flight saved itself changed the stamp.
    land(inner, epoch, &end, stamp.filter(|_| !saved));
    sender.send_replace(Flight::Landed(end));
}

fn land(inner: &Inner, epoch: u64, end: &Landing, stamp: Option<Stamp>) {
    let mut board = inner.flights.board();
    if board.epoch != epoch {
        return;
    }
    match end {
        Ok(token) => inner.cache.keep(token.without_notes(), stamp),
        Err(failure) if failure.next == NextStep::LogIn => inner.cache.forget(),
        Err(_) => {}
    }
    let missed = end.as_ref().map_or(true, was_not_renewed);
    board.latest = board.latest.take().filter(|_| missed);
    if let Some(latest) = &mut board.latest {
        latest.missed_at = Some(Instant::now());
    }
}

fn was_not_renewed(token: &AccessToken) -> bool {
    token.notes().iter().any(|note| matches!(note, TokenNote::NotRenewed(_)))
}

async fn run(
    inner: &Inner,
    wish: &Wish,
    sender: &watch::Sender<Flight>,
    saved: &mut bool,
) -> Result<AccessToken, Box<Failure>> {
    let moment = driver::moment()?;
    contained(async { inner.observer.started("get token", &moment) }).await;
    let session = GetToken::start(&inner.config, wish.clone(), moment);
    let advanced = |session: &Session<GetToken>| {
        if let Step::Act { action: Action::Save(_), .. } = session.poll() {
            *saved = true;
        }
        if let Some(token) = session.unsaved() {
            sender.send_replace(Flight::Unsaved(token.into()));
        }
    };
    let mut world = FlightWorld { common: inner.world(), traffic: inner.worker.traffic.clone(), on_its_way: None };
    driver::run(session, &mut world, &*inner.observer, advanced).await.map(AccessToken::from)
}

/// The world of a flight: `close` waits for it from its sending to its save.
struct FlightWorld {
    common: CommonWorld,
    traffic: Traffic,
    on_its_way: Option<OnItsWay>,
}

impl World for FlightWorld {
    async fn perform(&mut self, action: Action) -> Outcome {
        let sends = matches!(&action, Action::PostForm(request) if request.single_use);
        if sends && self.on_its_way.is_none() {
            self.on_its_way = self.traffic.enter();
            if self.on_its_way.is_none() {
                return failed(IoFailureKind::Cancelled, "the client was closed before anything was sent");
            }
        }
        let gives_back = matches!(&action, Action::Unlock(_));
        let outcome = self.common.perform(action).await;
        if gives_back {
            self.on_its_way = None;
        }
        outcome
    }

    fn ignored(&mut self, reason: &Reason) {
        self.common.ignored(reason);
    }
}

fn lost() -> Failure {
    let detail = "the renewal ended without a word";
    Failure::new(FlowStep::Refresh, FailureKind::Bug, detail, NextStep::ReportBug)
}
