//! What the machine asks for, written down and read back, and the table of answers in full.

use super::*;
use crate::event::tests::{ledger, outcomes, record};
use crate::http::{Body, FormField, Header, Method};
use crate::secret::Secret;

/// The largest whole number that JavaScript reads exactly.
const MAX_SAFE: u64 = (1 << 53) - 1;

fn key() -> CredentialKey {
    CredentialKey { provider: "codex".to_owned(), client_id: "native".to_owned(), account: "default".to_owned() }
}

fn request(body: Body) -> HttpRequest {
    HttpRequest {
        method: Method::Post,
        url: "https://as.example/token".to_owned(),
        headers: vec![Header { name: "authorization".to_owned(), value: Secret::new("Basic aHVzaA==") }],
        body,
        single_use: true,
        not_after: Some(UnixMillis(1_764_000_010_000)),
        lease: Some(LeaseNumber(7)),
        deadline: Millis::seconds(30),
    }
}

/// One of each kind, and each form of body.
pub(crate) fn actions() -> Vec<Action> {
    let form = Body::Form(vec![FormField { name: "code".to_owned(), value: Secret::new("the code&=") }]);
    let url = "https://as.example/authorize?state=s".to_owned();
    let redirect_uri = "http://127.0.0.1:49152/callback".to_owned();
    let stub = Snapshot::from_secret(Secret::new("{\"format\":1}"));
    vec![
        Action::AwaitCallback(AwaitCallback {
            url: url.clone(),
            redirect_uri: redirect_uri.clone(),
            deadline: UnixMillis(9),
        }),
        Action::Begin(Begin { login: "login".to_owned(), stub }),
        Action::Delete(Delete { key: key(), expected: record().version() }),
        Action::Fetch(request(Body::Empty)),
        Action::Fetch(request(Body::Json(Secret::new("{\"token\":\"RT\"}")))),
        Action::Listen(Listen { candidates: vec![redirect_uri] }),
        Action::Load(Load { key: key() }),
        Action::Lock(Lock { key: key(), wait: Millis(250), hold: Millis::seconds(50) }),
        Action::Note(Note { key: key(), lease: LeaseNumber(7), ledger: ledger() }),
        Action::OpenUrl(OpenUrl { url }),
        Action::PostForm(request(form)),
        Action::Save(Save { key: key(), expected: None, record: Box::new(record()) }),
        Action::Save(Save { key: key(), expected: Some(record().version()), record: Box::new(record()) }),
        Action::Unlock(Unlock { key: key(), lease: LeaseNumber(7) }),
        Action::WaitUntil(WaitUntil { at: UnixMillis(1_764_000_000_000), span: Millis(500) }),
    ]
}

#[test]
fn each_action_survives_being_written_and_read() {
    for action in actions() {
        let json = serde_json::to_string(&action).unwrap();
        assert_eq!(serde_json::from_str::<Action>(&json).unwrap(), action, "{json}");
    }
}

#[test]
fn numbers_survive_javascript() {
    let written = actions().iter().map(|action| serde_json::to_value(action).unwrap()).collect();
    let answered = outcomes().iter().map(|outcome| serde_json::to_value(outcome).unwrap()).collect();
    let limits = serde_json::json!([crate::lifecycle::ledger::MAX_LANDING, crate::lifecycle::ledger::MAX_COOL_DOWN]);
    for value in [serde_json::Value::Array(written), serde_json::Value::Array(answered), limits] {
        assert_safe(&value);
    }
}

fn assert_safe(value: &serde_json::Value) {
    match value {
        serde_json::Value::Number(number) => assert!(number.as_u64().is_some_and(|n| n <= MAX_SAFE), "{number}"),
        serde_json::Value::Array(values) => values.iter().for_each(assert_safe),
        serde_json::Value::Object(members) => members.values().for_each(assert_safe),
        serde_json::Value::Bool(_) | serde_json::Value::Null | serde_json::Value::String(_) => {}
    }
}

#[test]
fn the_table_of_answers_is_this() {
    let expected = |action: &str| match action {
        "await callback" => vec!["callback", "timed out"],
        "begin" => vec!["already begun", "begun"],
        "delete" => vec!["conflict", "deleted"],
        "fetch" | "post form" => vec!["http"],
        "listen" => vec!["listening"],
        "load" => vec!["loaded"],
        "lock" => vec!["busy", "locked"],
        "note" => vec!["lost", "noted"],
        "open URL" => vec!["opened"],
        "save" => vec!["conflict", "saved"],
        "unlock" => vec!["lost", "unlocked"],
        "wait" => vec!["elapsed"],
        other => panic!("{other} is not in the table"),
    };
    for action in actions() {
        for outcome in outcomes() {
            let fits = expected(action.name()).contains(&outcome.name()) || outcome.name() == "failed";
            assert_eq!(action.accepts(&outcome), fits, "{} and {}", action.name(), outcome.name());
        }
    }
}

#[test]
fn every_kind_of_action_is_tried_here() {
    let names: std::collections::BTreeSet<&str> = actions().iter().map(Action::name).collect();
    assert_eq!(names.len(), 13);
}

#[test]
fn no_action_shows_what_it_carries() {
    for action in actions() {
        let shown = format!("{action:?} {action:#?}");
        for secret in ["\"AT\"", "\"RT\"", "the code", "aHVzaA", "format"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
