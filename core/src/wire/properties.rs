//! Nothing that a stranger sends makes the readers panic or show a secret.

use crate::named::Named;

use proptest::prelude::*;

use crate::event::{Callback, CallbackSource};
use crate::http::{AnswerBody, Body, FormField, HttpAnswer};
use crate::moment::UnixMillis;
use crate::secret::Secret;
use crate::wire::callback::{self, BareCode, Expected, ResponseMode};
use crate::wire::token_options::{Dpop, Grant, TokenAnswerOptions, TokenContext};
use crate::wire::{form, json, jwt, refusal, text, token};

const DETAIL_LIMIT: usize = 4_096;

fn read(status: u16, headers: Vec<(String, String)>, body: Vec<u8>, dpop: Dpop) -> Result<token::Tokens, usize> {
    let old = Secret::from("RT-old");
    let context = TokenContext {
        grant: Grant::Refresh,
        sent: vec![&old],
        dpop,
        nonce_retries_done: 0,
        options: &TokenAnswerOptions::default(),
        refusal_codes: &Named::new(),
    };
    let answer = HttpAnswer { status, headers, body: AnswerBody::new(body), received_at: UnixMillis(1) };
    token::read(&answer, &context).map_err(|error| error.detail.len())
}

/// Bytes that get further than random ones: pieces of real answers, cut and glued.
fn almost_json() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ",",
        ":",
        "\"",
        "\\",
        "\\u",
        "\\ud800",
        "d83d",
        "\"error\"",
        "\"access_token\"",
        "\"scope\"",
        "\"expires_in\"",
        "\"refresh_token\"",
        "\"token_type\"",
        "\"Bearer\"",
        "\"invalid_grant\"",
        "null",
        "true",
        "1e9",
        "-0.5",
        "é",
        "\u{feff}",
        " ",
        "access_token=",
        "&",
        "%zz",
        "%F0%9F",
        "+",
        "\"errors\"",
        "\"message\"",
        "token",
    ]);
    prop::collection::vec(piece, 0..60).prop_map(|pieces| pieces.concat().into_bytes())
}

proptest! {
    #[test]
    fn no_token_answer_panics(
        status in 100u16..700,
        label in prop::option::of("[ -~]{0,40}"),
        after in "\\PC{0,30}",
        body in prop_oneof![prop::collection::vec(any::<u8>(), 0..400), almost_json()],
    ) {
        let mut headers = vec![("retry-after".to_owned(), after.clone()), ("location".to_owned(), after)];
        headers.extend(label.map(|label| ("content-type".to_owned(), label)));
        for dpop in [Dpop::Off, Dpop::Required] {
            if let Err(length) = read(status, headers.clone(), body.clone(), dpop) {
                prop_assert!(length < DETAIL_LIMIT);
            }
        }
    }

    #[test]
    fn no_callback_panics(
        method in "(GET|POST|URL|[A-Z]{0,8})",
        target in "(/callback\\?)?((code|state|error|iss)=|[&=%#?/:]|s3cret|\\PC){0,40}",
        host in "(127\\.0\\.0\\.1:1|\\PC{0,20})",
        body in "\\PC{0,60}",
    ) {
        let state = Secret::from("s3cret");
        for source in [CallbackSource::Listening, CallbackSource::OneShot, CallbackSource::Pasted] {
            let headers = vec![("host".to_owned(), host.clone())];
            let (target, body) = (Secret::from(&*target), Secret::from(&*body));
            let callback = Callback { source, method: method.clone(), target, headers, body };
            for response_mode in [ResponseMode::Query, ResponseMode::FormPost] {
                let expected = Expected {
                    redirect_uri: "http://127.0.0.1:1/callback",
                    state: &state,
                    issuer: Some("https://as.example"),
                    iss_required: false,
                    response_mode,
                    bare_code: BareCode::NeverTaken,
                };
                if let Err(error) = callback::check(&callback, &expected) {
                    prop_assert!(error.detail.len() < DETAIL_LIMIT);
                    prop_assert!(!error.detail.chars().any(char::is_control));
                }
            }
        }
    }

    #[test]
    fn no_jwt_panics(token in "[A-Za-z0-9_.=+-]{0,200}", other in "\\PC{0,100}") {
        for text in [token, other] {
            if let Ok(claims) = jwt::claims(&text) {
                let _ = (claims.text(&["sub"]), claims.number(&["exp"]), claims.audience());
            }
        }
    }

    #[test]
    fn what_serde_json_reads_as_an_object_we_read_alike(bytes in almost_json()) {
        let text = String::from_utf8(bytes).unwrap();
        let theirs = serde_json::from_str::<serde_json::Map<String, serde_json::Value>>(&text);
        let ours = json::object(&text);
        if let Ok(theirs) = theirs {
            let ours = ours.map_err(|why| TestCaseError::fail(why.as_str())).unwrap();
            for (name, value) in theirs {
                let last = ours.0.iter().rev().find(|(key, _)| *key == name).map(|(_, value)| value).unwrap();
                prop_assert_eq!(value.as_str(), last.as_text());
            }
        }
    }

    #[test]
    fn forms_survive_the_round_trip(pairs in prop::collection::vec((any::<String>(), any::<String>()), 1..8)) {
        let fields = pairs.iter().map(|(name, value)| FormField { name: name.clone(), value: Secret::from(&**value) });
        let (_, encoded) = Body::Form(fields.collect()).encode().unwrap();
        let expected: Vec<_> = pairs.into_iter().collect();
        prop_assert_eq!(form::decode(encoded.expose()), expected);
    }

    #[test]
    fn shown_text_is_bounded_and_clean(said in any::<String>()) {
        let shown = text::for_people(&said);
        prop_assert!(shown.chars().count() <= text::MAX_TEXT_CHARS + 1);
        prop_assert!(!shown.chars().any(char::is_control));
        prop_assert!(!text::escaped_for_html(&said).contains(['<', '>', '"', '\'']));
        refusal::refuses_the_token(&said);
    }
}
