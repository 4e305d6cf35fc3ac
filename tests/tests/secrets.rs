//! Twelve secrets are planted in every flow, and everything that can be shown is shown: none of them may appear, neither
//! as it is nor in an encoding.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use std::collections::BTreeMap;
use std::fmt::{Debug, Display};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use serde_json::json;
use tokenway_core::action::{Action, AwaitCallback};
use tokenway_core::config::{AuthenticationMethod, Config};
use tokenway_core::error::Failure;
use tokenway_core::event::{ActionId, Event, Outcome};
use tokenway_core::http::{AnswerBody, HttpAnswer, IoFailureKind, Sent};
use tokenway_core::lifecycle::record::Record;
use tokenway_core::machine::Machine;
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;
use tokenway_core::session::{Progress, Session, Step};
use tokenway_core::wire::callback::{BareCode, Expected, ResponseMode};
use tokenway_core::wire::token_options::{Dpop, Grant, TokenContext};
use tokenway_core::wire::{callback, token};
use tokenway_tests::hand;
use tokenway_tests::scenario::{self, Standing, secrets};

/// Everything that was shown, and where each text came from first.
#[derive(Default)]
struct Log(BTreeMap<String, String>);

impl Log {
    fn debug(&mut self, whence: &str, value: &impl Debug) {
        self.text(whence, format!("{value:?}\n{value:#?}"));
    }

    fn display(&mut self, whence: &str, value: &impl Display) {
        self.text(whence, value.to_string());
    }

    fn failure(&mut self, whence: &str, failure: &Failure) {
        self.debug(whence, failure);
        self.display(whence, failure);
        self.display(whence, &failure.advice());
        self.debug(whence, &failure.shared());
        self.text(whence, serde_json::to_string(failure).unwrap());
    }

    fn text(&mut self, whence: &str, text: String) {
        self.0.entry(text).or_insert_with(|| whence.to_owned());
    }

    /// Fails with the first secret that can be read in the log, which has at least so many different texts.
    fn check(&self, at_least: usize, secrets: &[String]) {
        assert!(self.0.len() >= at_least, "only {} texts were shown", self.0.len());
        for secret in secrets {
            for form in forms(secret) {
                if let Some((text, whence)) = self.0.iter().find(|(text, _)| text.contains(&form)) {
                    panic!("{whence}: {secret} is shown as {form}:\n{text}");
                }
            }
        }
    }
}

/// How a secret looks in a log: as it is, percent-encoded, escaped, and inside of base64 at each of the three offsets.
fn forms(secret: &str) -> Vec<String> {
    let mut forms = vec![
        secret.to_owned(),
        url::form_urlencoded::byte_serialize(secret.as_bytes()).collect(),
        secret.bytes().map(|byte| format!("%{byte:02X}")).collect(),
        secret.bytes().map(|byte| format!("%{byte:02x}")).collect(),
        serde_json::to_string(secret).unwrap().trim_matches('"').to_owned(),
        secret.bytes().map(|byte| format!("\\u{byte:04x}")).collect(),
        secret.bytes().map(|byte| byte.to_string()).collect::<Vec<_>>().join(", "),
        secret.bytes().map(|byte| format!("{byte:02x}")).collect(),
    ];
    for offset in 0..3 {
        // The characters at both ends depend on what stands beside the secret.
        let padded = [vec![0; offset], secret.as_bytes().to_vec(), vec![0; 2]].concat();
        for encoded in [STANDARD_NO_PAD.encode(&padded), URL_SAFE_NO_PAD.encode(&padded)] {
            forms.push(encoded[4..encoded.len() - 4].to_owned());
        }
    }
    forms
}

/// All but those that the authorization URL must hold.
fn without_state_and_nonce() -> Vec<String> {
    secrets::all().into_iter().filter(|secret| ![secrets::state(), secrets::nonce()].contains(secret)).collect()
}

#[test]
fn no_state_action_event_or_end_of_a_login_shows_a_secret() {
    let mut log = Log::default();
    for stand in scenario::logins() {
        show_stand(&mut log, &stand);
        log.debug(&stand.name, &stand.session.checkpoint());
        show_what_follows(&mut log, &stand, |log, whence, done| {
            log.debug(whence, done);
            log.debug(whence, &*done.record);
        });
    }
    log.check(100, &secrets::all());
}

