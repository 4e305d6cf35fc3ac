//! Transcripts: one happy run and one per failure of each flow, checked in, replayed, tampered with, and searched.

use serde_json::json;
use tokenway_core::event::{Holder, Outcome};
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{LoginId, Mark, Record};
use tokenway_core::lifecycle::{Scope, Wish};
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;
use tokenway_core::transcript::{Recording, Transcript};
use tokenway_tests::scripted::{
    ISSUER, Script, Shown, answer, check, config, config_by_issuer, failed, good_redirect, http, jwt, loaded, locked,
    metadata, planted, record, redirect, renewed, tokens,
};

const LIVE: Millis = Millis::seconds(1_800);
const DUE: Millis = Millis::seconds(30);
const DEAD: Millis = Millis(0);

type Scenario = (&'static str, fn() -> Recording);

const SCENARIOS: [Scenario; 36] = [
    ("login", login),
    ("login_by_discovery", login_by_discovery),
    ("login_codex", login_codex),
    ("login_discovery_fails", login_discovery_fails),
    ("login_discovery_of_another_issuer", login_discovery_of_another_issuer),
    ("login_declined", login_declined),
    ("login_state_forged", login_state_forged),
    ("login_of_another_server", login_of_another_server),
    ("login_timed_out", login_timed_out),
    ("login_pasted", login_pasted),
    ("login_port_taken", login_port_taken),
    ("login_already_begun", login_already_begun),
    ("login_exchange_refused", login_exchange_refused),
    ("login_exchange_lost", login_exchange_lost),
    ("login_wrong_nonce", login_wrong_nonce),
    ("login_save_failed", login_save_failed),
    ("login_replaces", login_replaces),
    ("login_unfinished", login_unfinished),
    ("get_token_fresh", get_token_fresh),
    ("get_token_renewed", get_token_renewed),
    ("get_token_adopted", get_token_adopted),
    ("get_token_refused", get_token_refused),
    ("get_token_429", get_token_429),
    ("get_token_unknown_twice", get_token_unknown_twice),
    ("get_token_not_sent", get_token_not_sent),
    ("get_token_busy", get_token_busy),
    ("get_token_conflict_other_login", get_token_conflict_other_login),
    ("get_token_conflict_absent", get_token_conflict_absent),
    ("get_token_account_changed", get_token_account_changed),
    ("get_token_cool_down", get_token_cool_down),
    ("get_token_refused_before", get_token_refused_before),
    ("get_token_nobody", get_token_nobody),
    ("logout", logout),
    ("logout_not_revoked", logout_not_revoked),
    ("logout_local", logout_local),
    ("logout_nobody", logout_nobody),
];

#[test]
fn every_flow_has_its_transcripts() {
    for (name, run) in SCENARIOS {
        check(name, &run());
    }
    let stored: Vec<String> = tokenway_tests::scripted::all().into_iter().map(|(name, _)| name).collect();
    let mut named: Vec<&str> = SCENARIOS.iter().map(|(name, _)| *name).collect();
    named.sort_unstable();
    assert_eq!(stored, named, "each file has a scenario");
}

#[test]
fn every_transcript_replays_exactly() {
    for (name, transcript) in tokenway_tests::scripted::all() {
        let summary = transcript.replay().unwrap_or_else(|difference| panic!("{name}: {difference}"));
        assert!(name.starts_with(summary.flow), "{name}: {summary}");
        assert_eq!(Transcript::parse(&transcript.text()).unwrap().text(), transcript.text(), "{name}");
    }
}

#[test]
fn a_changed_action_is_shown_with_both_lines() {
    let text = login().redacted().unwrap().text();
    let tampered = text.replacen("code_challenge_method=S256", "code_challenge_method=plain", 1);
    let difference = Transcript::parse(&tampered).unwrap().replay().unwrap_err();
    assert_eq!(difference.line, 4);
    assert!(difference.expected.contains("code_challenge_method=plain"), "{difference}");
    assert!(difference.got.contains("code_challenge_method=S256"), "{difference}");
    assert!(difference.expected.chars().count() < 260, "bounded");
}

#[test]
fn a_changed_event_is_noticed_where_the_run_takes_another_way() {
    let text = login().redacted().unwrap().text();
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
    let text = login().redacted().unwrap().text();
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
    for (name, run) in SCENARIOS {
        let text = run().redacted().unwrap().text();
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
    let config = tokenway_core::config::Config::builder(tokenway_tests::scripted::provider())
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
    let mut recording = Recording::of_logout(
        &config(),
        Scope::LocalOnly,
        tokenway_tests::scripted::moment(tokenway_tests::scripted::START, 0),
    );
    let event = tokenway_core::event::Event {
        id: tokenway_core::event::ActionId { life: 0, step: 0 },
        outcome: Outcome::Deleted,
    };
    recording.step(tokenway_tests::scripted::moment(tokenway_tests::scripted::START, 1), &event);
    assert!(recording.redacted().unwrap_err().to_string().contains("event 0 does not fit"));
    assert!(!format!("{recording:?}").contains(planted::CLIENT_SECRET));
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
    notations
}

fn login() -> Recording {
    let (mut script, shown) = begun();
    script.say(tokens(&shown.nonce, "tokenway-tests")).say(Outcome::Saved);
    script.ended()
}

fn waiting() -> (Script<tokenway_core::flow::Login>, Shown) {
    let mut script = Script::login(&config());
    let shown = script.open();
    script.wait(Millis::seconds(20));
    (script, shown)
}

fn begun() -> (Script<tokenway_core::flow::Login>, Shown) {
    let (mut script, shown) = waiting();
    script.say(good_redirect(&shown)).say(Outcome::Begun);
    (script, shown)
}

fn login_by_discovery() -> Recording {
    let mut script = Script::login(&config_by_issuer());
    script.say(answer(404, &[("content-type", "text/html")], "<p>nothing for marguerite here")).say(metadata());
    let shown = script.open();
    script.say(redirect(&[("code", planted::CODE), ("state", &shown.state)])).say(Outcome::Begun);
    script.say(tokens(&shown.nonce, "native")).say(Outcome::Saved);
    script.ended()
}

fn login_codex() -> Recording {
    let provider = tokenway_core::provider::Provider::built_in().unwrap().remove(0);
    let config = tokenway_core::config::Config::builder(provider).build().unwrap();
    let mut script = Script::login(&config);
    let shown = script.open();
    let access = jwt(&json!({
        "exp": 1_764_864_000_u64, "iat": 1_764_000_000_u64,
        "https://api.openai.com/auth": { "chatgpt_account_id": "acc0unt-of-the-person", "chatgpt_plan_type": "plus" },
        "https://api.openai.com/profile": { "email": planted::EMAIL },
    }));
    let id = jwt(&json!({
        "iss": "https://auth.openai.com", "aud": [config.key().client_id], "exp": 1_764_003_600_u64, "sub": planted::SUB,
        "email": planted::EMAIL, "https://api.openai.com/auth": { "chatgpt_account_id": "acc0unt-of-the-person" },
    }));
    script.say(redirect(&[("code", planted::CODE), ("state", &shown.state), ("scope", "openid profile")]));
    script.say(Outcome::Begun);
    script.say(http(200, &json!({ "access_token": access, "id_token": id, "refresh_token": planted::REFRESH })));
    script.say(Outcome::Saved);
    script.ended()
}

fn login_discovery_fails() -> Recording {
    let mut script = Script::login(&config_by_issuer());
    script.say(answer(404, &[], "")).say(answer(200, &[("content-type", "text/html")], "<html>marguerite"));
    script.ended()
}

fn login_discovery_of_another_issuer() -> Recording {
    let mut script = Script::login(&config_by_issuer());
    script.say(http(200, &json!({ "issuer": "https://marguerite.example", "token_endpoint": "https://x.example/t" })));
    script.ended()
}

fn login_declined() -> Recording {
    let (mut script, shown) = waiting();
    let description = format!("{} said no", planted::EMAIL);
    let parameters =
        [("error", "access_denied"), ("error_description", &description), ("state", &shown.state), ("iss", ISSUER)];
    script.say(redirect(&parameters));
    script.ended()
}

fn login_state_forged() -> Recording {
    let (mut script, shown) = waiting();
    script.say(redirect(&[("code", "forged-c0de"), ("state", "forged-st4te"), ("iss", ISSUER)]));
    script.say(redirect(&[("login_hint", planted::EMAIL)]));
    script.say(good_redirect(&shown)).say(Outcome::Begun).say(tokens(&shown.nonce, "tokenway-tests"));
    script.say(Outcome::Saved);
    script.ended()
}

fn login_of_another_server() -> Recording {
    let (mut script, shown) = waiting();
    let other = "https://marguerites-server.example";
    script.say(redirect(&[("code", planted::CODE), ("state", &shown.state), ("iss", other)]));
    script.ended()
}

fn login_timed_out() -> Recording {
    let (mut script, _) = waiting();
    script.wait(Millis::seconds(600)).say(Outcome::TimedOut);
    script.ended()
}

fn login_pasted() -> Recording {
    use tokenway_core::event::{Callback, CallbackSource};
    let (mut script, shown) = waiting();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .extend_pairs([("code", planted::CODE), ("state", shown.state.as_str()), ("iss", ISSUER)])
        .finish();
    let pasted = |text: String| {
        Outcome::Callback(Callback {
            source: CallbackSource::Pasted,
            method: "URL".to_owned(),
            target: Secret::new(text),
            headers: Vec::new(),
            body: Secret::default(),
        })
    };
    script.say(pasted("my-password-by-mistake-1".to_owned()));
    script.say(pasted(format!("https://mail.example/?q={}", planted::EMAIL)));
    script.say(pasted(format!(" {}?{query}#_=_ ", tokenway_tests::scripted::REDIRECT_URI)));
    script.say(Outcome::Begun).say(tokens(&shown.nonce, "tokenway-tests")).say(Outcome::Saved);
    script.ended()
}

fn login_port_taken() -> Recording {
    let mut script = Script::login(&config());
    script.say(failed(Sent::NotSent, IoFailureKind::Unable));
    script.ended()
}

fn login_already_begun() -> Recording {
    let (mut script, shown) = waiting();
    script.say(good_redirect(&shown)).say(Outcome::AlreadyBegun);
    script.ended()
}

fn login_exchange_refused() -> Recording {
    let (mut script, _) = begun();
    let description = format!("the code {} of {} was used already", planted::CODE, planted::EMAIL);
    script
        .say(http(400, &json!({ "error": "invalid_grant", "error_description": description, "trace": planted::SUB })));
    script.ended()
}

fn login_exchange_lost() -> Recording {
    let (mut script, _) = begun();
    script.say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Elapsed);
    script.say(failed(Sent::MaybeSent, IoFailureKind::Incomplete));
    script.ended()
}

fn login_wrong_nonce() -> Recording {
    let (mut script, _) = begun();
    script.say(tokens("another-n0nce-of-somebody", "tokenway-tests"));
    script.ended()
}

fn login_save_failed() -> Recording {
    let (mut script, shown) = begun();
    script.say(tokens(&shown.nonce, "tokenway-tests")).say(failed(Sent::NotSent, IoFailureKind::Unable));
    script.ended()
}

fn login_replaces() -> Recording {
    let (mut script, shown) = begun();
    script.say(tokens(&shown.nonce, "tokenway-tests"));
    script.say(Outcome::Conflict(Some(Box::new(record(LIVE))))).say(Outcome::Saved);
    script.ended()
}

fn login_unfinished() -> Recording {
    begun().0.so_far()
}

fn get_token_fresh() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.say(loaded(&record(LIVE)));
    script.ended()
}

