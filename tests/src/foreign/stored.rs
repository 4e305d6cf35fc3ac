//! The readers of what lies on a disk: records and ledgers, snapshots, transcripts.

use std::fmt::Debug;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use tokenway_core::config::Config;
use tokenway_core::flow::Login;
use tokenway_core::json::{self, FromJson, ToJson};
use tokenway_core::lifecycle::ForeignLogin;
use tokenway_core::lifecycle::ledger::{Ledger, MAX_COOL_DOWN, MAX_LANDING, StoredLedger};
use tokenway_core::lifecycle::record::Record;
use tokenway_core::session::{Session, Step};
use tokenway_core::transcript::Transcript;

use super::{assert_hides, assert_presentable};
use crate::hand::{self, Hand};
use crate::scenario::{self, secrets};

/// Steps that a resumed login is driven on.
const STEPS: usize = 20;

/// A record, a ledger, or a login of another program.
pub(super) fn record(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    read_by_both::<Record>(&text);
    read_by_both::<StoredLedger>(&text);
    if let Some(ledger) = read_by_both::<Ledger>(&text) {
        let clamped = ledger.clamped();
        assert!(clamped.lands_in <= MAX_LANDING && clamped.cool_down <= MAX_COOL_DOWN);
    }
    let config = scenario::config(Some(scenario::endpoints()));
    for login in [ForeignLogin::of_aether(&text), ForeignLogin::of_codex(&text), ForeignLogin::of_gcloud(&text)] {
        match login.and_then(|login| Record::import(login, &config, &scenario::moment(0))) {
            Ok(record) => assert!(read_by_both::<Record>(&json::to_text(&record)) == Some(record), "written and read"),
            Err(error) => assert!(error.to_string().len() < text.len() + 400, "{error}"),
        }
    }
}

/// Reads by serde and by the small reader of drivers that are downloaded: what both read is the same, and so is what
/// both write of it.
fn read_by_both<T: DeserializeOwned + Serialize + FromJson + ToJson + PartialEq + Debug>(text: &str) -> Option<T> {
    let by_serde = serde_json::from_str::<T>(text);
    let by_hand = json::from_text::<T>(text);
    match (by_serde, by_hand) {
        (Ok(one), Ok(other)) => {
            // The digits of a number in an unknown member are kept by hand; serde keeps its value.
            let again = serde_json::from_str::<T>(&json::to_text(&other));
            assert!(again.is_ok_and(|again| again == one), "{one:?} or {other:?}");
            let written = json::to_text(&one);
            assert_eq!(serde_json::to_string(&one).ok().as_deref(), Some(written.as_str()));
            assert!(json::from_text::<T>(&written).as_ref() == Ok(&one), "{one:?} changes when it is written and read");
            Some(one)
        }
        (Err(_), Err(bad)) => {
            assert!(bad.to_string().len() < text.len() + 200, "{bad}");
            None
        }
        // Serde passes over what it need not keep, and does not see that it is no text.
        (Ok(_), Err(_)) if serde_json::from_str::<Value>(text).is_err() => None,
        // A value that serde keeps has to fit into its numbers; by hand the digits are kept.
        (Err(error), Ok(_)) if error.to_string().starts_with("number out of range") => None,
        (Ok(one), Err(bad)) => panic!("serde reads {one:?}, and by hand: {bad}"),
        (Err(error), Ok(one)) => panic!("read by hand as {one:?}, and by serde: {error}"),
    }
}

/// What a login is resumed from, with endpoints that are known and with those that are to be found.
pub(super) fn snapshot(bytes: &[u8]) {
    for config in [scenario::config(None), scenario::config(Some(scenario::endpoints()))] {
        match Session::<Login>::resume(bytes, &config, scenario::moment(1)) {
            Ok(login) => resumed(login, &config),
            Err(unreadable) => assert_presentable(&unreadable.message()),
        }
    }
}

fn resumed(mut login: Session<Login>, config: &Config) {
    if let (Some(snapshot), Step::Act { action, .. }) = (login.checkpoint(), login.poll()) {
        let Ok(again) = Session::<Login>::resume(snapshot.as_bytes(), config, scenario::moment(2)) else {
            panic!("the checkpoint of a resumed login cannot be resumed");
        };
        let Step::Act { action: same, .. } = again.poll() else { panic!("{again:?} has ended") };
        assert!(action == same, "{} became {}", action.name(), same.name());
    }
    let tokens = serde_json::json!({ "access_token": secrets::NEW_ACCESS_TOKEN, "token_type": "Bearer" });
    let mut world = Hand::new(move |_| hand::json(200, &tokens));
    for _ in 0..STEPS {
        assert_hides(&format!("{login:?}"), &[secrets::CLIENT_SECRET.to_owned()]);
        if world.step(&mut login).is_none() {
            break;
        }
    }
    if let Step::Done(Err(failure)) = login.poll() {
        assert_presentable(&failure.message());
    }
}

/// A transcript, read and replayed.
pub(super) fn transcript(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    match Transcript::parse(&text) {
        Ok(transcript) => {
            let written = transcript.text();
            assert!(Transcript::parse(&written).is_ok_and(|again| again.text() == written), "written and read");
            match transcript.replay() {
                Ok(summary) => assert!(transcript.replay().as_ref() == Ok(&summary), "{summary} once"),
                Err(difference) => assert!(difference.to_string().len() < 4_096, "{difference}"),
            }
        }
        Err(unreadable) => {
            assert!(unreadable.line >= 1 && unreadable.line <= text.lines().count().max(1), "{unreadable}");
            assert!(unreadable.what.len() < text.len() + 200, "{unreadable}");
        }
    }
}