#[test]
fn no_state_action_event_or_end_of_a_request_for_a_token_shows_a_secret() {
    let mut log = Log::default();
    for stand in scenario::get_tokens() {
        show_stand(&mut log, &stand);
        log.debug(&stand.name, &stand.session.unsaved());
        show_what_follows(&mut log, &stand, |log, whence, token| {
            log.debug(whence, token);
            log.debug(whence, &token.record);
        });
    }
    log.check(100, &secrets::all());
}

#[test]
fn no_state_action_event_or_end_of_a_logout_shows_a_secret() {
    let mut log = Log::default();
    for stand in scenario::logouts() {
        show_stand(&mut log, &stand);
        show_what_follows(&mut log, &stand, |log, whence, done| {
            log.debug(whence, done);
            log.text(whence, serde_json::to_string(done).unwrap());
        });
    }
    log.check(100, &secrets::all());
}

#[test]
fn an_authorization_url_holds_state_nonce_and_challenge_and_no_other_secret() {
    let mut log = Log::default();
    for stand in scenario::logins() {
        for url in urls(&action(&stand.session)) {
            assert!(url.contains(&secrets::state()), "{}: {url}", stand.name);
            log.text(&stand.name, url);
        }
    }
    log.check(1, &without_state_and_nonce());
}

#[test]
fn no_outcome_shows_a_secret() {
    let mut log = Log::default();
    let action = Action::AwaitCallback(wait());
    for outcome in hostile_outcomes(&action) {
        log.debug("an outcome", &outcome);
        log.debug("an event", &Event { id: ActionId { life: 0, step: 0 }, outcome });
    }
    log.check(20, &secrets::all());
}

#[test]
fn no_reader_of_answers_and_callbacks_shows_a_secret() {
    let mut log = Log::default();
    let provider = Provider::generic(scenario::ISSUER);
    let old = Secret::new(secrets::REFRESH_TOKEN);
    let state = Secret::new(secrets::state());
    let expected = Expected {
        redirect_uri: "http://127.0.0.1:49152/callback",
        state: &state,
        issuer: Some(scenario::ISSUER),
        iss_required: false,
        response_mode: ResponseMode::Query,
        bare_code: BareCode::TakenFromTheTerminal,
    };
    log.debug("what a callback is held against", &expected);
    for outcome in hostile_callbacks(&wait()) {
        let Outcome::Callback(callback) = &outcome else { panic!("a callback") };
        match callback::check(callback, &expected) {
            Ok(checked) => log.debug("a checked callback", &checked),
            Err(error) => {
                log.debug("a callback error", &error);
                log.display("a callback error", &error);
            }
        }
        log.debug("a late callback", &callback::late(callback, &expected));
    }
    for outcome in hostile_answers() {
        let Outcome::Http(answer) = &outcome else { continue };
        for grant in [Grant::Code, Grant::Refresh, Grant::TokenExchange] {
            let context = TokenContext {
                grant,
                sent: vec![&old],
                dpop: Dpop::Off,
                nonce_retries_done: 0,
                options: &provider.answers,
                refusal_codes: &provider.error_codes,
            };
            log.debug("how an answer is read", &context);
            match token::read(answer, &context) {
                Ok(tokens) => log.debug("tokens", &tokens),
                Err(error) => {
                    log.debug("an answer error", &error);
                    log.display("an answer error", &error);
                }
            }
        }
    }
    log.check(100, &secrets::all());
}

#[test]
fn no_configuration_shows_the_client_secret() {
    let mut log = Log::default();
    let builder = Config::builder(Provider::with_endpoints(scenario::endpoints()))
        .client_id("native")
        .client_secret(Secret::new(secrets::CLIENT_SECRET));
    let post = builder.clone().client_authentication(AuthenticationMethod::Post);
    for config in [builder.clone().build().unwrap(), post.build().unwrap()] {
        log.debug("a configuration", &config);
        log.debug("a provider", config.provider());
    }
    let broken = builder.redirect_uri("http://as.example/").build().unwrap_err();
    log.debug("a configuration error", &broken);
    log.display("a configuration error", &broken);
    log.check(4, &secrets::all());
}

