//! Rows 17 to 23 and 41: the store as core asks for it, and errors that can be told apart.

use tokenway_core::action::{Action, AwaitCallback};
use tokenway_core::config::Config;
use tokenway_core::error::{FailureKind, FlowStep};
use tokenway_core::event::{Event, Outcome};
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::record::Version;
use tokenway_core::lifecycle::{GetToken, Wish};
use tokenway_core::provider::Provider;
use tokenway_core::session::Step;
use tokenway_tests::hand::{self, Hand};

use crate::{codex, codex_provider, expired, generous, logged_in};

#[test]
fn row_17_a_login_is_loaded_saved_and_deleted_by_its_key() {
    let mut hand = Hand::new(generous());
    hand.login(&codex()).unwrap();
    hand.token(&codex(), Wish::default()).unwrap();
    hand.logout(&codex()).unwrap();
    let mut asked = Vec::new();
    for action in &hand.log {
        if let Action::Load(load) = action {
            asked.push(("load", &load.key));
        } else if let Action::Save(save) = action {
            asked.push(("save", &save.key));
        } else if let Action::Delete(delete) = action {
            asked.push(("delete", &delete.key));
        }
    }
    let config = codex();
    assert_eq!(asked, ["save", "load", "load", "save", "delete"].map(|name| (name, config.key())));
}

#[test]
fn row_18_and_19_keys_of_providers_clients_and_accounts_are_different() {
    let generic = Config::builder(Provider::generic("https://as.example")).client_id("native").build().unwrap();
    let other_client = Config::builder(codex_provider()).client_id("mine").build().unwrap();
    let work = Config::builder(codex_provider()).account("work").build().unwrap();
    let keys = [codex().key().clone(), generic.key().clone(), other_client.key().clone(), work.key().clone()];
    for (at, key) in keys.iter().enumerate() {
        assert!(!keys[..at].contains(key), "{key}");
    }
}

#[test]
fn row_19_a_missing_login_is_none_and_logging_out_twice_is_harmless() {
    let mut hand = logged_in();
    assert!(hand.logout(&codex()).unwrap().claims.is_some());
    assert!(hand.logout(&codex()).unwrap().claims.is_none());
    assert!(hand.record.is_none());
}

#[test]
fn row_20_trouble_of_the_store_is_told_as_such() {
    let mut hand = Hand::new(generous());
    let mut session = GetToken::start(&codex(), Wish::default(), hand.moment());
    let Step::Act { id, .. } = session.poll() else { panic!("it has ended") };
    let outcome = hand::failed(Sent::NotSent, IoFailureKind::Unable, "invalid credential: missing field `format`");
    session.handle(hand.moment(), Event { id, outcome }).unwrap();
    let failure = session.into_end().unwrap().unwrap_err();
    assert_eq!((failure.kind, failure.step), (FailureKind::Store, FlowStep::Loading));
    assert!(failure.to_string().contains("invalid credential"), "{failure}");
    assert!(failure.advice().contains("where logins are kept"), "{}", failure.advice());
}

#[test]
fn row_21_every_write_compares_what_is_stored_first() {
    let mut hand = expired();
    let before = hand.record.as_ref().unwrap().version();
    hand.token(&codex(), Wish::default()).unwrap();
    hand.logout(&codex()).unwrap();
    let mut expected = Vec::new();
    for action in &hand.log {
        if let Action::Save(save) = action {
            expected.push(save.expected.clone());
        } else if let Action::Delete(delete) = action {
            expected.push(Some(delete.expected.clone()));
        }
    }
    let generation = |more: u64| Some(Version { generation: before.generation + more, ..before.clone() });
    assert_eq!(expected, [generation(0), generation(1), generation(2)]);
}

#[test]
fn row_41_each_way_to_fail_has_a_kind_of_its_own() {
    let login_with =
        |person: fn(&AwaitCallback) -> Outcome| Hand::new(generous()).with_person(person).login(&codex()).unwrap_err();
    let cancelled = login_with(|_| hand::failed(Sent::NotSent, IoFailureKind::Cancelled, "interrupted"));
    assert_eq!(cancelled.kind, FailureKind::Cancelled);
    let timed_out = login_with(|_| Outcome::TimedOut);
    assert_eq!(timed_out.kind, FailureKind::TimedOut);
    let declined = login_with(|wait| hand::redirect(wait, "error=access_denied"));
    assert_eq!((declined.kind, declined.code.as_deref()), (FailureKind::Refused, Some("access_denied")));
    let without_code = login_with(|wait| hand::redirect(wait, "scope=openid"));
    assert_eq!((without_code.kind, without_code.step), (FailureKind::Misbehaved, FlowStep::Callback));

    let mut hand = Hand::new(|_| hand::answer(400, r#"{"error":"invalid_grant"}"#));
    let exchange = hand.login(&codex()).unwrap_err();
    assert_eq!((exchange.kind, exchange.step), (FailureKind::Refused, FlowStep::CodeExchange));

    let nobody = Hand::new(generous()).token(&codex(), Wish::default()).unwrap_err();
    assert_eq!(nobody.kind, FailureKind::NoCredential);
}
