//! The lease on a credential: taken, renewed while it is held, given back.
//!
//! It ends by the server's clock. The holder renews it at a third of its time, and believes itself to hold it only for
//! as long as the last renewal that the server confirmed reaches, counted from before that was asked for: a holder that
//! was stopped for longer knows it at once.

use std::env;
use std::path::PathBuf;
use std::process;
use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokenway_core::action::LeaseNumber;
use tokenway_core::event::Holder;
use tokenway_core::lifecycle::ledger::{Ledger, StoredLedger};
use tokenway_core::moment::Millis;

use super::failure::{printable, unable};
use super::keys::Keys;
use super::ledger;
use super::link::{Link, Reply, Script};
use super::worker::Worker;
use super::{TOMBSTONE, text};
use crate::machine;
use crate::store::expiry::Confirmed;
use crate::store::{Answer, NoteAnswer, UnlockAnswer};

/// How soon a renewal that failed is tried again.
const SOON: Duration = Duration::from_secs(1);

/// When a lease that could not be given back, or may have been taken without our hearing of it, is given back again: a
/// server restarts within such times, and what it had in its sockets it reads before.
const AFTERMATH: [Duration; 4] =
    [Duration::from_millis(200), Duration::from_secs(1), Duration::from_secs(5), Duration::from_secs(15)];

/// The longest name of a holder that is shown.
const MAX_NAME: usize = 100;

static LOCK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/lock.lua")));
static NOTE: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/note.lua")));
static RENEW: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/renew.lua")));
static UNLOCK: LazyLock<Script> = LazyLock::new(|| Script::new(include_str!("scripts/unlock.lua")));

/// Where a lease is taken: the server, the thread on which it is renewed, and the names.
#[derive(Clone)]
pub(super) struct Place {
    pub(super) link: Arc<Link>,
    pub(super) worker: Worker,
    pub(super) keys: Keys,
}

/// A lease that this store object took. When it is dropped without having been given back, it is given back for nobody.
pub(super) struct Lease {
    place: Place,
    number: LeaseNumber,
    claim: String,
    span: Duration,
    state: Mutex<State>,
}

struct State {
    confirmed: Confirmed,
    ended: bool,
}

/// One look at the lease.
pub(super) enum Attempt {
    /// Who has it, and when the record was written last, by the server's clock.
    Busy(Holder, Option<String>),
    Held(Arc<Lease>, StoredLedger),
}

/// Takes the lease if it is free. `claim` names the call: a second attempt of the same call finds what the first took.
pub(super) async fn attempt(place: Place, span: Duration, claim: String) -> Answer<Attempt> {
    let asked = Confirmed::now();
    let millis = span.as_millis().to_string();
    let args = [millis.as_str(), &claim, &holder(), TOMBSTONE];
    let keys = [place.keys.credential.as_str(), &place.keys.lease];
    let reply = match place.link.invoke("locking", &LOCK, &keys, &args).await {
        Ok(reply) => reply,
        Err(failure) => {
            if let Ok(permit) = Arc::clone(&place.link.background).try_acquire_owned() {
                let renounced = renounce(place.clone(), claim);
                place.worker.beside(async move {
                    renounced.await;
                    drop(permit);
                });
            }
            return Err(failure);
        }
    };
    match text(&reply, 0) {
        Some("busy") => Ok(Attempt::Busy(who(&reply), text(&reply, 3).map(str::to_owned))),
        Some("locked") => {
            let number = text(&reply, 1).and_then(|number| number.parse().ok()).map(LeaseNumber).ok_or_else(odd)?;
            let age = text(&reply, 2).and_then(|age| age.parse().ok()).map(Millis).ok_or_else(odd)?;
            let ledger = ledger::read(text(&reply, 3), age);
            let state = Mutex::new(State { confirmed: asked, ended: false });
            let lease = Arc::new(Lease { place, number, claim, span, state });
            lease.place.worker.beside(beat(Arc::downgrade(&lease), span / 3));
            Ok(Attempt::Held(lease, ledger))
        }
        _ => Err(odd()),
    }
}

