//! Presets are data: what they say is checked here, word for word where a server depends on it.

use super::*;
use crate::config::Config;
use crate::secret::Secret;
use crate::wire::class::Advice;
use crate::wire::token_options::MemberNames;

fn codex() -> Provider {
    let built_in = Provider::built_in().unwrap();
    built_in.into_iter().find(|provider| provider.id == "codex").unwrap()
}

fn problem(json: &str) -> String {
    Provider::read_list(json).unwrap_err().to_string()
}

#[test]
fn every_built_in_preset_is_read_and_can_be_used() {
    let mut ids = Vec::new();
    for provider in Provider::built_in().unwrap() {
        assert!(!ids.contains(&provider.id), "{} stands there twice", provider.id);
        ids.push(provider.id.clone());
        assert!(!provider.name.is_empty());
        let mut builder = Config::builder(provider.clone()).client_id("mine");
        if provider.client_authentication != AuthenticationMethod::PublicClient {
            builder = builder.client_secret(Secret::new("not really secret"));
        }
        let config = builder.build().unwrap();
        assert_eq!(config.key().provider, provider.id);
    }
    assert!(!ids.is_empty());
}

#[test]
fn a_preset_survives_being_written_and_read() {
    let presets = Provider::built_in().unwrap();
    assert_eq!(Provider::read_list(&serde_json::to_string(&presets).unwrap()).unwrap(), presets);
}

#[test]
fn unknown_members_are_refused_by_name_wherever_they_stand() {
    for json in [
        r#"[{"id":"x","name":"X","typo":1}]"#,
        r#"[{"id":"x","name":"X","endpoints":{"authorization":"a","token":"t","typo":1}}]"#,
        r#"[{"id":"x","name":"X","redirect":{"typo":1}}]"#,
        r#"[{"id":"x","name":"X","revocation":{"typo":1}}]"#,
        r#"[{"id":"x","name":"X","answers":{"typo":1}}]"#,
        r#"[{"id":"x","name":"X","authorize_parameters":[{"name":"a","value":"b","typo":1}]}]"#,
        r#"[{"id":"x","name":"X","error_codes":{"c":{"advice":"surface","text":"t","typo":1}}}]"#,
        r#"[{"id":"x","name":"X","identity":[{"name":"sub","places":[],"typo":1}]}]"#,
        r#"[{"id":"x","name":"X","identity":[{"name":"sub","places":[{"token":"id_token","path":[],"typo":1}]}]}]"#,
    ] {
        assert!(problem(json).contains("`typo`"), "{}", problem(json));
    }
}

#[test]
fn what_is_missing_or_misspelt_is_named() {
    assert!(problem(r#"[{"name":"X"}]"#).contains("`id`"));
    assert!(problem(r#"[{"id":"x"}]"#).contains("`name`"));
    assert!(problem(r#"[{"id":"x","name":"X","client_authentication":"basic"}]"#).contains("client_secret_basic"));
    assert!(problem(r#"[{"id":"x","name":"X","revocation":{"dialect":"xml"}}]"#).contains("`xml`"));
    assert!(problem("{").starts_with("not a list of providers: "));
    assert!(problem("[\n{\"id\":1}]").contains("line 2"));
}

#[test]
fn what_a_users_own_file_leaves_out_is_what_the_standards_say() {
    let json = r#"[{ "id": "acme", "name": "Acme", "issuer": "https://login.acme.example", "client_id": "cli",
        "scopes": ["openid"], "redirect": { "ports": [8400] }, "answers": { "scope_separator": "," } }]"#;
    let providers = Provider::read_list(json).unwrap();
    let [acme] = providers.as_slice() else { panic!("one provider") };
    assert_eq!(acme.redirect.uris(), ["http://127.0.0.1:8400/callback"]);
    assert_eq!(acme.client_authentication, AuthenticationMethod::PublicClient);
    assert_eq!(acme.revocation.dialect, RevocationDialect::Form);
    assert_eq!(acme.answers.scope_separator.as_deref(), Some(","));
    assert_eq!(acme.answers.member_names, MemberNames::SnakeCase);
    assert!(acme.nonce);
    assert!(!acme.expiry_from_jwt);
    assert!(Config::builder(acme.clone()).build().is_ok());
}

#[test]
fn a_generic_server_is_asked_who_logged_in() {
    let provider = Provider::generic("https://as.example");
    assert_eq!((provider.id.as_str(), provider.issuer.as_deref()), ("https://as.example", Some("https://as.example")));
    let fixed: Vec<_> = provider.identity.iter().filter(|claim| claim.fixed).map(|claim| claim.name.as_str()).collect();
    assert_eq!(fixed, ["sub"]);
    assert!(provider.identity.iter().all(|claim| !claim.required));
}

#[test]
fn codex_goes_to_the_three_endpoints_of_its_issuer() {
    let codex = codex();
    assert_eq!(codex.issuer.as_deref(), Some("https://auth.openai.com"));
    let endpoints = codex.endpoints.unwrap();
    assert_eq!(endpoints.authorization, "https://auth.openai.com/oauth/authorize");
    assert_eq!(endpoints.token, "https://auth.openai.com/oauth/token");
    assert_eq!(endpoints.revocation.as_deref(), Some("https://auth.openai.com/oauth/revoke"));
    assert!(!endpoints.iss_in_response);
}

#[test]
fn codex_is_the_public_client_with_two_registered_ports() {
    let codex = codex();
    assert_eq!(codex.client_id.as_deref(), Some("app_EMoamEEZ73f0CkXaXp7hrann"));
    assert_eq!(codex.client_authentication, AuthenticationMethod::PublicClient);
    assert_eq!(codex.redirect.uris(), ["http://localhost:1455/auth/callback", "http://localhost:1457/auth/callback"]);
    assert_eq!(codex.scopes, ["openid", "profile", "email", "offline_access"]);
    assert!(!codex.nonce);
    let parameters: Vec<_> =
        codex.authorize_parameters.iter().map(|pair| (pair.name.as_str(), pair.value.as_str())).collect();
    assert_eq!(
        parameters,
        [("id_token_add_organizations", "true"), ("codex_cli_simplified_flow", "true"), ("originator", "tokenway"),]
    );
}

#[test]
fn codex_has_a_sentence_for_each_way_a_refresh_token_dies() {
    let codex = codex();
    for (code, reason) in [
        ("refresh_token_expired", "has expired"),
        ("refresh_token_reused", "was already used"),
        ("refresh_token_invalidated", "was revoked"),
    ] {
        let meaning = &codex.error_codes[code];
        assert_eq!(meaning.advice, Advice::Reauthenticate);
        assert!(meaning.text.contains(reason) && meaning.text.ends_with("Log out and sign in again."));
    }
}

#[test]
fn codex_demands_the_account_and_keeps_it() {
    let codex = codex();
    let account = codex.identity.iter().find(|claim| claim.name == "account_id").unwrap();
    assert!(account.required && account.fixed);
    let tokens: Vec<_> = account.places.iter().map(|place| place.token).collect();
    assert_eq!(tokens, [TokenName::AccessToken, TokenName::IdToken]);
    assert!(account.places.iter().all(|place| place.path == ["https://api.openai.com/auth", "chatgpt_account_id"]));
}

#[test]
fn codex_reads_the_lifetime_of_its_jwts_and_revokes_in_json() {
    let codex = codex();
    assert!(codex.expiry_from_jwt);
    assert_eq!(codex.revocation, Revocation { dialect: RevocationDialect::Json, per_token: false });
}
