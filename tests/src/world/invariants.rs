//! What must hold whatever happens: I1 to I6, checked at every write, every sending and every end.
//!
//! - I1 no token is lost: what a save stored is there, or something newer; new tokens are saved at once.
//! - I2 no double spend: a refresh token is sent again only while the fate of its last sending is unknown, a second
//!   later at the earliest and then once per request deadline, never by two at a time; and no token is spent while an
//!   older one of the same login can still land.
//! - I3 never backwards: a record is replaced only by a newer one, a login only by a later one.
//! - I4 only a logout deletes.
//! - I5 truthful: a token that is handed out works; "log in again" follows on a refusal or a logout alone.
//! - I6 bounded: every run ends.

use std::collections::BTreeMap;

use tokenway_core::error::{FailureKind, NextStep};
use tokenway_core::lifecycle::record::{LoginId, Mark, Record};
use tokenway_core::secret::Secret;

use super::flow::End;
use super::network::Fate;
use super::processes::Doing;
use super::server::{Grant, Server};
use super::{REQUEST_DEADLINE, World};

/// The most answers that one run may need: a wait for a lease looks at the record four times a second.
const MAX_STEPS: u32 = 1_000;

/// The longest that one run may take: a save that fails is tried for ten minutes.
const MAX_RUN: u64 = 15 * 60 * 1_000;

/// What was seen, and what was broken.
#[derive(Default)]
pub struct Watch {
    broken: Vec<String>,
    logins: Vec<LoginId>,
    generations: BTreeMap<LoginId, u64>,
    newest_saved: BTreeMap<usize, u32>,
    pub(super) local_logout: bool,
    logged_out: bool,
    account_changed: bool,
    clock_was_set: bool,
}

impl Watch {
    /// What was broken.
    #[must_use]
    pub fn broken(&self) -> &[String] {
        &self.broken
    }

    pub(super) fn broke(&mut self, what: String) {
        self.broken.push(what);
    }
}

impl World {
    /// Somebody sets the wall clock: from here on nothing is promised about spacing, but everything else is.
    pub fn set_clock(&mut self, wall: tokenway_core::moment::UnixMillis) {
        self.watch.clock_was_set = true;
        self.clock.set(wall);
        self.note(|| format!("the wall clock is set to {wall:?}"));
        self.wake();
    }

    /// I2.
    pub(super) fn watch_sending(&mut self, process: usize, grant: Grant) {
        let now = self.clock.elapsed();
        for (other, doing) in self.processes.iter().enumerate().map(|(at, process)| (at, &process.doing)) {
            let Doing::Flying(flight) = doing else { continue };
            let theirs = flight.sending.map(|sending| self.sendings[sending].grant);
            if other != process && theirs.is_some_and(|theirs| theirs.family == grant.family) {
                self.watch.broken.push(format!("I2: processes {other} and {process} send at a time, at {now} ms"));
            }
        }
        let earlier: Vec<_> = self.sendings.iter().filter(|sending| sending.grant == grant).collect();
        if let Some(known) = earlier.iter().find(|sending| !matches!(sending.fate, Fate::Unknown | Fate::Otherwise)) {
            self.watch.broken.push(format!("I2: {grant:?} is sent again at {now} ms after {known:?}"));
        }
        if self.watch.clock_was_set {
            return;
        }
        let unknown: Vec<_> = earlier.iter().filter(|known| known.fate == Fate::Unknown).collect();
        let too_early = match unknown.as_slice() {
            [] => false,
            [only] => now - only.noted_at < 1_000,
            [.., last] => now - last.at < REQUEST_DEADLINE.0,
        };
        if too_early {
            self.watch.broken.push(format!("I2: {grant:?} is sent once more at {now} ms, after {unknown:?}"));
        }
        let older = |ghost: &Grant| ghost.family == grant.family && ghost.index < grant.index;
        if let Some(ghost) = self.ghosts.iter().filter_map(|ghost| ghost.grant).find(older) {
            self.watch.broken.push(format!("I2: {grant:?} is sent at {now} ms while {ghost:?} can still land"));
        }
    }

