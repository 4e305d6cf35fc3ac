//! Walks to any state: sessions that stand at every state of every flow, each reached by real events alone.
//!
//! What a test does with them is its own: give each a wrong answer, look for secrets in what each shows, resume each.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    reason = "a walk that does not arrive is a failed test"
)]

mod get_tokens;
mod logins;
mod logouts;
pub mod secrets;

use tokenway_core::action::LeaseNumber;
use tokenway_core::config::Config;
use tokenway_core::event::{Event, Holder, Locked, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::http::{AnswerBody, HttpAnswer, IoFailure, IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use tokenway_core::lifecycle::{GetToken, Logout};
use tokenway_core::machine::Machine;
use tokenway_core::moment::{Millis, Moment, UnixMillis};
use tokenway_core::provider::{Endpoints, Provider};
use tokenway_core::secret::Secret;
use tokenway_core::session::{Session, Step};

/// Where every walk starts: 2026-01-01T00:00:00Z.
pub const START: UnixMillis = UnixMillis(1_767_225_600_000);

/// The issuer of every walk.
pub const ISSUER: &str = "https://as.example";

/// A session that waits for the answer to an action.
pub struct Standing<M: Machine> {
    /// The walk, the step and the action, for messages.
    pub name: String,
    /// The session.
    pub session: Session<M>,
    /// What it was started with.
    pub config: Config,
}

/// Logins at every state.
#[must_use]
pub fn logins() -> Vec<Standing<Login>> {
    logins::standing()
}

/// Requests for a token at every state.
#[must_use]
pub fn get_tokens() -> Vec<Standing<GetToken>> {
    get_tokens::standing()
}

/// Logouts at every state.
#[must_use]
pub fn logouts() -> Vec<Standing<Logout>> {
    logouts::standing()
}

/// The moment of a step: every walk has the same ones.
#[must_use]
pub fn moment(step: u8) -> Moment {
    Moment { now: START.plus(Millis(u64::from(step) * 50)), entropy: [step.wrapping_add(1); 32] }
}

/// The configuration of the walks: a confidential client, endpoints known or to be found.
#[must_use]
pub fn config(endpoints: Option<Endpoints>) -> Config {
    let mut provider = Provider::generic(ISSUER);
    provider.endpoints = endpoints;
    let secret = Secret::new(secrets::CLIENT_SECRET);
    Config::builder(provider).client_id("native").client_secret(secret).scopes(["openid"]).build().unwrap()
}

/// The endpoints of the walks.
#[must_use]
pub fn endpoints() -> Endpoints {
    Endpoints {
        authorization: format!("{ISSUER}/authorize"),
        token: format!("{ISSUER}/token"),
        revocation: Some(format!("{ISSUER}/revoke")),
        iss_in_response: false,
    }
}

/// A stored login of which the token dies `life` after [`START`].
#[must_use]
pub fn record(life: Millis) -> Record {
    Record {
        format: RECORD_FORMAT,
        login_id: LoginId("login-1".to_owned()),
        generation: 3,
        client_id: "native".to_owned(),
        issuer: Some(ISSUER.to_owned()),
        token_endpoint: endpoints().token,
        revocation_endpoint: endpoints().revocation,
        mark: Mark::LoggedIn,
        access_token: Secret::new(secrets::ACCESS_TOKEN),
        token_type: "Bearer".to_owned(),
        refresh_token: Some(Secret::new(secrets::REFRESH_TOKEN)),
        scopes: Some(vec!["openid".to_owned()]),
        claims: [("sub".to_owned(), "person-1".to_owned())].into(),
        expires_at: Some(START.plus(life)),
        due_at: Some(START),
        renewed_at: START.minus(Millis::seconds(3_600)),
        renewed_from: None,
        resources: Vec::new(),
        renewed_for_rejection: false,
        unknown: Unknown::default(),
    }
}

/// The same login, written by somebody else meanwhile.
#[must_use]
pub fn theirs() -> Record {
    Record {
        login_id: LoginId("login-2".to_owned()),
        access_token: Secret::new(secrets::THEIR_ACCESS_TOKEN),
        refresh_token: Some(Secret::new(secrets::THEIR_REFRESH_TOKEN)),
        ..record(Millis::seconds(3_600))
    }
}

/// The record with the mark of a logout.
#[must_use]
pub fn marked(record: Record) -> Record {
    Record { mark: Mark::LoggedOut, generation: record.generation + 1, ..record }
}

/// Walks one way and keeps the session at each of its steps, each state once.
fn walk<M>(
    standing: &mut Vec<Standing<M>>,
    name: &str,
    config: &Config,
    mut session: Session<M>,
    answers: impl IntoIterator<Item = Outcome>,
) where
    M: Machine + Clone + PartialEq,
    M::Output: Clone + PartialEq,
{
    let mut answers = answers.into_iter();
    for step in 0.. {
        let Step::Act { id, action } = session.poll() else {
            assert!(answers.next().is_none(), "{name}: ended at step {step}, before the walk did");
            return;
        };
        if !standing.iter().any(|known| known.session == session && known.config == *config) {
            let name = format!("{name}, step {step}: {}", action.name());
            standing.push(Standing { name, session: session.clone(), config: config.clone() });
        }
        let Some(outcome) = answers.next() else { return };
        let said = outcome.name();
        session
            .handle(moment(step + 1), Event { id, outcome })
            .unwrap_or_else(|rejected| panic!("{name}, step {step}: {said} to {}: {rejected}", action.name()));
    }
}

fn loaded(record: Record) -> Outcome {
    Outcome::Loaded(Some(Box::new(record)))
}

fn locked(ledger: StoredLedger) -> Outcome {
    Outcome::Locked(Locked { lease: LeaseNumber(7), ledger })
}

fn busy() -> Outcome {
    Outcome::Busy(Holder { who: "process 1 on host-1".to_owned(), since: Millis::seconds(5) })
}

fn http(status: u16, body: &str) -> Outcome {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = AnswerBody::new(body.as_bytes().to_vec());
    Outcome::Http(HttpAnswer { status, headers, body, received_at: START })
}

fn io(sent: Sent, kind: IoFailureKind) -> Outcome {
    Outcome::Failed(IoFailure { sent, kind, detail: "the world says no".to_owned() })
}

fn unable() -> Outcome {
    io(Sent::NotSent, IoFailureKind::Unable)
}

fn lost() -> Outcome {
    io(Sent::MaybeSent, IoFailureKind::Deadline)
}

fn not_sent() -> Outcome {
    io(Sent::NotSent, IoFailureKind::Unreachable)
}
