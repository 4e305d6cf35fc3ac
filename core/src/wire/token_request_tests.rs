//! What is sent, pair for pair.

use super::*;
use crate::config::{AuthenticationMethod, Timing};
use crate::moment::Millis;
use crate::provider::{Endpoints, Provider, Revocation};

const TOKEN_ENDPOINT: &str = "https://as.example/token";

fn provider() -> Provider {
    Provider::with_endpoints(Endpoints {
        authorization: "https://as.example/authorize".to_owned(),
        token: TOKEN_ENDPOINT.to_owned(),
        revocation: None,
        iss_in_response: false,
    })
}

fn public() -> Config {
    Config::builder(provider()).client_id("native").build().unwrap()
}

fn confidential(method: AuthenticationMethod) -> Config {
    let builder = Config::builder(provider()).client_id("native").client_secret(Secret::new("hush"));
    builder.client_authentication(method).build().unwrap()
}

fn exchange(config: &Config) -> HttpRequest {
    let redirect_uri = "http://127.0.0.1:1/callback";
    code_exchange(config, TOKEN_ENDPOINT, &Secret::new("the code"), redirect_uri, &Secret::new("pkce-proof"))
}

fn pairs(request: &HttpRequest) -> Vec<(&str, &str)> {
    let Body::Form(fields) = &request.body else { panic!("not a form") };
    fields.iter().map(|field| (field.name.as_str(), field.value.expose())).collect()
}

fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|header| header.name == name).map(|header| header.value.expose())
}

fn json(request: &HttpRequest) -> serde_json::Value {
    let Body::Json(text) = &request.body else { panic!("not JSON") };
    serde_json::from_str(text.expose()).unwrap()
}

#[test]
fn a_public_client_spends_a_code_with_its_id_and_its_verifier() {
    let request = exchange(&public());
    assert_eq!(
        pairs(&request),
        [
            ("grant_type", "authorization_code"),
            ("code", "the code"),
            ("redirect_uri", "http://127.0.0.1:1/callback"),
            ("code_verifier", "pkce-proof"),
            ("client_id", "native"),
        ]
    );
    assert_eq!((request.method, request.url.as_str()), (Method::Post, TOKEN_ENDPOINT));
    assert_eq!(header(&request, "accept"), Some("application/json"));
    assert_eq!(header(&request, "authorization"), None);
}

#[test]
fn a_refresh_carries_the_token_and_no_scope() {
    let request = refresh(&public(), TOKEN_ENDPOINT, &[], &Secret::new("RT"));
    assert_eq!(pairs(&request), [("grant_type", "refresh_token"), ("refresh_token", "RT"), ("client_id", "native")]);
    assert_eq!(header(&request, "accept"), Some("application/json"));
}

#[test]
fn a_secret_goes_into_the_header_or_into_the_body_and_never_both() {
    let basic = exchange(&confidential(AuthenticationMethod::Basic));
    assert_eq!(header(&basic, "authorization"), Some("Basic bmF0aXZlOmh1c2g="));
    assert!(!pairs(&basic).iter().any(|(name, _)| name.starts_with("client_")));

    let post = exchange(&confidential(AuthenticationMethod::Post));
    assert_eq!(header(&post, "authorization"), None);
    assert_eq!(pairs(&post)[4..], [("client_id", "native"), ("client_secret", "hush")]);
}

#[test]
fn each_resource_is_a_pair_of_its_own_in_both_requests() {
    let builder = Config::builder(provider()).client_id("native").resource("https://a.example/");
    let config = builder.resource("https://b.example/").build().unwrap();
    for request in [exchange(&config), refresh(&config, TOKEN_ENDPOINT, &config.resources, &Secret::new("RT"))] {
        let resources: Vec<_> = pairs(&request).into_iter().filter(|(name, _)| *name == "resource").collect();
        assert_eq!(resources, [("resource", "https://a.example/"), ("resource", "https://b.example/")]);
    }
}

#[test]
fn what_can_be_spent_once_says_so_and_has_the_configured_deadline() {
    let config = public();
    for request in [exchange(&config), refresh(&config, TOKEN_ENDPOINT, &[], &Secret::new("RT"))] {
        assert!(request.single_use);
        assert_eq!(request.deadline, config.timing.request_deadline);
    }
}

#[test]
fn a_revocation_is_the_form_of_rfc_7009_with_client_authentication() {
    let endpoint = "https://as.example/revoke";
    let request = revocation(&public(), endpoint, TokenKind::Refresh, &Secret::new("RT"));
    assert_eq!(pairs(&request), [("token", "RT"), ("token_type_hint", "refresh_token"), ("client_id", "native")]);
    assert_eq!(request.url, endpoint);
    assert!(!request.single_use);

    let config = confidential(AuthenticationMethod::Basic);
    let request = revocation(&config, endpoint, TokenKind::Access, &Secret::new("AT"));
    assert_eq!(pairs(&request), [("token", "AT"), ("token_type_hint", "access_token")]);
    assert!(header(&request, "authorization").is_some());
}

#[test]
fn the_json_dialect_names_the_client_for_a_refresh_token_only() {
    let revocation_in_json = Revocation { dialect: RevocationDialect::Json, per_token: false };
    let provider = Provider { revocation: revocation_in_json, ..provider() };
    let config = Config::builder(provider).client_id("native").build().unwrap();
    let refresh = revocation(&config, "https://as.example/revoke", TokenKind::Refresh, &Secret::new("R\"T"));
    assert_eq!(
        json(&refresh),
        serde_json::json!({ "token": "R\"T", "token_type_hint": "refresh_token", "client_id": "native" })
    );
    let access = revocation(&config, "https://as.example/revoke", TokenKind::Access, &Secret::new("AT"));
    assert_eq!(json(&access), serde_json::json!({ "token": "AT", "token_type_hint": "access_token" }));
}

#[test]
fn a_logout_does_not_wait_for_a_dead_server() {
    let deadline =
        |config: &Config| revocation(config, "https://as.example/r", TokenKind::Access, &Secret::new("AT")).deadline;
    assert_eq!(deadline(&public()), Millis::seconds(5));
    let timing = Timing { request_deadline: Millis::seconds(1), ..Timing::default() };
    let hasty = Config::builder(provider()).client_id("native").timing(timing).build().unwrap();
    assert_eq!(deadline(&hasty), Millis::seconds(1));
}

#[test]
fn no_request_shows_what_it_carries() {
    let config = confidential(AuthenticationMethod::Post);
    let refresh = refresh(&config, TOKEN_ENDPOINT, &[], &Secret::new("refresh-me"));
    let shown = format!("{:?} {:#?}", exchange(&config), refresh);
    for secret in ["the code", "pkce-proof", "hush", "refresh-me"] {
        assert!(!shown.contains(secret), "{secret}");
    }
}