#[test]
fn a_secret_that_is_shown_is_found_in_each_of_its_forms() {
    let secret = secrets::CLIENT_SECRET;
    let basic = base64::engine::general_purpose::STANDARD.encode(format!("native:{secret}"));
    let quoted: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
    for text in [secret.to_owned(), format!("Basic {basic}"), quoted, format!("{:?}", secret.as_bytes())] {
        assert!(forms(secret).iter().any(|form| text.contains(form)), "{text}");
    }
    // And the walks do plant what is looked for.
    let mut planted = serde_json::to_string(&scenario::theirs()).unwrap();
    for stand in scenario::logins() {
        planted += &serde_json::to_string(&action(&stand.session)).unwrap();
    }
    for stand in scenario::get_tokens() {
        planted += &serde_json::to_string(&action(&stand.session)).unwrap();
    }
    for stand in scenario::logouts() {
        planted += &serde_json::to_string(&action(&stand.session)).unwrap();
    }
    for secret in secrets::all().iter().filter(|secret| !secret.starts_with("ey")) {
        assert!(forms(secret).iter().any(|form| planted.contains(form)), "{secret} is nowhere");
    }
}

fn show_stand<M: Machine>(log: &mut Log, stand: &Standing<M>) {
    let whence = &stand.name;
    log.debug(whence, &stand.session);
    log.debug(whence, &stand.config);
    let action = action(&stand.session);
    let mut shown = format!("{action:?}\n{action:#?}");
    for url in urls(&action) {
        shown = shown.replace(&url, "");
    }
    log.text(whence, shown);
}

/// Shows each answer to a state, and what it leads to.
fn show_what_follows<M>(log: &mut Log, stand: &Standing<M>, mut end: impl FnMut(&mut Log, &str, &M::Output))
where
    M: Machine<Output: Clone> + Clone,
{
    let Step::Act { id, action } = stand.session.poll() else { panic!("{} has ended", stand.name) };
    for outcome in hostile_outcomes(&action) {
        let whence = format!("{}, answered \"{}\"", stand.name, outcome.name());
        let mut session: Session<M> = stand.session.clone();
        match session.handle(scenario::moment(200), Event { id, outcome }) {
            Ok(Progress::Advanced) => {}
            Ok(Progress::Ignored(reason)) => log.debug(&whence, &reason),
            Err(rejected) => {
                log.debug(&whence, &rejected);
                log.display(&whence, &rejected);
                continue;
            }
        }
        log.debug(&whence, &session);
        match session.poll() {
            Step::Act { action, .. } if urls(&action).is_empty() => log.debug(&whence, &action),
            Step::Act { .. } => {}
            Step::Done(Ok(output)) => end(log, &whence, output),
            Step::Done(Err(failure)) => log.failure(&whence, failure),
        }
    }
}

fn hostile_outcomes(action: &Action) -> Vec<Outcome> {
    let record = || Some(Box::new(scenario::theirs()));
    let mut outcomes = vec![
        Outcome::Begun,
        Outcome::Conflict(record()),
        Outcome::Conflict(Some(Box::new(scenario::marked(scenario::theirs())))),
        Outcome::Deleted,
        Outcome::Elapsed,
        Outcome::Loaded(record()),
        Outcome::Loaded(Some(Box::new(Record { format: u32::MAX, ..scenario::theirs() }))),
        Outcome::Lost,
        Outcome::Noted,
        Outcome::Saved,
        Outcome::TimedOut,
        Outcome::Unlocked,
    ];
    if let Action::AwaitCallback(wait) = action {
        outcomes.extend(hostile_callbacks(wait));
    }
    if matches!(action, Action::AwaitCallback(_) | Action::Fetch(_) | Action::PostForm(_)) {
        outcomes.extend(hostile_answers());
    }
    for sent in [Sent::MaybeSent, Sent::NotSent] {
        outcomes.push(hand::failed(sent, IoFailureKind::Unreachable, "the world says no"));
        outcomes.push(hand::failed(sent, IoFailureKind::Unable, "the world cannot"));
    }
    outcomes
}

