//! What must hold whatever happens: I1 to I6.
//!
//! - I1 no token is lost: what a save stored is there, or something newer; new tokens are saved at once; a server with a
//!   grace window never takes a token for a stolen one, and one without does so only after an unknown fate.
//! - I2 no double spend: a refresh token is sent again only while the fate of its last sending is unknown, a second
//!   later at the earliest and then once per request deadline, never by two at a time; no token is spent while an older
//!   one of the same login can still land; a code is posted once.
//! - I3 never backwards: a record is replaced only by a newer one, a login only by a later one, and a logout stands.
//! - I4 only a logout deletes.
//! - I5 truthful: a token that is handed out lives, and not by a login that was over; "log in again" follows on a
//!   refusal or a logout alone.
//! - I6 bounded: left alone, every process ends (`alone.rs`).

use std::collections::BTreeMap;

use tokenway_core::error::{Failure, FailureKind, NextStep};
use tokenway_core::lifecycle::Token;
use tokenway_core::lifecycle::record::{Mark, Record};
use tokenway_core::moment::UnixMillis;

use crate::clock::{REQUEST_DEADLINE, ticks};
use crate::process::Process;
use crate::wire::{Grant, Reply, Wire};

/// What of I2 can happen under leases that expire and clocks that jump.
pub(crate) const FATE_IS_KNOWN: &str = "a token is sent again although the fate of its sending is known";
pub(crate) const OLDER_CAN_LAND: &str = "a token is sent while an older one can still land";
pub(crate) const TWO_AT_A_TIME: &str = "two processes send at a time";
pub(crate) const WITHIN_THE_SECOND: &str = "a token is sent again within the second";

/// A broken rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Broken {
    /// Which, from 1.
    pub(crate) rule: u8,
    /// How.
    pub(crate) how: &'static str,
}

/// What was seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Watch {
    /// The first rule that was broken.
    pub(crate) broken: Option<Broken>,
    /// The ways in which the last happening broke I2.
    pub(crate) spent_twice: Vec<&'static str>,
    spent: BTreeMap<Grant, Spent>,
    logins: Vec<u8>,
    newest: BTreeMap<u8, (u64, u8)>,
    codes: u8,
    /// The logins that a logout has marked or deleted, one bit each.
    pub(crate) over: u8,
    logout_began: bool,
    refused: bool,
}

/// What is known of a refresh token that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Spent {
    fate: Fate,
    /// The sendings of unknown fate: how many (as far as it matters), when the last was noted and when it left.
    unknown: u8,
    noted_at: u8,
    left_at: u8,
}

/// What becomes of the last sending of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fate {
    Flying,
    /// Nothing was done with it.
    Otherwise,
    Refused,
    RefusalNoted,
    Saved,
    Tokens,
    Unknown,
}

impl Watch {
    /// One login stands.
    #[must_use]
    pub(crate) fn new(stored: &Record) -> Self {
        let grant = Grant::of(stored);
        let newest = [(grant.family, (stored.generation, grant.index))].into();
        Watch { logins: vec![grant.family], newest, ..Watch::default() }
    }

    pub(crate) fn broke(&mut self, rule: u8, how: &'static str) {
        self.broken.get_or_insert(Broken { rule, how });
    }

    fn spent_twice(&mut self, how: &'static str) {
        self.spent_twice.push(how);
    }

    pub(crate) fn logout_begins(&mut self) {
        self.logout_began = true;
    }

    /// I2: bytes leave while `others` are under way from living senders and `ghosts` from nobody.
    pub(crate) fn leaves(&mut self, wire: Wire, noted_at: u8, now: u8, others: &[Wire], ghosts: &[Wire]) {
        let grant = match wire {
            Wire::Code(login) => {
                if self.codes & bit(login) != 0 {
                    self.spent_twice("a code is posted twice");
                }
                self.codes |= bit(login);
                return;
            }
            Wire::Refresh(grant) => grant,
            Wire::Revoke(_) => return,
        };
        let same = |other: &&Wire| matches!(other, Wire::Refresh(other) if other.family == grant.family);
        if others.iter().any(|other| same(&other)) {
            self.spent_twice(TWO_AT_A_TIME);
        }
        let older = |ghost: &&Wire| matches!(ghost, Wire::Refresh(ghost) if ghost.index < grant.index);
        if ghosts.iter().filter(same).any(|ghost| older(&ghost)) {
            self.spent_twice(OLDER_CAN_LAND);
        }
        let known = self.spent.get(&grant).copied();
        match known {
            Some(Spent { fate: Fate::Refused | Fate::RefusalNoted | Fate::Saved | Fate::Tokens, .. }) => {
                self.spent_twice(FATE_IS_KNOWN);
            }
            Some(Spent { unknown: 1, noted_at, .. }) if now == noted_at => {
                self.spent_twice(WITHIN_THE_SECOND);
            }
            Some(Spent { unknown: 2.., left_at, .. }) if now < left_at + ticks(REQUEST_DEADLINE) => {
                self.spent_twice("a token is sent a third time within the request deadline");
            }
            Some(_) | None => {}
        }
        let unknown = known.map_or(0, |known| known.unknown);
        self.spent.insert(grant, Spent { fate: Fate::Flying, unknown, noted_at, left_at: now });
    }