fn rejected() -> Wish {
    Wish { rejected: Some(Secret::new(planted::ACCESS).hash()), ..Wish::default() }
}

fn get_token_renewed() -> Recording {
    let mut script = Script::get_token(&config(), rejected());
    script.reach_the_sending(&record(LIVE));
    script.say(renewed()).say(Outcome::Saved).say(Outcome::Unlocked);
    script.ended()
}

fn others(change: impl FnOnce(&mut Record)) -> Record {
    let mut record = record(LIVE);
    record.generation += 1;
    record.access_token = Secret::new("an0ther-process-brought-this");
    record.refresh_token = Some(Secret::new("an0ther-process-spent-ours"));
    record.renewed_from = Some(Secret::new(planted::REFRESH).hash());
    change(&mut record);
    record
}

fn get_token_adopted() -> Recording {
    let mut script = Script::get_token(&config(), rejected());
    script.say(loaded(&record(LIVE))).say(locked(StoredLedger::Unreadable)).say(loaded(&others(|_| {})));
    script.say(Outcome::Unlocked);
    script.ended()
}

fn get_token_refused() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let before = record(DEAD);
    script.reach_the_sending(&before);
    let said = format!("refresh token has been revoked: {} of {}", planted::REFRESH, planted::NAME);
    script.say(http(401, &json!({ "error": { "message": said, "user": planted::SUB } })));
    script.say(loaded(&before)).say(Outcome::Noted).say(Outcome::Unlocked);
    script.ended()
}

