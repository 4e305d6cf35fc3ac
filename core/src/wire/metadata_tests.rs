//! Where metadata lies, and which of it may be used.

use super::*;
use crate::moment::UnixMillis;

const ISSUER: &str = "https://as.example/tenant";

fn places(issuer: &str) -> Vec<String> {
    locations(&check_endpoint(issuer).unwrap())
}

fn answer(status: u16, body: &str) -> HttpAnswer {
    let body = AnswerBody::new(body.as_bytes().to_vec());
    HttpAnswer { status, headers: Vec::new(), body, received_at: UnixMillis(0) }
}

fn read_document(body: &str) -> Result<Metadata, MetadataError> {
    read(&answer(200, body), ISSUER)
}

/// A good document with one member more, or another value for it.
fn document(member: &str, value: &str) -> String {
    let mut members = vec![
        ("issuer", "\"https://as.example/tenant\""),
        ("authorization_endpoint", "\"https://as.example/authorize\""),
        ("token_endpoint", "\"https://as.example/token\""),
    ];
    members.retain(|(name, _)| *name != member);
    members.push((member, value));
    let text: Vec<String> = members
        .iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("\"{name}\":{value}"))
        .collect();
    format!("{{{}}}", text.join(","))
}

fn problem(body: &str) -> String {
    match read_document(body) {
        Err(MetadataError::Unusable(why)) => why,
        other => panic!("{body} is usable: {other:?}"),
    }
}

#[test]
fn an_issuer_without_a_path_has_two_places() {
    for issuer in ["https://as.example", "https://as.example/", "https://AS.example:443"] {
        assert_eq!(
            places(issuer),
            [
                "https://as.example/.well-known/oauth-authorization-server",
                "https://as.example/.well-known/openid-configuration"
            ],
            "{issuer}"
        );
    }
}

#[test]
fn an_issuer_with_a_path_has_three_in_this_order() {
    for issuer in ["https://as.example:8443/tenant/1", "https://as.example:8443/tenant/1/"] {
        assert_eq!(
            places(issuer),
            [
                "https://as.example:8443/.well-known/oauth-authorization-server/tenant/1",
                "https://as.example:8443/.well-known/openid-configuration/tenant/1",
                "https://as.example:8443/tenant/1/.well-known/openid-configuration",
            ],
            "{issuer}"
        );
    }
}

#[test]
fn a_port_and_an_address_in_brackets_stay() {
    assert_eq!(places("http://127.0.0.1:9400")[0], "http://127.0.0.1:9400/.well-known/oauth-authorization-server");
    assert_eq!(places("http://[::1]:9400/t")[2], "http://[::1]:9400/t/.well-known/openid-configuration");
}

#[test]
fn a_good_document_is_read() {
    let metadata = read_document(&document("scopes_supported", r#"["openid","offline_access",7]"#)).unwrap();
    assert_eq!(metadata.endpoints.authorization, "https://as.example/authorize");
    assert_eq!(metadata.endpoints.token, "https://as.example/token");
    assert_eq!(metadata.endpoints.revocation, None);
    assert!(!metadata.endpoints.iss_in_response);
    assert_eq!(metadata.scopes_supported, ["openid", "offline_access"]);
}

#[test]
fn a_place_without_a_document_leads_to_the_next() {
    for (status, body) in [(404, "{}"), (401, ""), (410, ""), (200, "<!doctype html>"), (200, "[]"), (200, "")] {
        assert!(matches!(read(&answer(status, body), ISSUER), Err(MetadataError::NotHere(_))), "{status} {body}");
    }
    let too_large = HttpAnswer { body: AnswerBody::TooLarge, ..answer(200, "") };
    assert!(matches!(read(&too_large, ISSUER), Err(MetadataError::NotHere(_))));
}

#[test]
fn trouble_does_not_choose_the_document() {
    for status in [301, 302, 307, 308, 429, 500, 503] {
        let read = read(&answer(status, &document("", "")), ISSUER);
        assert!(matches!(read, Err(MetadataError::Trouble(_))), "{status}");
    }
}

#[test]
fn the_issuer_is_compared_as_a_string() {
    for said in
        ["https://as.example/tenant/", "https://AS.example/tenant", "https://as.example", "https://evil.example"]
    {
        let why = problem(&document("issuer", &format!("\"{said}\"")));
        assert!(why.contains(said) && why.contains(ISSUER), "{why}");
    }
    assert!(problem(&document("issuer", "")).contains("issuer"));
    assert!(problem(&document("issuer", "7")).contains("issuer"));
}

#[test]
fn a_server_that_names_other_methods_than_s256_is_refused() {
    for methods in [r#"["plain"]"#, "[]", r#"["s256"]"#] {
        assert!(problem(&document("code_challenge_methods_supported", methods)).contains("PKCE"), "{methods}");
    }
    assert!(read_document(&document("code_challenge_methods_supported", r#"["plain","S256"]"#)).is_ok());
}

#[test]
fn both_endpoints_of_a_login_are_named_and_secure() {
    for member in ["authorization_endpoint", "token_endpoint"] {
        assert!(problem(&document(member, "")).contains(member));
    }
    for member in ["authorization_endpoint", "token_endpoint", "revocation_endpoint"] {
        for url in ["http://as.example/x", "/relative", "https://u:p@as.example/", "javascript:alert(1)"] {
            assert!(problem(&document(member, &format!("\"{url}\""))).contains(member), "{member} {url}");
        }
    }
}

#[test]
fn a_member_that_decides_where_secrets_go_stands_once() {
    for member in READ_ONCE.split(' ') {
        let value =
            if member == "code_challenge_methods_supported" { "[\"S256\"]" } else { "\"https://as.example/tenant\"" };
        let once = document(member, value);
        let twice = once.replacen('{', &format!("{{\"{member}\":{value},"), 1);
        assert_eq!(problem(&twice), format!("it gives {member} more than once"));
    }
}

#[test]
fn only_true_promises_an_issuer_in_the_response() {
    let promises = |value: &str| {
        let document = document("authorization_response_iss_parameter_supported", value);
        read_document(&document).unwrap().endpoints.iss_in_response
    };
    assert!(promises("true"));
    assert!(!promises("false") && !promises("\"true\"") && !promises("1") && !promises("null"));
}