    /// A process hears what became of its sending; `None`: nothing.
    pub(crate) fn hears(&mut self, grant: Grant, reply: Option<Reply>) {
        match reply {
            Some(Reply::Tokens(_)) => self.fate(grant, Fate::Tokens),
            Some(Reply::Refused) => {
                self.refused = true;
                self.fate(grant, Fate::Refused);
            }
            Some(Reply::TooMany) => self.fate(grant, Fate::Otherwise),
            Some(Reply::Done | Reply::Trouble) | None => self.fate(grant, Fate::Unknown),
        }
    }

    fn fate(&mut self, grant: Grant, fate: Fate) {
        if let Some(spent) = self.spent.get_mut(&grant) {
            spent.fate = fate;
            spent.unknown = (spent.unknown + u8::from(fate == Fate::Unknown)).min(2);
        }
    }

    /// A process noted that a token is refused.
    pub(crate) fn refusal_noted(&mut self, grant: Grant) {
        self.fate(grant, Fate::RefusalNoted);
    }

    /// A process ended or died: what it has neither saved nor noted is as good as unknown.
    pub(crate) fn gone(&mut self, sent: Grant) {
        if self.spent.get(&sent).is_some_and(|spent| matches!(spent.fate, Fate::Flying | Fate::Refused | Fate::Tokens))
        {
            self.fate(sent, Fate::Unknown);
        }
    }

    /// I1, I3 and I4.
    pub(crate) fn wrote(&mut self, before: Option<&Record>, after: Option<&Record>) {
        match (before, after) {
            (Some(before), None) => {
                self.over |= bit(Grant::of(before).family);
                if !self.logout_began {
                    self.broke(4, "a login is deleted without a logout");
                }
            }
            (before, Some(after)) if before != Some(after) => self.replaced(before, after),
            (_, _) => {}
        }
    }

    fn replaced(&mut self, before: Option<&Record>, after: &Record) {
        let grant = Grant::of(after);
        match self.logins.iter().position(|login| *login == grant.family) {
            None => self.logins.push(grant.family),
            Some(at) if at + 1 < self.logins.len() => self.broke(3, "a login comes back over a later one"),
            Some(_) if before.is_none() => self.broke(3, "a login comes back after its logout"),
            Some(_) => {}
        }
        if before.is_some_and(|before| {
            before.login_id == after.login_id && before.mark == Mark::LoggedOut && after.mark == Mark::LoggedIn
        }) {
            self.broke(3, "a logout is undone");
        }
        if after.mark == Mark::LoggedOut {
            self.over |= bit(grant.family);
        }
        if let Some((generation, index)) = self.newest.insert(grant.family, (after.generation, grant.index)) {
            if after.generation <= generation {
                self.broke(3, "a generation comes twice");
            }
            if grant.index < index {
                self.broke(1, "a refresh token is written over a newer one");
            }
        }
        let Some(renewed_from) = after.renewed_from.as_ref() else { return };
        let is_it = |spent: &&Grant| spent.refresh_token().hash() == *renewed_from;
        if let Some(spent) = self.spent.keys().find(is_it).copied() {
            self.fate(spent, Fate::Saved);
        }
    }

    /// I1: the answer has been heard, and this is what is done next.
    pub(crate) fn next(&mut self, has_tokens: bool, saves: bool) {
        if has_tokens && !saves {
            self.broke(1, "new tokens are not saved at once");
        }
    }

    /// I1: a token was taken for a stolen one.
    pub(crate) fn reuse(&mut self, grace: bool) {
        if grace {
            self.broke(1, "a login is lost at a server with a grace window");
        } else if self.spent.values().all(|spent| spent.unknown == 0) {
            self.broke(1, "a login is lost without an unknown fate");
        }
    }

    /// Whether an answer came that is not written down yet.
    pub(crate) fn hurries(&self) -> bool {
        self.spent.values().any(|spent| matches!(spent.fate, Fate::Refused | Fate::Tokens))
    }

    /// I5: a token is handed out. What the server has just given for `sent` is
    /// handed out however long its save took.
    pub(crate) fn got(&mut self, token: &Token, process: &Process, now: UnixMillis) {
        let record = &token.record;
        let is_new = process.sent.is_some_and(|sent| record.renewed_from == Some(sent.refresh_token().hash()));
        // A clock that is set back behind the renewal says nothing about the end.
        let is_dead = |at: UnixMillis| at >= record.renewed_at && record.expires_at.is_some_and(|end| at >= end);
        if !is_new && is_dead(process.judged_at) && is_dead(now) {
            self.broke(5, "a dead token is handed out");
        }
        if process.over & bit(Grant::of(record).family) != 0 {
            self.broke(5, "a token of a login that was over is handed out");
        }
    }

    /// I5.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        match &failure.next {
            NextStep::LogIn => {
                let justified = (failure.kind == FailureKind::NoCredential && self.logout_began)
                    || (failure.kind == FailureKind::Refused && self.refused);
                if !justified {
                    self.broke(5, "\"log in again\" without a refusal or a logout");
                }
            }
            NextStep::FixConfiguration { .. } if failure.kind == FailureKind::Store => {}
            NextStep::FixConfiguration { .. } | NextStep::ReportBug => self.broke(5, "the wrong one is blamed"),
            NextStep::AskUser { .. } | NextStep::OutcomeUnknown { .. } | NextStep::RetryAt { .. } => {}
        }
    }
}

fn bit(login: u8) -> u8 {
    1 << login
}