/// Callbacks whose every part repeats a secret.
fn hostile_callbacks(wait: &AwaitCallback) -> Vec<Outcome> {
    let mut outcomes = vec![hand::redirect(wait, &format!("code={}", secrets::CODE))];
    for secret in secrets::all() {
        for parameters in [
            format!("error=access_denied&error_description=because+{secret}+is+bad"),
            format!("error=server_error&error_description=%7B%22access_token%22%3A%22{secret}%22%7D"),
            format!("error=invalid_request&error_uri=https://as.example/?token={secret}"),
            format!("access_token={secret}&token_type=bearer"),
            format!("id_token={secret}"),
            format!("code={secret}&iss=https://evil.example/?{secret}"),
            format!("code={secret}&code={secret}"),
        ] {
            outcomes.push(hand::redirect(wait, &parameters));
        }
        outcomes.push(hand::callback(wait, &format!("code={secret}&state={secret}")));
        outcomes.push(hand::callback(wait, &format!("error={secret}&state=x")));
        outcomes.push(hand::pasted(&secret));
        outcomes.push(hand::pasted(&format!("{secret}#{secret}")));
        outcomes.push(hand::pasted(&format!("https://evil.example/?code={secret}&state={secret}")));
    }
    outcomes
}

/// Answers of a server that repeats, in its troubles, what it was sent or what it should have given.
fn hostile_answers() -> Vec<Outcome> {
    let mut outcomes = Vec::new();
    for secret in secrets::all() {
        let bodies = [
            json!({ "error": "invalid_grant", "error_description": format!("the token {secret} is revoked") })
                .to_string(),
            json!({ "error": { "code": "bad", "message": format!("got \"{secret}\"") } }).to_string(),
            json!({ "message": format!("refresh_token={secret}"), "code": 17 }).to_string(),
            json!({ "access_token": secret, "refresh_token": secret, "id_token": secret, "token_type": "mac" })
                .to_string(),
            json!({ "access_token": secret, "refresh_token": secret, "id_token": secret, "token_type": "Bearer" })
                .to_string(),
            json!({ "access_token": [secret], "refresh_token": { "value": secret } }).to_string(),
            format!("{{\"access_token\":\"{secret}\",\"access_token\":\"{secret}\"}}"),
            format!("{{\"access_token\":\"{secret}\""),
            format!("access_token={secret}&token_type=mac"),
            format!("<!doctype html><p>Sorry, {secret} was not found.</p>"),
            format!("Bad Request: Basic {secret}"),
            secret.clone(),
        ];
        for body in bodies {
            for status in [200, 400, 401, 403, 429, 500, 502] {
                outcomes.push(hand::answer(status, &body));
            }
        }
        let location = |status| HttpAnswer {
            status,
            headers: vec![
                (
                    "location".to_owned(),
                    format!("https://{secret}:{secret}@as.example/?access_token={secret}#{secret}"),
                ),
                ("www-authenticate".to_owned(), format!("Bearer error=\"invalid_token\", token=\"{secret}\"")),
                ("retry-after".to_owned(), secret.clone()),
            ],
            body: AnswerBody::new([&[0xff], secret.as_bytes()].concat()),
            received_at: scenario::START,
        };
        outcomes.extend([302, 400, 401, 503].map(|status| Outcome::Http(location(status))));
    }
    outcomes
}

fn action<M: Machine>(session: &Session<M>) -> Action {
    match session.poll() {
        Step::Act { action, .. } => action,
        Step::Done(_) => panic!("{session:?} has ended"),
    }
}

fn urls(action: &Action) -> Vec<String> {
    if let Action::OpenUrl(open) = action {
        return vec![open.url.clone()];
    }
    if let Action::AwaitCallback(wait) = action {
        return vec![wait.url.clone()];
    }
    Vec::new()
}

fn wait() -> AwaitCallback {
    for stand in scenario::logins() {
        if let Action::AwaitCallback(wait) = action(&stand.session) {
            return wait;
        }
    }
    panic!("no login waits");
}
