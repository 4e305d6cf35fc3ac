//! Logins that outlive their process, and the snapshots that earlier versions wrote: those in `fixtures/snapshots/v1` were
//! written once and are never edited. A version that cannot read them any more says so, and writes another format.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::error::{FailureKind, NextStep};
use tokenway_core::event::{ActionId, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::flow::login::Unreadable;
use tokenway_core::http::{HttpRequest, IoFailureKind, Method, Sent};
use tokenway_core::provider::{Parameter, Provider};
use tokenway_core::secret::Secret;
use tokenway_core::session::{Session, Step};
use tokenway_tests::hand::{self, Hand};
use tokenway_tests::scenario::{self, secrets};

const ISSUER: &str = "https://as.example/tenant";
const REDIRECT_URI: &str = "http://127.0.0.1:49152/callback";

/// Where a login stood when its snapshot was frozen, and what it asks for when it is resumed.
const STAGES: [(&str, &str); 5] = [
    ("metadata", "fetch"),
    ("receiver", "listen"),
    ("url_shown", "listen"),
    ("callback", "listen"),
    ("received", "begin"),
];

fn config() -> Config {
    let provider =
        Provider { authorize_parameters: vec![Parameter::new("audience", "a b&c")], ..Provider::generic(ISSUER) };
    let builder = Config::builder(provider).client_id("native").account("work").resource("https://api.example/");
    builder.client_secret(Secret::new(secrets::CLIENT_SECRET)).build().unwrap()
}

fn world() -> Hand {
    let mut hand = Hand::new(|request: &HttpRequest| match request.method {
        Method::Get => hand::json(
            200,
            &json!({
                "issuer": ISSUER,
                "authorization_endpoint": "https://as.example/tenant/authorize",
                "token_endpoint": "https://as.example/tenant/token",
                "scopes_supported": ["openid", "offline_access", "email"],
                "authorization_response_iss_parameter_supported": true,
            }),
        ),
        Method::Delete | Method::Post => hand::json(
            200,
            &json!({ "access_token": "access", "refresh_token": "refresh", "token_type": "Bearer", "expires_in": 60 }),
        ),
    });
    hand = hand.with_person(|wait| hand::redirect(wait, "code=frozen-code&iss=https%3A%2F%2Fas.example%2Ftenant"));
    hand
}

/// What a login writes after each advance, in order.
fn written() -> Vec<(&'static str, String)> {
    let mut hand = world();
    let mut session = Login::start(&config(), hand.moment());
    let mut written = Vec::new();
    for stage in ["metadata", "receiver", "url_shown", "callback", "received", "begun"] {
        let snapshot = session.checkpoint().unwrap();
        written.push((stage, String::from_utf8(snapshot.as_bytes().to_vec()).unwrap()));
        hand.step(&mut session).unwrap();
    }
    written
}

fn frozen(stage: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/snapshots/v1");
    fs::read_to_string(folder.join(format!("{stage}.json"))).unwrap()
}

fn resumed(stage: &str) -> Session<Login> {
    resume(&frozen(stage)).unwrap()
}

fn resume(text: &str) -> Result<Session<Login>, Unreadable> {
    Session::<Login>::resume(text.as_bytes(), &config(), world().moment())
}

fn unreadable(text: &str) -> Unreadable {
    resume(text).expect_err(text)
}

fn outstanding(session: &Session<Login>) -> (ActionId, Action) {
    match session.poll() {
        Step::Act { id, action } => (id, action),
        Step::Done(end) => panic!("it has ended: {end:?}"),
    }
}

#[test]
fn this_version_still_writes_what_was_frozen() {
    for (stage, text) in written() {
        let value = |text: &str| serde_json::from_str::<Value>(text).unwrap();
        assert_eq!(value(&text), value(&frozen(stage)), "{stage}: another format needs another number");
    }
}

#[test]
fn a_redirect_that_was_received_and_does_not_count_is_waited_for_by_a_process_that_listens() {
    let other_host = frozen("received").replace(r#"["host","127.0.0.1:49152"]"#, r#"["host","evil.example"]"#);
    assert_ne!(other_host, frozen("received"));
    let (_, action) = outstanding(&resume(&other_host).unwrap());
    let Action::Listen(listen) = action else { panic!("nobody listens: {}", action.name()) };
    assert_eq!(listen.candidates, [REDIRECT_URI]);
}

#[test]
fn a_frozen_login_is_resumed_where_it_stood_and_its_old_numbers_are_stale() {
    for (stage, name) in STAGES {
        let session = resumed(stage);
        let (id, action) = outstanding(&session);
        assert_eq!((id, action.name()), (ActionId { life: 1, step: 0 }, name), "{stage}");
    }
}

#[test]
fn a_frozen_login_goes_on_to_its_end_with_its_own_state_and_verifier() {
    for (stage, _) in STAGES {
        let mut hand = world();
        hand.run(resumed(stage)).unwrap_or_else(|failure| panic!("{stage}: {failure}"));
        let snapshot: Value = serde_json::from_str(&frozen(stage)).unwrap();
        let prepared = &snapshot["at"]["open"]["prepared"];
        let exchange = hand.requests().pop().unwrap();
        let sent = |name: &str| hand::form(&exchange).into_iter().find(|pair| pair.0 == name).unwrap().1;
        assert_eq!(sent("code_verifier"), prepared["verifier"].as_str().unwrap(), "{stage}");
        assert_eq!(sent("code"), "frozen-code", "{stage}");
        assert_eq!(sent("redirect_uri"), REDIRECT_URI, "{stage}");
        for action in &hand.log {
            if let Action::OpenUrl(open) = action {
                assert_eq!(hand::parameter(&open.url, "state").as_deref(), prepared["state"].as_str(), "{stage}");
            }
        }
    }
}

#[test]
fn a_url_that_was_shown_is_not_opened_again() {
    let opens = |stage: &str| {
        let mut hand = world();
        hand.run(resumed(stage)).unwrap();
        hand.names().contains(&"open URL")
    };
    assert!(opens("metadata") && opens("receiver") && opens("url_shown"));
    assert!(!opens("callback") && !opens("received"));
}

#[test]
fn a_resumed_login_listens_on_exactly_its_old_redirect_uri_or_ends() {
    for stage in ["url_shown", "callback"] {
        let session = resumed(stage);
        let (_, Action::Listen(listen)) = outstanding(&session) else { panic!("{stage} listens") };
        assert_eq!(listen.candidates, [REDIRECT_URI], "{stage}");
        let elsewhere = tokenway_core::event::Listening { redirect_uri: "http://127.0.0.1:50000/callback".to_owned() };
        let taken = hand::failed(Sent::NotSent, IoFailureKind::Unable, "the port is taken");
        for outcome in [Outcome::Listening(elsewhere), taken] {
            let failure = ended_by(session.clone(), outcome);
            assert_eq!((failure.kind, &failure.next), (FailureKind::Interrupted, &NextStep::LogIn));
            assert!(failure.detail.contains(REDIRECT_URI), "{failure}");
        }
    }
}

fn ended_by(mut session: Session<Login>, outcome: Outcome) -> tokenway_core::error::Failure {
    let (id, _) = outstanding(&session);
    session.handle(world().moment(), tokenway_core::event::Event { id, outcome }).unwrap();
    *session.into_end().unwrap().unwrap_err()
}

#[test]
fn a_login_that_had_begun_its_exchange_ends_as_interrupted() {
    let session = resumed("begun");
    assert!(session.checkpoint().is_none());
    let failure = session.into_end().unwrap().unwrap_err();
    assert_eq!((failure.kind, &failure.next), (FailureKind::Interrupted, &NextStep::LogIn));
}

#[test]
fn each_resumption_is_another_life() {
    let mut text = frozen("callback");
    for life in 1..5 {
        let session = resume(&text).unwrap();
        assert_eq!(outstanding(&session).0, ActionId { life, step: 0 });
        text = String::from_utf8(session.checkpoint().unwrap().as_bytes().to_vec()).unwrap();
    }
}

#[test]
fn another_format_is_named_and_not_guessed_at() {
    for (stage, text) in written() {
        for found in [0, 2, u32::MAX] {
            let other = text.replacen("\"format\":1", &format!("\"format\":{found}"), 1);
            assert_eq!(unreadable(&other), Unreadable::Format { found }, "{stage}");
        }
    }
    assert_eq!(unreadable(r#"{"format":2,"nothing":"known"}"#), Unreadable::Format { found: 2 });
    assert!(
        Unreadable::Format { found: 2 }.to_string().ends_with("format 2, which this version cannot read: log in again")
    );
}

#[test]
fn garbage_is_no_snapshot() {
    for text in [
        "",
        " ",
        "null",
        "[]",
        "{}",
        "1",
        "\"begun\"",
        "\u{0}",
        "{\"format\":1}",
        "{\"format\":\"1\"}",
        "{\"format\":-1}",
        "{\"format\":1,\"login\":\"x\",\"at\":\"ended\"}",
        "{\"format\":1,\"login\":\"x\",\"at\":{\"open\":{}}}",
        "{\"format\":99999999999}",
    ] {
        assert_eq!(unreadable(text), Unreadable::NotASnapshot, "{text}");
    }
    assert_eq!(
        Session::<Login>::resume(&[0xff, 0xfe], &config(), world().moment()).unwrap_err(),
        Unreadable::NotASnapshot
    );
}

#[test]
fn a_snapshot_that_was_cut_off_is_no_snapshot() {
    for (stage, _) in STAGES {
        let text = frozen(stage);
        for end in 0..text.trim_end().len() {
            let cut = text.get(..end).unwrap();
            assert_eq!(unreadable(cut), Unreadable::NotASnapshot, "{stage} cut at {end}");
        }
    }
}

#[test]
fn a_snapshot_that_rotted_is_refused_or_read_but_never_a_panic() {
    for (stage, _) in STAGES {
        let bytes = frozen(stage).into_bytes();
        for at in 0..bytes.len() {
            for other in [0x00, b'"', b'}', b'9', 0xff] {
                let mut rotten = bytes.clone();
                rotten[at] = other;
                if let Ok(session) = Session::<Login>::resume(&rotten, &config(), world().moment()) {
                    let _ = (session.checkpoint(), matches!(session.poll(), Step::Act { .. }));
                }
            }
        }
    }
}

#[test]
fn a_snapshot_of_another_credential_is_refused() {
    let other = |change: fn(tokenway_core::config::Builder) -> tokenway_core::config::Builder| {
        let builder = Config::builder(Provider::generic(ISSUER)).client_id("native").account("work");
        change(builder).build().unwrap()
    };
    let elsewhere = Config::builder(Provider::generic("https://other.example")).client_id("native").account("work");
    let others = [
        other(|builder| builder.account("home")),
        other(|builder| builder.client_id("another")),
        elsewhere.build().unwrap(),
    ];
    for (stage, _) in STAGES {
        for config in &others {
            let resumed = Session::<Login>::resume(frozen(stage).as_bytes(), config, world().moment());
            assert_eq!(resumed.unwrap_err(), Unreadable::OtherCredential, "{stage}");
        }
    }
}

#[test]
fn no_snapshot_holds_the_client_secret_or_a_token_and_a_stub_holds_nothing() {
    let mut texts: Vec<(String, String)> =
        written().into_iter().map(|(stage, text)| (stage.to_owned(), text)).collect();
    for stand in scenario::logins() {
        let snapshot = stand.session.checkpoint().expect("a running login");
        texts.push((stand.name, String::from_utf8(snapshot.as_bytes().to_vec()).unwrap()));
    }
    let kept = [secrets::state(), secrets::nonce(), secrets::verifier(), secrets::CODE.to_owned()];
    let mut stubs = 0;
    for (name, text) in texts {
        for secret in secrets::all().iter().filter(|secret| !kept.contains(secret)) {
            assert!(!text.contains(secret.as_str()), "{name}: {secret}");
        }
        if text.contains("\"begun\"") {
            stubs += 1;
            let stub: Value = serde_json::from_str(&text).unwrap();
            let members: BTreeSet<&str> = stub.as_object().unwrap().keys().map(String::as_str).collect();
            assert_eq!(members, ["at", "format", "login"].into(), "{name}");
            assert!(!kept.iter().any(|secret| text.contains(secret.as_str())), "{name}");
        }
    }
    assert!(stubs > 1, "the walks reach the exchange and the save");
}

#[test]
fn what_begin_asks_to_write_is_the_stub_that_a_later_process_finds() {
    let session = resumed("received");
    let (_, Action::Begin(begin)) = outstanding(&session) else { panic!("it begins") };
    let stub: Value = serde_json::from_slice(begin.stub.as_bytes()).unwrap();
    assert_eq!(stub["login"], begin.login.as_str());
    assert_eq!(serde_json::from_str::<Value>(&frozen("begun")).unwrap(), stub);
}