fn get_token_429() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DUE));
    script.say(answer(429, &[("retry-after", "17"), ("www-authenticate", "Bearer realm=\"marguerite\"")], "slow down"));
    script.say(Outcome::Noted).say(Outcome::Unlocked);
    script.ended()
}

fn get_token_unknown_twice() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let before = record(DEAD);
    script.reach_the_sending(&before);
    script.say(failed(Sent::MaybeSent, IoFailureKind::Deadline)).say(Outcome::Noted).wait(Millis(1_000));
    script.say(Outcome::Elapsed).say(loaded(&before)).say(Outcome::Noted);
    script.say(answer(502, &[], "{\"access_token\":\"N3xtAcc+/=%")).say(Outcome::Unlocked);
    script.ended()
}

fn get_token_not_sent() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    for _ in 0..2 {
        script.say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Elapsed);
    }
    script.say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Noted).say(Outcome::Unlocked);
    script.ended()
}

fn get_token_busy() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let before = record(DEAD);
    let holder = Holder { who: planted::HOLDER.to_owned(), since: Millis(1_500) };
    script.say(loaded(&before)).say(Outcome::Busy(holder.clone())).say(loaded(&before)).say(Outcome::Busy(holder));
    script.say(loaded(&others(|_| {})));
    script.ended()
}

