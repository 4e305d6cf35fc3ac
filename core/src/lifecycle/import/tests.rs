//! What other programs write becomes a login, or a sentence that quotes nothing.

use super::*;
use crate::config::Builder;
use crate::lifecycle::{Standing, Wish, standing};
use crate::provider::Provider;
use crate::wire::base64;

const CODEX_CLIENT: &str = "app_EMoamEEZ73f0CkXaXp7hrann";
const MOMENT: Moment = Moment { now: UnixMillis(1_000_000), entropy: [3; 32] };

fn builder(id: &str) -> Builder {
    let all = Provider::built_in().unwrap();
    Config::builder(all.into_iter().find(|provider| provider.id == id).unwrap())
}

fn codex() -> Config {
    builder("codex").build().unwrap()
}

fn google() -> Config {
    builder("google").client_id("desk").client_secret(Secret::new("public")).build().unwrap()
}

fn aether(members: &str) -> Result<Record, NotImported> {
    let login = ForeignLogin::of_aether(&format!(r#"{{"client_id":"{CODEX_CLIENT}",{members}}}"#))?;
    Record::import(login, &codex(), &MOMENT)
}

fn jwt(claims: &str) -> String {
    format!("e30.{}.c2ln", base64::url_safe(claims.as_bytes()))
}

#[test]
fn both_generations_of_the_seeds_credential_become_a_login() {
    let first = r#""access_token":"AT","refresh_token":"RT","expires_at":1600000,"granted_scopes":["openid"],"x":1"#;
    let record = aether(first).unwrap();
    assert_eq!((record.access_token.expose(), record.generation), ("AT", 1));
    assert_eq!(record.refresh_token, Some(Secret::new("RT")));
    assert_eq!(record.expires_at, Some(UnixMillis(1_600_000)));
    assert!(record.due_at.is_some_and(|due| due > MOMENT.now && due < UnixMillis(1_600_000)));
    assert_eq!(record.scopes.as_deref(), Some(&["openid".to_owned()][..]));

    let second = aether(r#""access_token":"AT""#).unwrap();
    assert_eq!((second.refresh_token, second.expires_at, second.scopes), (None, None, None));
}

#[test]
fn codex_auth_json_becomes_a_login_of_whom_its_tokens_speak() {
    let access = jwt(r#"{"exp":1600,"https://api.openai.com/auth":{"chatgpt_account_id":"acc-1"}}"#);
    let id = jwt(r#"{"email":"zoe@example.com"}"#);
    let json = format!(
        r#"{{"auth_mode":"chatgpt","OPENAI_API_KEY":null,"last_refresh":"2026-01-01T00:00:00Z",
            "tokens":{{"id_token":"{id}","access_token":"{access}","refresh_token":"RT","account_id":"acc-0"}}}}"#
    );
    let record = Record::import(ForeignLogin::of_codex(&json).unwrap(), &codex(), &MOMENT).unwrap();
    assert_eq!((record.access_token.expose(), record.refresh_token), (&*access, Some(Secret::new("RT"))));
    assert_eq!(record.expires_at, Some(UnixMillis(1_600_000)));
    let claim = |name| record.claims.get(name).map(String::as_str);
    assert_eq!((claim("account_id"), claim("email")), (Some("acc-1"), Some("zoe@example.com")));

    let opaque = r#"{"tokens":{"access_token":"AT","refresh_token":"","account_id":"acc-0"}}"#;
    let record = Record::import(ForeignLogin::of_codex(opaque).unwrap(), &codex(), &MOMENT).unwrap();
    assert_eq!((record.refresh_token, record.expires_at), (None, None));
    assert_eq!(record.claims.get("account_id").map(String::as_str), Some("acc-0"));
}

#[test]
fn gcloud_credentials_become_a_login_whose_first_token_is_still_to_come() {
    let json = r#"{"type":"authorized_user","client_id":"desk","client_secret":"public","refresh_token":"RT",
        "account":"zoe@example.com","quota_project_id":"p","universe_domain":"googleapis.com"}"#;
    let login = ForeignLogin::of_gcloud(json).unwrap();
    assert_eq!(login.client_secret, Some(Secret::new("public")));
    let record = Record::import(login, &google(), &MOMENT).unwrap();
    assert_eq!((record.client_id.as_str(), record.refresh_token.clone()), ("desk", Some(Secret::new("RT"))));
    assert_eq!(record.claims.get("email").map(String::as_str), Some("zoe@example.com"));
    // Whatever the clock says: there is nothing to lend.
    for now in [0, MOMENT.now.0, u64::MAX] {
        assert_eq!(standing(&record, &Wish::default(), UnixMillis(now)), Standing::Unusable);
    }
}

#[test]
fn what_is_not_the_login_of_a_person_is_called_what_it_is() {
    let kinds = [
        (ForeignLogin::of_codex(r#"{"OPENAI_API_KEY":"planted","tokens":null}"#), "API key"),
        (ForeignLogin::of_codex("{}"), "nobody is logged in"),
        (ForeignLogin::of_gcloud(r#"{"type":"service_account","private_key":"planted"}"#), "\"service_account\""),
        (ForeignLogin::of_gcloud(r#"{"type":"external_account"}"#), "\"external_account\""),
        (
            ForeignLogin::of_gcloud(
                r#"{"type":"authorized_user","client_id":"c","client_secret":"planted","refresh_token":"planted",
                    "universe_domain":"apart.example"}"#,
            ),
            "apart.example",
        ),
    ];
    for (read, said) in kinds {
        let error = read.unwrap_err();
        assert!(matches!(error, NotImported::OtherKind { .. }), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(said) && !text.contains("planted"), "{text}");
    }
}

#[test]
fn a_value_of_another_shape_is_named_without_its_content() {
    let deep = format!("{}planted{}", "[".repeat(100_000), "]".repeat(100_000));
    for json in ["", "planted", "null", "7", r#""planted""#, "{\"type\":[\"planted\"]", &deep] {
        let read = [ForeignLogin::of_aether(json), ForeignLogin::of_codex(json), ForeignLogin::of_gcloud(json)];
        for error in read.map(Result::unwrap_err) {
            assert!(matches!(error, NotImported::Invalid { .. }), "{error:?}");
            assert!(error.to_string().starts_with("invalid credential: line"), "{error}");
        }
    }
    let wrong_types = [
        ForeignLogin::of_aether(r#"{"client_id":"c","access_token":["planted"]}"#),
        ForeignLogin::of_codex(r#"{"tokens":"planted"}"#),
        ForeignLogin::of_codex(r#"{"tokens":{"access_token":1,"refresh_token":"planted"}}"#),
        ForeignLogin::of_codex(r#"{"tokens":{"refresh_token":"planted"}}"#),
        ForeignLogin::of_gcloud(r#"{"type":"authorized_user","client_id":"c","refresh_token":"planted"}"#),
        ForeignLogin::of_gcloud(r#"{"type":"authorized_user","type":"planted"}"#),
    ];
    for read in wrong_types {
        let error = read.unwrap_err();
        assert!(matches!(error, NotImported::Invalid { .. }), "{error:?}");
    }
}

#[test]
fn what_can_be_no_token_or_name_is_refused_by_its_member() {
    let unfit = |login: ForeignLogin| {
        let error = Record::import(login, &codex(), &MOMENT).unwrap_err();
        let NotImported::Unfit(member) = error else { panic!("{error:?}") };
        member
    };
    let login = || ForeignLogin { access_token: Some(Secret::new("AT")), ..ForeignLogin::default() };
    for token in ["", "a b", "planted\r\nx: y", "\u{fc}"] {
        let token = Some(Secret::new(token));
        assert_eq!(unfit(ForeignLogin { access_token: token.clone(), ..login() }), "access_token");
        assert_eq!(unfit(ForeignLogin { refresh_token: token, ..login() }), "refresh_token");
    }
    assert_eq!(unfit(ForeignLogin { client_id: Some("a\u{1b}[31m".to_owned()), ..login() }), "client_id");
    assert_eq!(unfit(ForeignLogin { client_secret: Some(Secret::new("")), ..login() }), "client_secret");
    assert_eq!(unfit(ForeignLogin { scopes: Some(vec!["a\n".to_owned()]), ..login() }), "granted_scopes");
}

#[test]
fn another_clients_credential_is_refused() {
    let login = || ForeignLogin::of_aether(r#"{"client_id":"other","access_token":"AT"}"#).unwrap();
    let other = Record::import(login(), &codex(), &MOMENT);
    assert!(matches!(other, Err(NotImported::OtherClient { .. })));
    let generic = Config::builder(Provider::generic("https://as.example")).client_id("other").build().unwrap();
    assert!(matches!(Record::import(login(), &generic, &MOMENT), Err(NotImported::NoEndpoints)));
}
