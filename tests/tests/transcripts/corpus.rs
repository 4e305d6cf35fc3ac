//! Every answer of the corpus, met in a whole run, can be recorded without its secrets: the redacted run takes the same
//! kinds of steps.

use tokenway_core::config::Config;
use tokenway_core::event::{Callback, Listening, Opened, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::lifecycle::Wish;
use tokenway_core::machine::Machine;
use tokenway_core::moment::Millis;
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;
use tokenway_core::transcript::Recording;
use tokenway_tests::corpus::{self, Case};
use tokenway_tests::scripted::{Script, answer, good_redirect, loaded, provider, record};

/// More steps than any flow takes here.
const MAX_STEPS: usize = 100;

#[test]
fn every_case_can_be_recorded() {
    let cases = corpus::load(&corpus::path()).unwrap();
    let mut failed = Vec::new();
    let mut recorded = 0;
    for case in &cases {
        let Some(recording) = run(case) else { continue };
        recorded += 1;
        match recording.redacted() {
            Ok(transcript) => assert_bounded(case, &transcript.text()),
            Err(error) => failed.push(format!("{}: {error}", case.id)),
        }
    }
    assert!(recorded > 250, "only {recorded} cases were run");
    assert!(failed.is_empty(), "{} of {recorded}:\n{}", failed.len(), failed.join("\n"));
}

fn assert_bounded(case: &Case, text: &str) {
    assert!(text.len() < 200_000, "{}: {} bytes", case.id, text.len());
}

fn run(case: &Case) -> Option<Recording> {
    match case.kind.as_str() {
        "callback" => Some(callback(case)),
        "error" | "token" => Some(token(case)?),
        "metadata" => Some(metadata(case)?),
        "refresh" => Some(refresh(case)?),
        _ => None,
    }
}

fn config(case: &Case) -> Config {
    let mut provider = Provider { nonce: false, ..provider() };
    provider.answers = serde_json::from_value(serde_json::Value::Object(case.options.clone())).unwrap_or_default();
    Config::builder(provider).client_id("native").scopes(["openid", "read"]).build().unwrap()
}

fn token(case: &Case) -> Option<Recording> {
    let outcome = Outcome::Http(case.answer().ok()?);
    let mut script = Script::login(&config(case));
    let shown = script.open();
    script.say(good_redirect(&shown)).say(Outcome::Begun).say(outcome);
    Some(finished(script))
}

fn refresh(case: &Case) -> Option<Recording> {
    let outcome = Outcome::Http(case.answer().ok()?);
    let mut record = record(Millis::ZERO);
    if !case.known("refresh_token").is_empty() {
        record.refresh_token = Some(Secret::new(case.known("refresh_token")));
        record.access_token = Secret::new(case.known("access_token"));
    }
    let mut script = Script::get_token(&config(case), Wish::default());
    script.reach_the_sending(&record);
    script.say(outcome);
    Some(finished(script))
}

fn metadata(case: &Case) -> Option<Recording> {
    let outcome = Outcome::Http(case.answer().ok()?);
    let issuer = Some(case.known("issuer")).filter(|issuer| !issuer.is_empty())?;
    let config = Config::builder(Provider::generic(issuer)).client_id("native").build().ok()?;
    let mut script = Script::login(&config);
    script.say(outcome);
    Some(script.so_far())
}

fn callback(case: &Case) -> Recording {
    let mut provider = provider();
    provider.issuer = Some(case.known("issuer").to_owned()).filter(|issuer| !issuer.is_empty());
    let required = case.context.get("iss_required").and_then(serde_json::Value::as_bool).unwrap_or_default();
    if let Some(endpoints) = &mut provider.endpoints {
        endpoints.iss_in_response = required;
    }
    let redirect_uri = case.known("redirect_uri").to_owned();
    let config = Config::builder(provider).client_id("native").scopes(["openid"]).build().unwrap();
    let mut script: Script<Login> = Script::login(&config);
    script.say(Outcome::Listening(Listening { redirect_uri })).say(Outcome::Opened(Opened { browser: true }));
    let shown = script.shown();
    let of_this_run = |text: &Secret| Secret::new(text.expose().replace(case.known("state"), &shown.state));
    let callback = case.callback().unwrap();
    let (target, body) = (of_this_run(&callback.target), of_this_run(&callback.body));
    script.say(Outcome::Callback(Callback { target, body, ..callback }));
    script.so_far()
}

/// Whatever is asked next is answered well.
fn finished<M: Machine>(mut script: Script<M>) -> Recording {
    for _ in 0..MAX_STEPS {
        let outcome = match script.stands() {
            Some("load") => loaded(&record(Millis::ZERO)),
            Some("note") => Outcome::Noted,
            Some("post form" | "fetch") => answer(400, &[], "{\"error\":\"invalid_client\"}"),
            Some("save") => Outcome::Saved,
            Some("unlock") => Outcome::Unlocked,
            Some("wait") => Outcome::Elapsed,
            Some(_) | None => break,
        };
        script.say(outcome);
    }
    script.so_far()
}
