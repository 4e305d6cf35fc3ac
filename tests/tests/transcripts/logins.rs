//! Logins: one that works, and one for each way in which it can fail.

use serde_json::json;
use tokenway_core::config::Config;
use tokenway_core::event::{Callback, CallbackSource, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::moment::Millis;
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;
use tokenway_core::transcript::Recording;
use tokenway_tests::scripted::{
    ISSUER, REDIRECT_URI, Script, Shown, answer, config, config_by_issuer, failed, good_redirect, http, jwt, metadata,
    planted, record, redirect, tokens,
};

pub(crate) fn login() -> Recording {
    let (mut script, shown) = begun();
    script.say(tokens(&shown.nonce, "tokenway-tests")).say(Outcome::Saved);
    script.ended()
}

fn waiting() -> (Script<Login>, Shown) {
    let mut script = Script::login(&config());
    let shown = script.open();
    script.wait(Millis::seconds(20));
    (script, shown)
}

fn begun() -> (Script<Login>, Shown) {
    let (mut script, shown) = waiting();
    script.say(good_redirect(&shown)).say(Outcome::Begun);
    (script, shown)
}

pub(crate) fn login_by_discovery() -> Recording {
    let mut script = Script::login(&config_by_issuer());
    script.say(answer(404, &[("content-type", "text/html")], "<p>nothing for marguerite here")).say(metadata());
    let shown = script.open();
    script.say(redirect(&[("code", planted::CODE), ("state", &shown.state)])).say(Outcome::Begun);
    script.say(tokens(&shown.nonce, "native")).say(Outcome::Saved);
    script.ended()
}

pub(crate) fn login_codex() -> Recording {
    let provider = Provider::built_in().unwrap().remove(0);
    let config = Config::builder(provider).build().unwrap();
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

pub(crate) fn login_discovery_fails() -> Recording {
    let mut script = Script::login(&config_by_issuer());
    script.say(answer(404, &[], "")).say(answer(200, &[("content-type", "text/html")], "<html>marguerite"));
    script.ended()
}

pub(crate) fn login_discovery_of_another_issuer() -> Recording {
    let mut script = Script::login(&config_by_issuer());
    script.say(http(200, &json!({ "issuer": "https://marguerite.example", "token_endpoint": "https://x.example/t" })));
    script.ended()
}

pub(crate) fn login_declined() -> Recording {
    let (mut script, shown) = waiting();
    let description = format!("{} said no", planted::EMAIL);
    let parameters =
        [("error", "access_denied"), ("error_description", &description), ("state", &shown.state), ("iss", ISSUER)];
    script.say(redirect(&parameters));
    script.ended()
}

pub(crate) fn login_state_forged() -> Recording {
    let (mut script, shown) = waiting();
    script.say(redirect(&[("code", "forged-c0de"), ("state", "forged-st4te"), ("iss", ISSUER)]));
    script.say(redirect(&[("login_hint", planted::EMAIL)]));
    script.say(good_redirect(&shown)).say(Outcome::Begun).say(tokens(&shown.nonce, "tokenway-tests"));
    script.say(Outcome::Saved);
    script.ended()
}

pub(crate) fn login_of_another_server() -> Recording {
    let (mut script, shown) = waiting();
    let other = "https://marguerites-server.example";
    script.say(redirect(&[("code", planted::CODE), ("state", &shown.state), ("iss", other)]));
    script.ended()
}

pub(crate) fn login_timed_out() -> Recording {
    let (mut script, _) = waiting();
    script.wait(Millis::seconds(600)).say(Outcome::TimedOut);
    script.ended()
}

pub(crate) fn login_pasted() -> Recording {
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
    script.say(pasted(format!(" {}?{query}#_=_ ", REDIRECT_URI)));
    script.say(Outcome::Begun).say(tokens(&shown.nonce, "tokenway-tests")).say(Outcome::Saved);
    script.ended()
}

pub(crate) fn login_port_taken() -> Recording {
    let mut script = Script::login(&config());
    script.say(failed(Sent::NotSent, IoFailureKind::Unable));
    script.ended()
}

pub(crate) fn login_already_begun() -> Recording {
    let (mut script, shown) = waiting();
    script.say(good_redirect(&shown)).say(Outcome::AlreadyBegun);
    script.ended()
}

pub(crate) fn login_exchange_refused() -> Recording {
    let (mut script, _) = begun();
    let description = format!("the code {} of {} was used already", planted::CODE, planted::EMAIL);
    script
        .say(http(400, &json!({ "error": "invalid_grant", "error_description": description, "trace": planted::SUB })));
    script.ended()
}

pub(crate) fn login_exchange_lost() -> Recording {
    let (mut script, _) = begun();
    script.say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Elapsed);
    script.say(failed(Sent::MaybeSent, IoFailureKind::Incomplete));
    script.ended()
}

pub(crate) fn login_wrong_nonce() -> Recording {
    let (mut script, _) = begun();
    script.say(tokens("another-n0nce-of-somebody", "tokenway-tests"));
    script.ended()
}

pub(crate) fn login_save_failed() -> Recording {
    let (mut script, shown) = begun();
    script.say(tokens(&shown.nonce, "tokenway-tests")).say(failed(Sent::NotSent, IoFailureKind::Unable));
    script.ended()
}

pub(crate) fn login_replaces() -> Recording {
    let (mut script, shown) = begun();
    script.say(tokens(&shown.nonce, "tokenway-tests"));
    script.say(Outcome::Conflict(Some(Box::new(record(Millis::seconds(1_800)))))).say(Outcome::Saved);
    script.ended()
}

pub(crate) fn login_unfinished() -> Recording {
    begun().0.so_far()
}