fn get_token_conflict_other_login() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    let theirs = others(|record| record.login_id = LoginId("Login-of-s0mebody-else".to_owned()));
    script.say(renewed()).say(Outcome::Conflict(Some(Box::new(theirs)))).say(Outcome::Unlocked);
    script.ended()
}

fn get_token_conflict_absent() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    script.say(renewed()).say(Outcome::Conflict(None)).say(answer(200, &[], "")).say(answer(503, &[], planted::EMAIL));
    script.say(Outcome::Unlocked);
    script.ended()
}

fn get_token_account_changed() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_sending(&record(DEAD));
    let id = jwt(&json!({ "iss": ISSUER, "aud": "tokenway-tests", "sub": "an0ther-subject-altogether" }));
    script.say(http(200, &json!({ "access_token": planted::ACCESS_2, "token_type": "Bearer", "id_token": id })));
    script.say(Outcome::Noted).say(answer(200, &[], "")).say(answer(200, &[], "")).say(Outcome::Unlocked);
    script.ended()
}

fn noted(intent: Option<Intent>, cool_down: Millis, refused: bool) -> StoredLedger {
    StoredLedger::Read(Ledger {
        login_id: Some(record(DEAD).login_id),
        intent,
        lands_in: Millis::ZERO,
        cool_down,
        refused: refused.then(|| Secret::new(planted::REFRESH).hash()),
    })
}

fn get_token_cool_down() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    let older = Secret::new("a-refresh-t0ken-of-before").hash();
    let intent = Intent { token: older, age: Millis::seconds(90), lands_in: Millis::ZERO, resends: 1 };
    script.reach_the_decision(&record(DEAD), noted(Some(intent), Millis::seconds(25), false));
    script.say(Outcome::Unlocked);
    script.ended()
}

fn get_token_refused_before() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.reach_the_decision(&record(DEAD), noted(None, Millis::ZERO, true));
    script.say(Outcome::Lost);
    script.ended()
}

fn get_token_nobody() -> Recording {
    let mut script = Script::get_token(&config(), Wish::default());
    script.say(Outcome::Loaded(None));
    script.ended()
}

fn logout() -> Recording {
    let mut script = Script::logout(&config(), Scope::Everywhere);
    script.say(loaded(&record(DEAD))).say(Outcome::Saved).say(answer(200, &[], "")).say(answer(200, &[], ""));
    script.say(Outcome::Deleted);
    script.ended()
}

fn logout_not_revoked() -> Recording {
    let mut script = Script::logout(&config(), Scope::Everywhere);
    let marked = Record { mark: Mark::LoggedOut, ..record(DEAD) };
    script.say(loaded(&marked)).say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Deleted);
    script.ended()
}

fn logout_local() -> Recording {
    let mut script = Script::logout(&config(), Scope::LocalOnly);
    script.say(loaded(&record(DEAD))).say(Outcome::Conflict(Some(Box::new(others(|_| {}))))).say(Outcome::Deleted);
    script.ended()
}

fn logout_nobody() -> Recording {
    let mut script = Script::logout(&config(), Scope::Everywhere);
    script.say(Outcome::Loaded(None));
    script.ended()
}
