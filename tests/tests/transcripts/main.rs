//! Transcripts: one happy run and one per failure of each flow, checked in, replayed, tampered with, and searched.
#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a script that does not fit is a failed test"
)]

mod corpus;
mod get_tokens;
mod logins;
mod logouts;

use proptest::prelude::*;
use serde_json::json;
use tokenway_core::event::Outcome;
use tokenway_core::lifecycle::Scope;
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;
use tokenway_core::transcript::{Recording, Transcript};
use tokenway_tests::scripted::{
    START, Script, all, answer, check, config, good_redirect, http, loaded, moment, planted, provider, record,
    redirect, tokens,
};

type Scenario = (&'static str, fn() -> Recording);

const SCENARIOS: [Scenario; 36] = [
    ("login", logins::login),
    ("login_by_discovery", logins::login_by_discovery),
    ("login_codex", logins::login_codex),
    ("login_discovery_fails", logins::login_discovery_fails),
    ("login_discovery_of_another_issuer", logins::login_discovery_of_another_issuer),
    ("login_declined", logins::login_declined),
    ("login_state_forged", logins::login_state_forged),
    ("login_of_another_server", logins::login_of_another_server),
    ("login_timed_out", logins::login_timed_out),
    ("login_pasted", logins::login_pasted),
    ("login_port_taken", logins::login_port_taken),
    ("login_already_begun", logins::login_already_begun),
    ("login_exchange_refused", logins::login_exchange_refused),
    ("login_exchange_lost", logins::login_exchange_lost),
    ("login_wrong_nonce", logins::login_wrong_nonce),
    ("login_save_failed", logins::login_save_failed),
    ("login_replaces", logins::login_replaces),
    ("login_unfinished", logins::login_unfinished),
    ("get_token_fresh", get_tokens::get_token_fresh),
    ("get_token_renewed", get_tokens::get_token_renewed),
    ("get_token_adopted", get_tokens::get_token_adopted),
    ("get_token_refused", get_tokens::get_token_refused),
    ("get_token_429", get_tokens::get_token_429),
    ("get_token_unknown_twice", get_tokens::get_token_unknown_twice),
    ("get_token_not_sent", get_tokens::get_token_not_sent),
    ("get_token_busy", get_tokens::get_token_busy),
    ("get_token_conflict_other_login", get_tokens::get_token_conflict_other_login),
    ("get_token_conflict_absent", get_tokens::get_token_conflict_absent),
    ("get_token_account_changed", get_tokens::get_token_account_changed),
    ("get_token_cool_down", get_tokens::get_token_cool_down),
    ("get_token_refused_before", get_tokens::get_token_refused_before),
    ("get_token_nobody", get_tokens::get_token_nobody),
    ("logout", logouts::logout),
    ("logout_not_revoked", logouts::logout_not_revoked),
    ("logout_local", logouts::logout_local),
    ("logout_nobody", logouts::logout_nobody),
];

#[test]
fn every_flow_has_its_transcripts() {
    for (name, run) in SCENARIOS {
        check(name, &run());
    }
    let stored: Vec<String> = all().into_iter().map(|(name, _)| name).collect();
    let mut named: Vec<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    assert_eq!(stored, named, "each file has a scenario");
}

#[test]
fn every_transcript_replays_exactly() {
    for (name, transcript) in all() {
        let summary = transcript.replay().unwrap_or_else(|difference| panic!("{name}: {difference}"));
        assert!(name.starts_with(summary.flow), "{name}: {summary}");
        assert_eq!(Transcript::parse(&transcript.text()).unwrap().text(), transcript.text(), "{name}");
    }
}

#[test]
fn a_changed_action_is_shown_with_both_lines() {
    let text = logins::login().redacted().unwrap().text();
    let tampered = text.replacen("code_challenge_method=S256", "code_challenge_method=plain", 1);
    let difference = Transcript::parse(&tampered).unwrap().replay().unwrap_err();
    assert_eq!(difference.line, 4);
    assert!(difference.expected.contains("code_challenge_method=plain"), "{difference}");
    assert!(difference.got.contains("code_challenge_method=S256"), "{difference}");
    assert!(difference.expected.chars().count() < 260, "bounded");
}

#[test]
fn a_changed_event_is_noticed_where_the_run_takes_another_way() {
    let text = logins::login().redacted().unwrap().text();
    let at = |what: &str| text.lines().position(|line| line.contains(what)).unwrap() + 1;
    let callback = at("\"outcome\":\"callback\"");
    let forged = Transcript::parse(&text.replacen("code=code-1", "kode=code-1", 1)).unwrap().replay().unwrap_err();
    assert_eq!(forged.line, callback + 1);
    let misplaced = text.replacen("{\"outcome\":\"begun\"}", "{\"outcome\":\"deleted\"}", 1);
    let refused = Transcript::parse(&misplaced).unwrap().replay().unwrap_err();
    assert!(refused.got.contains("\"deleted\" does not answer \"begin\""), "{refused}");
    let end =
        Transcript::parse(&text.replacen("\"generation\":1,\"token_type\"", "\"generation\":2,\"token_type\"", 1));
    assert_eq!(end.unwrap().replay().unwrap_err().line, text.lines().count());
}

#[test]
fn what_is_no_transcript_is_refused_by_line() {
    let text = logins::login().redacted().unwrap().text();
    let line = |text: &str| Transcript::parse(text).unwrap_err();
    assert_eq!(line("").line, 1);
    assert_eq!(line("{\"hello\":1}\n").line, 1);
    assert!(line(&text.replacen("\"transcript\":1", "\"transcript\":2", 1)).what.contains("format 2"));
    assert_eq!(line(&text.replacen("{\"event\":", "{\"evnt\":", 1)).line, 3);
    assert_eq!(line(&text.replacen("https://as.example/token", "http://as.example/token", 1)).line, 1);
    let lines: Vec<&str> = text.lines().collect();
    assert!(line(&lines[..lines.len() - 1].join("\n")).what.contains("end"));
    let mut missing = lines.clone();
    missing.remove(2);
    assert_eq!(line(&missing.join("\n")).line, 3);
}

#[test]
fn headers_are_kept_only_where_they_say_what_they_are_for() {
    let unknown = "n0body-knows-th1s-t0ken-0f-0thers";
    let kept = |name: &str, value: &str| {
        let mut script = Script::logout(&config(), Scope::Everywhere);
        script.say(loaded(&record(Millis::ZERO))).say(Outcome::Saved);
        script.say(answer(503, &[(name, value)], "")).say(answer(200, &[], "")).say(Outcome::Deleted);
        script.ended().redacted().unwrap().text().contains(value)
    };
    for (name, value) in [
        ("content-type", "application/json"),
        ("content-type", "application/vnd.example.v2+json"),
        ("date", "Sun, 06 Nov 1994 08:49:37 GMT"),
        ("retry-after", "120"),
        ("retry-after", "Sunday, 06-Nov-94 08:49:37 GMT"),
    ] {
        assert!(kept(name, value), "{name}: {value}");
    }
    for name in ["content-type", "date", "retry-after"] {
        for value in [unknown.to_owned(), format!("text/{unknown}"), format!("{unknown} 06 Nov 1994 08:49:37 GMT")] {
            assert!(!kept(name, &value), "{name}: {value}");
        }
    }
}

#[test]
fn carriage_returns_before_the_line_feeds_or_at_the_end_do_not_matter() {
    let text = logins::login().redacted().unwrap().text();
    for carried in [text.replace('\n', "\r\n"), text.replace('\n', "\r\r\n"), format!("{}\r", text.trim_end())] {
        assert_eq!(Transcript::parse(&carried).unwrap().text(), text);
    }
}

#[test]
fn no_transcript_holds_what_was_planted() {
    let planted = [
        planted::ACCESS,
        planted::ACCESS_2,
        planted::REFRESH,
        planted::REFRESH_2,
        planted::CODE,
        planted::CLIENT_SECRET,
        planted::SUB,
        planted::EMAIL,
        planted::NAME,
        planted::SIGNATURE,
        planted::PATH,
        planted::HOLDER,
        planted::ACCOUNT,
        "L0gin-1d-of-the-store",
        "c00kie-of-the-server",
        "s3ss10n-st4te",
        "k3y-1d-of-the-server",
        "H4sh-of-the-access-t0ken",
        "m.oneil.preferred",
        "48151623",
        "10.1.2.3",
    ];
    let drawn: Vec<String> = (0..40).flat_map(drawn).collect();
    for (name, run) in SCENARIOS {
        let text = run().redacted().unwrap().text();
        assert!(drawn.iter().all(|drawn| !text.contains(drawn)), "{name}");
        assert!(!text.to_lowercase().contains("marguerite"), "{name}");
        for secret in planted {
            for form in notations(secret) {
                assert!(!text.contains(&form), "{name}: {secret} as {form}");
            }
        }
    }
}

#[test]
fn a_secret_that_slips_through_keeps_the_transcript_back() {
    let config = tokenway_core::config::Config::builder(provider())
        .client_id("tokenway-tests")
        .resource(format!("https://api.example/{}", planted::SIGNATURE))
        .scopes(["openid"])
        .build()
        .unwrap();
    let mut script = Script::login(&config);
    let shown = script.open();
    script
        .say(good_redirect(&shown))
        .say(Outcome::Begun)
        .say(tokens(&shown.nonce, "tokenway-tests"))
        .say(Outcome::Saved);
    let error = script.ended().redacted().unwrap_err().to_string();
    assert_eq!(error, "no transcript: the signature of a token of this run would stand in line 1");
}

#[test]
fn a_recording_with_a_gap_is_refused() {
    let mut recording = Recording::of_logout(&config(), Scope::LocalOnly, moment(START, 0));
    let event = tokenway_core::event::Event {
        id: tokenway_core::event::ActionId { life: 0, step: 0 },
        outcome: Outcome::Deleted,
    };
    recording.step(moment(START, 1), &event);
    assert!(recording.redacted().unwrap_err().to_string().contains("event 0 does not fit"));
    assert!(!format!("{recording:?}").contains(planted::CLIENT_SECRET));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    /// Whatever the secrets look like, and although the server repeats them in its texts.
    #[test]
    fn no_secret_of_any_form_is_handed_out(
        access in "[!-~]{8,40}", refresh in "\\PC{8,40}", code in "[a-z]{8,20}|[ -~]{8,40}", sub in "[a-zA-Z]{8,20}|\\PC{8,20}",
    ) {
        let mut script = Script::login(&config());
        let shown = script.open();
        script.say(redirect(&[("code", &code), ("state", &shown.state), ("iss", tokenway_tests::scripted::ISSUER)]));
        script.say(Outcome::Begun);
        let said = format!("{code} of {sub} is not {access}");
        let claims = json!({ "sub": sub, "aud": "tokenway-tests", "nonce": shown.nonce, "exp": 1_764_003_600_u64 });
        let id = tokenway_tests::scripted::jwt(&claims);
        script.say(http(400, &json!({
            "error": "invalid_grant", "error_description": said, "id_token": id, "access_token": access,
            "refresh_token": refresh,
        })));
        let transcript = script.ended().redacted().map_err(|error| TestCaseError::fail(error.to_string()))?;
        for secret in [&access, &refresh, &code, &sub] {
            for form in notations(secret) {
                prop_assert!(!transcript.text().contains(&form), "{form}");
            }
        }
    }
}

/// What the sessions of the scripts drew at their moment of that number, and its random bytes.
fn drawn(number: u8) -> Vec<String> {
    let moment = moment(START, number);
    let hex = moment.entropy.iter().map(|byte| format!("{byte:02x}")).collect();
    let labels = ["code verifier", "login id", "login name", "nonce", "state"];
    labels.iter().map(|label| moment.draw_text(label)).chain([hex]).collect()
}

/// As a searcher who knows nothing of the redactor would write a secret.
fn notations(secret: &str) -> Vec<String> {
    use base64::Engine as _;
    use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
    let json = json!(secret).to_string();
    let twice = json!(json.trim_matches('"')).to_string();
    let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    let hex: String = secret.bytes().map(|byte| format!("{byte:02x}")).collect();
    let middle = |text: String| text[4..text.len() - 4].to_owned();
    let mut notations = vec![
        secret.to_owned(),
        json[1..json.len() - 1].to_owned(),
        twice[1..twice.len() - 1].to_owned(),
        form.clone(),
        form.to_lowercase(),
        hex,
        Secret::new(secret).hash().as_str().to_owned(),
    ];
    for before in ["", "x", "xy"] {
        notations.push(middle(STANDARD.encode(format!("{before}{secret}"))));
        notations.push(middle(URL_SAFE_NO_PAD.encode(format!("{before}{secret}"))));
    }
    // The middle of a short secret is three characters of base64, which stand in other texts too.
    notations.retain(|notation| notation.len() >= 8);
    notations
}