impl Lease {
    pub(super) fn number(&self) -> LeaseNumber {
        self.number
    }

    /// Whether the lease lasts, by what was confirmed.
    pub(super) fn is_current(&self) -> bool {
        let state = self.state();
        !state.ended && state.confirmed.lasts(self.span)
    }

    /// Writes the ledger if the server knows us as the holder; the lease begins anew.
    pub(super) async fn note(&self, ledger: &Ledger) -> Answer<NoteAnswer> {
        let asked = Confirmed::now();
        let (number, millis) = (self.number.0.to_string(), self.span.as_millis().to_string());
        let json = ledger::written(ledger)?;
        let keys = [self.place.keys.credential.as_str(), &self.place.keys.lease];
        let reply = self.place.link.invoke_safely("noting", &NOTE, &keys, &[&number, &millis, &json]).await?;
        if text(&reply, 0) == Some("noted") {
            self.state().confirmed = asked;
            return Ok(NoteAnswer::Noted);
        }
        self.state().ended = true;
        Ok(NoteAnswer::Lost)
    }

    pub(super) async fn give_back(&self) -> Answer<UnlockAnswer> {
        let unlocked = unlock(&self.place, &self.number.0.to_string(), &self.claim).await?;
        self.state().ended = true;
        Ok(if unlocked { UnlockAnswer::Unlocked } else { UnlockAnswer::Lost })
    }

    /// False: it is lost.
    async fn renew(&self) -> Answer<bool> {
        let asked = Confirmed::now();
        let (number, millis) = (self.number.0.to_string(), self.span.as_millis().to_string());
        let reply = self.place.link.invoke("renewing", &RENEW, &[&self.place.keys.lease], &[&number, &millis]).await?;
        let renewed = text(&reply, 0) == Some("renewed");
        let mut state = self.state();
        if renewed {
            state.confirmed = asked;
        }
        state.ended |= !renewed;
        Ok(renewed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.state().ended {
            return;
        }
        let (place, number, claim) = (self.place.clone(), self.number.0.to_string(), self.claim.clone());
        self.place.worker.finish(async move {
            for pause in AFTERMATH {
                if unlock(&place, &number, &claim).await.is_ok() {
                    return;
                }
                tokio::time::sleep(pause).await;
            }
            // It ends by its age.
        });
    }
}

/// Renews the lease for as long as it is held.
async fn beat(lease: Weak<Lease>, every: Duration) {
    let mut pause = every;
    loop {
        tokio::time::sleep(pause).await;
        let Some(lease) = lease.upgrade().filter(|lease| !lease.state().ended) else { return };
        pause = match lease.renew().await {
            Ok(true) => every,
            Ok(false) => return,
            Err(_) => every.min(SOON),
        };
    }
}

async fn unlock(place: &Place, number: &str, claim: &str) -> Answer<bool> {
    let reply = place.link.invoke("unlocking", &UNLOCK, &[&place.keys.lease], &[number, claim]).await?;
    Ok(text(&reply, 0) == Some("unlocked"))
}

/// Gives back what may have been taken though no answer told so.
async fn renounce(place: Place, claim: String) {
    for pause in AFTERMATH {
        tokio::time::sleep(pause).await;
        let _ = unlock(&place, "", &claim).await;
    }
}

fn who(reply: &Reply) -> Holder {
    let since = text(reply, 2).and_then(|since| since.parse().ok()).map(Millis).unwrap_or_default();
    Holder { who: printable(text(reply, 1).unwrap_or_default()).chars().take(MAX_NAME).collect(), since }
}

/// This process, for those who wait for it.
fn holder() -> String {
    let path = env::args_os().next().map(PathBuf::from).unwrap_or_default();
    let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
    format!("process {} ({}) on {}", process::id(), printable(&name), printable(&machine::name()))
}

fn odd() -> tokenway_core::http::IoFailure {
    unable("locking: Redis gave an answer that is none; report this bug".to_owned())
}
