//! What the world answers, written down and read back.

use super::*;
use crate::http::{AnswerBody, IoFailureKind, Sent};
use crate::lifecycle::ledger::{Intent, Ledger};
use crate::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Unknown};
use crate::moment::UnixMillis;

/// One of each kind, and each shape of those that have several.
pub(crate) fn outcomes() -> Vec<Outcome> {
    let answer = |body: AnswerBody| {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Outcome::Http(HttpAnswer { status: 200, headers, body, received_at: UnixMillis(1_764_000_000_000) })
    };
    let locked = |ledger| Outcome::Locked(Locked { lease: LeaseNumber(7), ledger });
    vec![
        Outcome::AlreadyBegun,
        Outcome::Begun,
        Outcome::Busy(Holder { who: "process 4711".to_owned(), since: Millis(1_500) }),
        Outcome::Callback(Callback {
            source: CallbackSource::Pasted,
            method: "URL".to_owned(),
            target: Secret::new("http://127.0.0.1/callback?code=\"%C3%A9\"&state=s"),
            headers: vec![("host".to_owned(), "127.0.0.1".to_owned())],
            body: Secret::new("a=1"),
        }),
        Outcome::Conflict(None),
        Outcome::Conflict(Some(Box::new(record()))),
        Outcome::Deleted,
        Outcome::Elapsed,
        Outcome::Failed(IoFailure {
            sent: Sent::MaybeSent,
            kind: IoFailureKind::Incomplete,
            detail: "connection reset".to_owned(),
        }),
        answer(AnswerBody::new(br#"{"access_token":"AT"}"#.to_vec())),
        answer(AnswerBody::new(vec![0xff, 0x00])),
        answer(AnswerBody::TooLarge),
        Outcome::Listening(Listening { redirect_uri: "http://127.0.0.1:49152/callback".to_owned() }),
        Outcome::Loaded(None),
        Outcome::Loaded(Some(Box::new(record()))),
        locked(StoredLedger::Absent),
        locked(StoredLedger::Newer),
        locked(StoredLedger::Read(ledger())),
        locked(StoredLedger::Unreadable),
        Outcome::Lost,
        Outcome::Noted,
        Outcome::Opened(Opened { browser: false }),
        Outcome::Saved,
        Outcome::TimedOut,
        Outcome::Unlocked,
    ]
}

/// A record that uses every member, and one of a newer version.
pub(crate) fn record() -> Record {
    Record {
        format: RECORD_FORMAT,
        login_id: LoginId("login".to_owned()),
        generation: 2,
        client_id: "native".to_owned(),
        issuer: Some("https://as.example".to_owned()),
        token_endpoint: "https://as.example/token".to_owned(),
        revocation_endpoint: Some("https://as.example/revoke".to_owned()),
        mark: Mark::LoggedIn,
        access_token: Secret::new("AT"),
        token_type: "Bearer".to_owned(),
        refresh_token: Some(Secret::new("RT")),
        scopes: Some(vec!["openid".to_owned()]),
        claims: [("sub".to_owned(), "u1".to_owned())].into(),
        expires_at: Some(UnixMillis(1_764_000_000_000)),
        due_at: None,
        renewed_at: UnixMillis(1_763_999_000_000),
        renewed_from: Some(Secret::new("an older RT").hash()),
        resources: Vec::new(),
        renewed_for_rejection: true,
        unknown: Unknown::new([("newer".to_owned(), serde_json::json!({ "a": [1, null] }))].into()),
    }
}

pub(crate) fn ledger() -> Ledger {
    let token = Secret::new("RT").hash();
    Ledger {
        login_id: Some(LoginId("login".to_owned())),
        intent: Some(Intent { token: token.clone(), age: Millis(5), lands_in: Millis(40_000), resends: 1 }),
        lands_in: Millis(3),
        cool_down: Millis(10_000),
        refused: Some(token),
    }
}

#[test]
fn each_outcome_survives_being_written_and_read() {
    for outcome in outcomes() {
        let event = Event { id: ActionId { life: 1, step: 2 }, outcome };
        let json = serde_json::to_string(&event).unwrap();
        assert_eq!(serde_json::from_str::<Event>(&json).unwrap(), event, "{json}");
    }
}

#[test]
fn members_of_a_newer_record_are_kept() {
    let json = serde_json::to_value(record()).unwrap();
    assert_eq!(json["newer"], serde_json::json!({ "a": [1, null] }));
    assert_eq!(serde_json::from_value::<Record>(json).unwrap(), record());
}

#[test]
fn each_kind_of_outcome_has_a_name_of_its_own() {
    let kinds: std::collections::BTreeSet<String> = outcomes().iter().map(kind).collect();
    let names: std::collections::BTreeSet<&str> = outcomes().iter().map(Outcome::name).collect();
    assert_eq!((kinds.len(), names.len()), (18, 18));
}

#[test]
fn no_outcome_shows_what_it_carries() {
    for outcome in outcomes() {
        let shown = format!("{outcome:?} {outcome:#?}");
        for secret in ["\"AT\"", "\"RT\"", "code=", "access_token\\", "a=1"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}

fn kind(outcome: &Outcome) -> String {
    serde_json::to_value(outcome).unwrap()["outcome"].as_str().unwrap().to_owned()
}