    /// I1, I3 and I4.
    pub(super) fn watch_write(&mut self, before: Option<Record>) {
        let after = self.store.record().cloned();
        if before == after {
            return;
        }
        match (&before, &after) {
            (Some(before), None) => {
                self.watch.logged_out = true;
                if before.mark != Mark::LoggedOut && !self.watch.local_logout && !self.marking_failed {
                    self.watch.broken.push(format!("I4: {before:?} was deleted without a logout"));
                }
            }
            (before, Some(after)) => self.watch_replaced(before.as_ref(), after),
            (None, None) => {}
        }
    }

    fn watch_replaced(&mut self, before: Option<&Record>, after: &Record) {
        let watch = &mut self.watch;
        watch.logged_out |= after.mark == Mark::LoggedOut;
        let known = watch.logins.iter().position(|login| *login == after.login_id);
        match known {
            None => watch.logins.push(after.login_id.clone()),
            Some(at) if at + 1 < watch.logins.len() => {
                watch.broken.push(format!("I3: {:?} came back over a later login", after.login_id));
            }
            Some(_) if before.is_none() => {
                watch.broken.push(format!("I3: {:?} came back from the dead", after.login_id))
            }
            Some(_) => {}
        }
        let newest = watch.generations.insert(after.login_id.clone(), after.generation);
        if newest.is_some_and(|newest| after.generation <= newest) {
            watch.broken.push(format!("I3: generation {} was written after {newest:?}", after.generation));
        }
        if before.is_some_and(|before| {
            before.login_id == after.login_id && before.mark == Mark::LoggedOut && after.mark == Mark::LoggedIn
        }) {
            watch.broken.push("I3: a logout was undone".to_owned());
        }
        if let Some(grant) = grant_of(after.refresh_token.as_ref()) {
            let newest = watch.newest_saved.entry(grant.family).or_default();
            if grant.index < *newest {
                watch.broken.push(format!("I1: {grant:?} was written over number {newest}"));
            }
            *newest = grant.index.max(*newest);
        }
    }

    /// I5.
    pub(super) fn watch_end(&mut self, process: usize, end: &End) {
        match end {
            End::GetToken(Ok(token)) => {
                let grant = grant_of(token.record.refresh_token.as_ref());
                let alive = grant.is_none_or(|grant| self.server.is_alive(grant.family));
                // An answer may be on its way for as long as a request may take.
                let elapsed = self.clock.elapsed().saturating_sub(REQUEST_DEADLINE.0);
                if alive && !self.watch.clock_was_set && !self.server.accepts(&token.record.access_token, elapsed) {
                    self.watch.broken.push(format!("I5: process {process} got a token that no API takes"));
                }
            }
            End::GetToken(Err(failure)) if failure.kind == FailureKind::AccountChanged => {
                self.watch.account_changed = true;
            }
            End::GetToken(Err(failure)) if failure.next == NextStep::LogIn => {
                let renewable = self.store.record().is_some_and(|record| record.refresh_token.is_some());
                let nobody = failure.kind == FailureKind::NoCredential && (self.watch.logged_out || !renewable);
                let server_refused = self.sendings.iter().any(|sending| sending.fate == Fate::Refused);
                let refused = failure.kind == FailureKind::Refused && (server_refused || self.watch.account_changed);
                let justified = nobody || refused;
                if !justified {
                    self.watch.broken.push(format!("I5: process {process} is to log in again: {failure:?}"));
                }
            }
            End::GetToken(Err(_)) | End::Login(_) | End::Logout(_) => {}
        }
    }

    /// I6.
    pub(super) fn watch_limits(&mut self, process: usize) {
        let (steps, started_at) = (self.processes[process].steps, self.processes[process].started_at);
        let took = self.clock.elapsed() - started_at;
        assert!(steps < MAX_STEPS, "I6: process {process} needs {steps} steps\n{}", self.tail());
        if took > MAX_RUN {
            self.watch.broken.push(format!("I6: process {process} has been running for {took} ms"));
        }
    }

    fn tail(&self) -> String {
        let from = self.trace.len().saturating_sub(40);
        self.trace[from..].join("\n")
    }
}

fn grant_of(refresh_token: Option<&Secret>) -> Option<Grant> {
    refresh_token.and_then(|token| Server::grant_of(token.expose()))
}
