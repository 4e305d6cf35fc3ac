//! The readers of what servers and browsers send.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use tokenway_core::action::Action;
use tokenway_core::event::{Callback, CallbackSource, Event, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::moment::Millis;
use tokenway_core::named::Named;
use tokenway_core::secret::Secret;
use tokenway_core::session::Step;
use tokenway_core::wire::callback::{self, BareCode, Expected, ResponseMode};
use tokenway_core::wire::jwt;
use tokenway_core::wire::token_options::{Dpop, Grant, TokenAnswerOptions, TokenContext};
use tokenway_core::wire::{text, token};

use super::message::Message;
use super::{assert_hides, assert_presentable};
use crate::scenario::{self, secrets};

/// The longest that a server is left alone, in seconds.
const MAX_RETRY_AFTER: u32 = 3_600;

/// `STATUS GRANT DPOP OPTIONS`, headers, body: read as the answer of a token endpoint.
pub(super) fn token_answer(bytes: &[u8]) {
    let message = Message::of(bytes);
    let (sent, secrets) = (Secret::new(secrets::REFRESH_TOKEN), [secrets::REFRESH_TOKEN.to_owned()]);
    let context = TokenContext {
        grant: match message.word(1) {
            "code" => Grant::Code,
            "exchange" => Grant::TokenExchange,
            _ => Grant::Refresh,
        },
        sent: vec![&sent],
        dpop: match message.word(2) {
            "optional" => Dpop::Optional,
            "required" => Dpop::Required,
            _ => Dpop::Off,
        },
        nonce_retries_done: 0,
        options: &serde_json::from_str::<TokenAnswerOptions>(message.word(3)).unwrap_or_default(),
        refusal_codes: &Named::new(),
    };
    match token::read(&message.answer(), &context) {
        Ok(tokens) => {
            let access = tokens.access_token.expose();
            assert!(!access.is_empty() && access.bytes().all(|byte| (b' '..=b'~').contains(&byte)), "{access:?}");
            assert_hides(&format!("{tokens:?}"), &secrets);
        }
        Err(error) => {
            assert_presentable(&error.detail);
            assert_presentable(error.code.as_deref().unwrap_or_default());
            assert!(error.retry_after.is_none_or(|seconds| seconds <= MAX_RETRY_AFTER));
            assert!(!(error.refused && error.kept_refresh_token.is_some()), "a new token of a login that is over");
            assert_hides(&format!("{error:?} {error}"), &secrets);
        }
    }
}

/// `SOURCE METHOD TARGET`, headers, body: read as a redirect, by logins of each kind.
pub(super) fn callback(bytes: &[u8]) {
    let message = Message::of(bytes);
    let (state, planted) = (Secret::new(secrets::state()), [secrets::state()]);
    let callback = Callback {
        source: match message.word(0) {
            "one-shot" => CallbackSource::OneShot,
            "pasted" => CallbackSource::Pasted,
            _ => CallbackSource::Listening,
        },
        method: message.word(1).to_owned(),
        target: Secret::new(message.words.get(2..).unwrap_or_default().join(" ")),
        headers: message.headers.clone(),
        body: Secret::new(String::from_utf8_lossy(message.body)),
    };
    for (response_mode, issuer, iss_required, bare_code) in [
        (ResponseMode::Query, Some(scenario::ISSUER), false, BareCode::TakenFromTheTerminal),
        (ResponseMode::Query, Some(scenario::ISSUER), true, BareCode::NeverTaken),
        (ResponseMode::FormPost, None, false, BareCode::NeverTaken),
    ] {
        let redirect_uri = "http://127.0.0.1:49152/callback";
        let expected = Expected { redirect_uri, state: &state, issuer, iss_required, response_mode, bare_code };
        match callback::check(&callback, &expected) {
            Ok(checked) => {
                assert!(!checked.code().is_empty());
                let shows_state = [&callback.target, &callback.body].iter().any(|part| carries(part, &state));
                let from_terminal = bare_code == BareCode::TakenFromTheTerminal;
                assert!(shows_state || (from_terminal && callback.source == CallbackSource::Pasted), "forged");
                assert_hides(&format!("{checked:?}"), &planted);
            }
            Err(error) => {
                assert_presentable(&error.detail);
                assert!((200..500).contains(&error.http_status));
                assert!(!text::escaped_for_html(&error.detail).contains(['<', '>', '"', '\'']));
                assert_hides(&format!("{error:?}"), &planted);
            }
        }
        assert_presentable(&callback::late(&callback, &expected).detail);
    }
}

/// Whether `state` stands there as itself or percent-encoded: only who knows it can write either. What a person pastes may
/// be broken into lines.
fn carries(part: &Secret, state: &Secret) -> bool {
    let unbroken: String =
        part.expose().chars().filter(|character| !character.is_whitespace() && !character.is_control()).collect();
    let decoded = url::form_urlencoded::parse(unbroken.as_bytes());
    let decoded: Vec<_> = decoded.flat_map(|(name, value)| [name.into_owned(), value.into_owned()]).collect();
    unbroken.contains(state.expose()) || decoded.join("\n").contains(state.expose())
}

/// `STATUS`, headers, body: a login that looks for its server's endpoints is told this.
pub(super) fn metadata(bytes: &[u8]) {
    let config = scenario::config(None);
    let mut login = Login::start(&config, scenario::moment(0));
    let Step::Act { id, action: Action::Fetch(request) } = login.poll() else { panic!("{login:?} looks for nothing") };
    let outcome = Outcome::Http(Message::of(bytes).answer());
    if let Err(rejected) = login.handle(scenario::moment(1), Event { id, outcome }) {
        panic!("{rejected}");
    }
    match login.poll() {
        Step::Act { action: Action::Listen(listen), .. } => assert!(!listen.candidates.is_empty()),
        Step::Act { action: Action::Fetch(other), .. } => assert_ne!(other.url, request.url, "asked twice"),
        Step::Act { action, .. } => panic!("{} after metadata", action.name()),
        Step::Done(Err(failure)) => {
            assert_presentable(&failure.detail);
            assert_presentable(&failure.advice().to_string());
        }
        Step::Done(Ok(_)) => panic!("logged in by metadata alone"),
    }
}

/// The input as a token, and as the payload of one.
pub(super) fn jwt_claims(bytes: &[u8]) {
    let wrapped = format!("h.{}.s", URL_SAFE_NO_PAD.encode(bytes));
    for token in [String::from_utf8_lossy(bytes).into_owned(), wrapped] {
        let Ok(claims) = jwt::claims(&token) else { continue };
        assert_eq!(format!("{claims:?}"), "Claims(..)");
        for name in ["sub", "exp", "iss", "aud", "nonce"] {
            let (text, number) = (claims.text(&[name]), claims.number(&[name]));
            assert!(text.is_none() || number.is_none(), "{name} is both");
            let _ = (claims.text(&["a", name]), claims.number(&["a", name]));
        }
        let audience = claims.audience();
        assert!(claims.text(&["aud"]).is_none_or(|one| audience == [one]));
        let _ = Millis::seconds(claims.number(&["exp"]).unwrap_or_default());
    }
}
