//! Outcomes of every kind: what a world could answer, fitting or not.

use tokenway_core::action::{Action, AwaitCallback, LeaseNumber};
use tokenway_core::event::{Holder, Listening, Locked, Opened, Outcome};
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::{Ledger, StoredLedger};
use tokenway_core::moment::Millis;

use crate::hand::{self, answer, failed};
use crate::scenario;

/// The kinds of trouble of all IO.
pub const KINDS: [IoFailureKind; 6] = [
    IoFailureKind::Cancelled,
    IoFailureKind::Deadline,
    IoFailureKind::Incomplete,
    IoFailureKind::TooLarge,
    IoFailureKind::Unable,
    IoFailureKind::Unreachable,
];

/// Outcomes of every kind, in several shapes of those that have them.
#[must_use]
pub fn outcomes() -> Vec<Outcome> {
    let record = || Box::new(scenario::record(Millis::seconds(600)));
    let marked = || Box::new(scenario::marked(scenario::record(Millis::seconds(600))));
    let theirs = || Box::new(scenario::theirs());
    let locked = |ledger| Outcome::Locked(Locked { lease: LeaseNumber(9), ledger });
    let tokens = r#"{"access_token":"brought-by-misuse","refresh_token":"brought-too","token_type":"Bearer"}"#;
    let mut outcomes = vec![
        Outcome::AlreadyBegun,
        Outcome::Begun,
        Outcome::Busy(Holder { who: "process 7".to_owned(), since: Millis(1) }),
        hand::pasted("not an answer"),
        Outcome::Conflict(None),
        Outcome::Conflict(Some(record())),
        Outcome::Conflict(Some(marked())),
        Outcome::Conflict(Some(theirs())),
        Outcome::Deleted,
        Outcome::Elapsed,
        Outcome::Listening(Listening { redirect_uri: "http://127.0.0.1:49152/callback".to_owned() }),
        Outcome::Loaded(None),
        Outcome::Loaded(Some(record())),
        Outcome::Loaded(Some(marked())),
        Outcome::Loaded(Some(theirs())),
        locked(StoredLedger::Absent),
        locked(StoredLedger::Newer),
        locked(StoredLedger::Read(Ledger::default())),
        locked(StoredLedger::Unreadable),
        Outcome::Lost,
        Outcome::Noted,
        Outcome::Opened(Opened { browser: true }),
        Outcome::Opened(Opened { browser: false }),
        Outcome::Saved,
        Outcome::TimedOut,
        Outcome::Unlocked,
    ];
    for status in [200, 204, 302, 400, 401, 403, 429, 500, 502, 503, 504] {
        for body in ["", "{}", "[", tokens, r#"{"error":"invalid_grant"}"#] {
            outcomes.push(answer(status, body));
        }
    }
    for sent in [Sent::MaybeSent, Sent::NotSent] {
        for kind in KINDS {
            outcomes.push(failed(sent, kind, "the world says no"));
        }
    }
    outcomes
}

/// The outcomes, and the callbacks that belong to the login that waits.
#[must_use]
pub fn outcomes_for(action: &Action) -> Vec<Outcome> {
    let mut outcomes = outcomes();
    if let Action::AwaitCallback(wait) = action {
        outcomes.extend(callbacks_that_count(wait));
        outcomes.extend(callbacks_to_ignore(wait));
    }
    outcomes
}

/// Callbacks that end the wait, well or not.
#[must_use]
pub fn callbacks_that_count(wait: &AwaitCallback) -> Vec<Outcome> {
    ["code=c", "error=access_denied", "error=server_error", "code=c&code=d", "code=c&iss=https://evil.example", "x=1"]
        .map(|parameters| hand::redirect(wait, parameters))
        .into()
}

/// The only outcomes that answer an action and leave it standing.
#[must_use]
pub fn callbacks_to_ignore(wait: &AwaitCallback) -> Vec<Outcome> {
    let mut strays: Vec<Outcome> = ["", "code=c", "code=c&state=guessed", "error=access_denied", "state=", "%", "=&=&"]
        .map(|query| hand::callback(wait, query))
        .into();
    strays.push(hand::pasted(""));
    strays.push(hand::pasted("https://evil.example/?code=c&state=s"));
    strays.push(hand::pasted("the-code#another-state"));
    strays
}
