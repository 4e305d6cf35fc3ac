//! The forms are those of serde, and what is wrong is named.

use super::*;
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::event::{ActionId, Event, Outcome};
use crate::lifecycle::record::Record;
use crate::moment::UnixMillis;
use crate::provider::Provider;
use crate::{action, event};

fn problem<T: FromJson>(text: &str) -> String {
    from_text::<T>(text).err().unwrap().to_string()
}

#[test]
fn actions_are_written_as_serde_writes_them() {
    for action in action::tests::actions() {
        let id = ActionId { life: 0, step: 7 };
        assert_eq!(to_text(&(id, &action)), serde_json::to_string(&(id, &action)).unwrap());
    }
}

#[test]
fn events_are_written_and_read_as_serde_does() {
    for outcome in event::tests::outcomes() {
        let event = Event { id: ActionId { life: 1, step: 2 }, outcome };
        let text = serde_json::to_string(&event).unwrap();
        assert_eq!(to_text(&event), text);
        assert_eq!(from_text::<Event>(&text).unwrap(), event);
    }
}

#[test]
fn records_are_read_as_serde_reads_them() {
    let mut record = event::tests::record();
    for resources in [Vec::new(), vec!["https://api.example/".to_owned()]] {
        record.resources = resources;
        let text = serde_json::to_string(&record).unwrap();
        assert_eq!(to_text(&record), text);
        assert_eq!(from_text::<Record>(&text).unwrap(), record);
        for name in text.split('"').skip(1).step_by(2) {
            let without = text.replacen(&format!("\"{name}\":"), "\"other\":", 1);
            let theirs = serde_json::from_str::<Record>(&without).ok();
            assert!(from_text::<Record>(&without).ok() == theirs, "{without}");
        }
    }
}

#[test]
fn what_strangers_put_into_a_record_is_kept_as_serde_keeps_it() {
    let text = to_text(&event::tests::record());
    let more = text.replacen('{', r#"{ "z" : {"b":[ 1 , -2.5, "\u00e9\n"],"a":null,"b":false}, "a a":"\u0001\"", "#, 1);
    let ours: Record = from_text(&more).unwrap();
    assert!(ours == serde_json::from_str(&more).unwrap());
    assert_eq!(to_text(&ours), serde_json::to_string(&ours).unwrap());
}

#[test]
fn presets_are_written_and_read_as_serde_does() {
    let presets = Provider::built_in().unwrap();
    let text = serde_json::to_string(&presets).unwrap();
    assert_eq!(to_text(&presets), text);
    assert_eq!(from_text::<Vec<Provider>>(&text).unwrap(), presets);
    let least = r#"[{"id":"x","name":"X"}]"#;
    assert_eq!(from_text::<Vec<Provider>>(least).unwrap(), serde_json::from_str::<Vec<Provider>>(least).unwrap());
}

#[test]
fn failures_are_written_as_serde_writes_them() {
    let what = "Do \"that\".".to_owned();
    let at = UnixMillis(5);
    for next in [
        NextStep::AskUser { what: what.clone() },
        NextStep::FixConfiguration { what },
        NextStep::LogIn,
        NextStep::OutcomeUnknown { retry_at: at },
        NextStep::ReportBug,
        NextStep::RetryAt { at },
    ] {
        let failure = Failure::boxed(FlowStep::CodeExchange, FailureKind::ApiRefusesNewToken, "seen", next);
        for failure in [failure.clone(), failure.with_code(Some(400), Some("invalid_grant".to_owned()))] {
            assert_eq!(to_text(&failure), serde_json::to_string(&failure).unwrap());
        }
    }
}

#[test]
fn texts_are_escaped_as_serde_escapes_them() {
    let all: String = (0..0x300).filter_map(char::from_u32).chain("\u{2028}😀".chars()).collect();
    assert_eq!(to_text(&all), serde_json::to_string(&all).unwrap());
    assert_eq!(from_text::<String>(&to_text(&all)).unwrap(), all);
}

#[test]
fn what_is_wrong_is_named() {
    let id = r#""id":{"life":0,"step":1}"#;
    assert_eq!(problem::<Event>("{"), "it breaks the grammar of JSON, at line 1");
    assert_eq!(problem::<Event>("{}\n\nx"), "more text follows the JSON object, at line 3");
    assert_eq!(problem::<Event>(r#"{"outcome":{}}"#), "the member `id` is missing, at line 1");
    assert_eq!(problem::<Event>(&format!("{{{id},\n{id}}}")), "the member `id` stands there twice, at line 1");
    let event = |outcome: &str| format!("{{{id},\n\"outcome\":{outcome}}}");
    assert!(
        problem::<Event>(&event(r#"{"outcome":"x"}"#)).starts_with("unknown word `x`, expected one of `already_begun`")
    );
    assert_eq!(
        problem::<Event>(&event(r#"{"outcome":"opened","with":{"browser":1}}"#)),
        "the member `browser` is not true or false, at line 2"
    );
    for number in ["-1", "1.0", "1e3", "4294967296", "\"1\""] {
        let text = format!(r#"{{"life":0,"step":{number}}}"#);
        assert_eq!(
            problem::<ActionId>(&text),
            "the member `step` is not a whole number within its limits, at line 1",
            "{text}"
        );
        assert!(serde_json::from_str::<ActionId>(&text).is_err());
    }
    assert!(from_text::<String>(r#""\ud800""#).is_err());
    assert!(from_text::<String>(r#""\ufffd""#).is_ok());
    assert!(from_text::<Outcome>(r#"{"outcome":"lost"}"#).is_ok());
}
