use crate::named::Named;

use super::*;
use crate::http::AnswerBody;
use crate::moment::UnixMillis;
use crate::wire::token_options::CodeMeaning;

struct Scene {
    options: TokenAnswerOptions,
    codes: Named<CodeMeaning>,
    dpop: Dpop,
    nonce_retries_done: u32,
}

fn scene() -> Scene {
    Scene { options: TokenAnswerOptions::default(), codes: Named::new(), dpop: Dpop::Off, nonce_retries_done: 0 }
}

impl Scene {
    fn judged(
        &self,
        grant: Grant,
        status: u16,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Tokens, Box<AnswerError>> {
        self.sending(grant, vec![&Secret::from("RT-old")], status, headers, body)
    }

    fn sending(
        &self,
        grant: Grant,
        sent: Vec<&Secret>,
        status: u16,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> Result<Tokens, Box<AnswerError>> {
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let answer = HttpAnswer { status, headers, body: AnswerBody::new(body.to_vec()), received_at: UnixMillis(0) };
        let context = TokenContext {
            grant,
            sent,
            dpop: self.dpop,
            nonce_retries_done: self.nonce_retries_done,
            options: &self.options,
            refusal_codes: &self.codes,
        };
        read(&answer, &context)
    }

    fn code(&self, status: u16, body: &str) -> Result<Tokens, Box<AnswerError>> {
        self.judged(Grant::Code, status, &[], body.as_bytes())
    }

    fn refresh(&self, status: u16, body: &str) -> Result<Tokens, Box<AnswerError>> {
        self.judged(Grant::Refresh, status, &[], body.as_bytes())
    }
}

fn code(status: u16, body: &str) -> Box<AnswerError> {
    scene().code(status, body).unwrap_err()
}

fn refresh(status: u16, body: &str) -> Box<AnswerError> {
    scene().refresh(status, body).unwrap_err()
}

fn tokens(members: &str) -> Tokens {
    scene().code(200, &format!("{{\"access_token\":\"AT\",\"token_type\":\"Bearer\"{members}}}")).unwrap()
}

#[test]
fn any_2xx_with_a_token_is_a_success() {
    for status in [200, 201, 202, 203, 226] {
        assert!(scene().code(status, r#"{"access_token":"AT"}"#).is_ok(), "{status}");
    }
}

#[test]
fn every_code_of_the_rfcs_has_its_advice() {
    for (name, on_code, on_refresh) in [
        ("invalid_grant", Advice::RestartFlow, Advice::Reauthenticate),
        ("invalid_request", Advice::FixConfig, Advice::FixConfig),
        ("invalid_client", Advice::FixConfig, Advice::FixConfig),
        ("unauthorized_client", Advice::FixConfig, Advice::FixConfig),
        ("unsupported_grant_type", Advice::FixConfig, Advice::FixConfig),
        ("invalid_scope", Advice::FixConfig, Advice::FixConfig),
        ("invalid_target", Advice::FixConfig, Advice::FixConfig),
        ("access_denied", Advice::TellUser, Advice::TellUser),
        ("expired_token", Advice::RestartFlow, Advice::Reauthenticate),
        ("server_error", Advice::RetryLater, Advice::RetryLater),
        ("temporarily_unavailable", Advice::RetryLater, Advice::RetryLater),
        ("slow_down", Advice::RetryLater, Advice::RetryLater),
        ("interaction_required", Advice::RestartFlow, Advice::Reauthenticate),
        ("login_required", Advice::RestartFlow, Advice::Reauthenticate),
        ("consent_required", Advice::RestartFlow, Advice::Reauthenticate),
        ("refresh_token_expired", Advice::RestartFlow, Advice::Reauthenticate),
        ("refresh_token_reused", Advice::RestartFlow, Advice::Reauthenticate),
        ("refresh_token_invalidated", Advice::RestartFlow, Advice::Reauthenticate),
        ("invalid_dpop_proof", Advice::Surface, Advice::Surface),
        ("Invalid_Grant", Advice::Surface, Advice::Surface),
        ("something_new", Advice::Surface, Advice::Surface),
    ] {
        for status in [200, 400] {
            let body = format!("{{\"error\":\"{name}\"}}");
            let (code, refresh) = (code(status, &body), refresh(status, &body));
            assert_eq!(
                (code.class, code.code.as_deref(), code.advice),
                (Class::OauthError, Some(name), on_code),
                "{name}"
            );
            assert_eq!((refresh.advice, refresh.code.as_deref()), (on_refresh, Some(name)), "{name} {status}");
            assert_eq!(refresh.refused, on_refresh == Advice::Reauthenticate, "{name}");
            assert!(!code.refused, "{name}");
        }
    }
}

#[test]
fn no_status_but_4xx_and_200_refuses() {
    for (status, fate) in [
        (200, Fate::Refused),
        (400, Fate::Refused),
        (401, Fate::Refused),
        (403, Fate::Refused),
        (429, Fate::AnsweredOtherwise),
        (302, Fate::AnsweredOtherwise),
        (500, Fate::ServerTrouble),
        (502, Fate::Unknown),
        (503, Fate::ServerTrouble),
        (504, Fate::Unknown),
        (529, Fate::ServerTrouble),
        (700, Fate::Unknown),
    ] {
        let error = refresh(status, r#"{"error":"invalid_grant"}"#);
        assert_eq!(error.fate(), fate, "{status}");
        assert_eq!(error.refused, fate == Fate::Refused, "{status}");
    }
}

#[test]
fn words_refuse_only_at_400_401_and_403_and_only_where_no_code_says_more() {
    let body = r#"{"message":"The refresh token has been revoked"}"#;
    for status in [400, 401, 403] {
        assert_eq!(refresh(status, body).fate(), Fate::Refused, "{status}");
        assert_eq!(refresh(status, "invalid refresh token").fate(), Fate::Refused, "{status}");
    }
    for status in [404, 409, 422, 429, 500] {
        assert!(!refresh(status, body).refused, "{status}");
    }
    assert!(refresh(401, r#"{"error":"unauthorized","error_description":"Token revoked"}"#).refused);
    for error in
        ["invalid_client", "temporarily_unavailable", "invalid_scope", "use_dpop_nonce", "unsupported_grant_type"]
    {
        let body = format!("{{\"error\":\"{error}\",\"error_description\":\"token expired\"}}");
        assert!(!refresh(400, &body).refused, "{error}");
    }
    let page = scene().judged(Grant::Refresh, 403, &[("content-type", "text/html")], b"<html>invalid token</html>");
    let page = page.unwrap_err();
    assert_eq!((page.advice, page.fate()), (Advice::RetryLater, Fate::AnsweredOtherwise));
    assert!(!refresh(400, r#"{"message":"invalid token""#).refused, "broken JSON proves nothing");
}

#[test]
fn codes_of_the_provider_carry_their_text() {
    let mut scene = scene();
    let meaning = CodeMeaning { advice: Advice::Reauthenticate, text: "Sign in again.".to_owned() };
    scene.codes.insert("workspace_disabled".to_owned(), meaning);
    for body in [
        r#"{"error":"workspace_disabled"}"#,
        r#"{"error":{"code":"workspace_disabled","type":"x"}}"#,
        r#"{"code":"workspace_disabled"}"#,
    ] {
        let error = scene.refresh(401, body).unwrap_err();
        assert_eq!((error.fate(), error.text.as_deref()), (Fate::Refused, Some("Sign in again.")), "{body}");
    }
    assert_eq!(scene.refresh(500, r#"{"error":"workspace_disabled"}"#).unwrap_err().fate(), Fate::ServerTrouble);
}

#[test]
fn a_2xx_without_a_readable_token_leaves_the_fate_unknown() {
    for body in [
        "",
        "{}",
        "null",
        "broken",
        "{\"access_token\":1}",
        "{\"access_token\":\"a\",\"access_token\":\"b\"}",
        "<html>",
    ] {
        let error = refresh(200, body);
        assert_eq!((error.advice, error.fate()), (Advice::Uncertain, Fate::Unknown), "{body}");
        assert_eq!(code(200, body).advice, Advice::Surface, "{body}");
    }
    assert_eq!(refresh(204, "").fate(), Fate::Unknown);
    let large = vec![b' '; crate::http::MAX_BODY + 1];
    let error = scene().judged(Grant::Refresh, 200, &[], &large).unwrap_err();
    assert_eq!((error.class, error.fate()), (Class::TooLarge, Fate::Unknown));
    assert_eq!(refresh(200, r#"{"error":"server_error"}"#).fate(), Fate::ServerTrouble);
    assert_eq!(refresh(200, r#"{"error":"invalid_client"}"#).fate(), Fate::AnsweredOtherwise);
}

#[test]
fn a_rotated_refresh_token_is_kept_whatever_else_is_wrong() {
    for body in [
        r#"{"refresh_token":"RT-2"}"#,
        r#"{"refresh_token":"RT-2","access_token":7}"#,
        r#"{"refresh_token":"RT-2","access_token":"AT","token_type":"mac"}"#,
        r#"{"refresh_token":"RT-2","access_token":"AT","token_type":7}"#,
        r#"{"refresh_token":"RT-2","access_token":"AT","expires_in":1,"expires_in":2}"#,
        r#"{"refresh_token":"RT-2","access_token":"AT","error":"server_error"}"#,
        r#"{"refresh_token":"RT-2","error":"invalid_grant"}"#,
    ] {
        let error = refresh(200, body);
        assert_eq!(error.kept_refresh_token, Some(Secret::from("RT-2")), "{body}");
        assert_eq!(error.fate(), Fate::AnsweredOtherwise, "{body}");
        assert!(!error.refused, "{body}");
    }
    assert_eq!(
        refresh(200, r#"{"refresh_token":"a","refresh_token":"b","access_token":"AT"}"#).kept_refresh_token,
        None
    );
    assert_eq!(refresh(400, r#"{"refresh_token":"RT-2","error":"invalid_grant"}"#).kept_refresh_token, None);
}

#[test]
fn repeated_members_that_matter_are_refused() {
    for name in ["access_token", "token_type", "refresh_token", "expires_in", "scope", "id_token", "error"] {
        let body = format!(r#"{{"access_token":"AT","{name}":"x","{name}":"x"}}"#);
        assert_eq!(code(200, &body).class, Class::Malformed, "{name}");
        let escaped =
            format!(r#"{{"access_token":"AT","{name}":"x","\u{:04x}{}":"x"}}"#, name.as_bytes()[0], &name[1..]);
        assert_eq!(code(200, &escaped).class, Class::Malformed, "{escaped}");
    }
    assert_eq!(code(200, "access_token=a&token_type=Bearer&scope=a&scope=b").class, Class::Malformed);
    assert!(!refresh(400, r#"{"error":"invalid_grant","error":"invalid_grant"}"#).refused);
}

#[test]
fn access_tokens_are_printable_ascii() {
    for value in ["\"a b\"", "\"~!|%\"", "\"a\\\"b\"", "\"\\u0041\""] {
        assert!(scene().code(200, &format!("{{\"access_token\":{value}}}")).is_ok(), "{value}");
    }
    for value in [
        "\"\"",
        "\" a\"",
        "\"a \"",
        "\" \"",
        "\"a\\nb\"",
        "\"a\\r\\nX: y\"",
        "\"\\u0000\"",
        "\"\\u007f\"",
        "\"\\u0080\"",
        "\"é\"",
        "\"\\ufeffa\"",
        "\"\\ud800\"",
        "null",
        "0",
        "true",
        "false",
        "[]",
        "{}",
        "1.5",
    ] {
        assert_eq!(code(200, &format!("{{\"access_token\":{value}}}")).class, Class::Malformed, "{value}");
    }
    assert_eq!(
        scene().judged(Grant::Code, 200, &[], b"{\"access_token\":\"a\xffb\"}").unwrap_err().class,
        Class::Malformed
    );
}

#[test]
fn refresh_tokens_are_verbatim_or_absent() {
    for (value, expected) in [
        ("\"%2F a+b&=ü\"", Some("%2F a+b&=ü")),
        ("\" \"", Some(" ")),
        ("\"a\\nb\"", Some("a\nb")),
        ("\"\"", None),
        ("null", None),
        ("7", None),
        ("true", None),
        ("[\"a\"]", None),
        ("{\"t\":1}", None),
        ("\"\\ud800\"", None),
        ("\"a\u{fffd}b\"", Some("a\u{fffd}b")),
        ("\"a\\ufffdb\"", Some("a\u{fffd}b")),
        ("\"a\\ud800\u{fffd}b\"", None),
    ] {
        let tokens = tokens(&format!(",\"refresh_token\":{value}"));
        assert_eq!(tokens.refresh_token, expected.map(Secret::from), "{value}");
    }
    for (body, expected) in [
        (&b"access_token=AT&refresh_token=a%EF%BF%BDb"[..], Some("a\u{fffd}b")),
        (b"access_token=AT&refresh_token=a\xef\xbf\xbdb", Some("a\u{fffd}b")),
        (b"access_token=AT&refresh_token=a%zzb", None),
        (b"access_token=AT&refresh_token=a%ffb", None),
        (b"{\"access_token\":\"AT\",\"refresh_token\":\"a\xffb\"}", None),
    ] {
        let tokens = scene().judged(Grant::Code, 200, &[], body).unwrap();
        assert_eq!(tokens.refresh_token, expected.map(Secret::from), "{}", String::from_utf8_lossy(body));
    }
}

#[test]
fn token_types_decide_how_a_secret_is_sent() {
    let judged = |dpop: Dpop, grant: Grant, value: &str| {
        let body = format!("{{\"access_token\":\"AT\",\"issued_token_type\":\"urn:x\",\"token_type\":{value}}}");
        Scene { dpop, ..scene() }.judged(grant, 200, &[], body.as_bytes())
    };
    for value in ["\"bearer\"", "\"BEARER\"", "\" Bearer\\t\"", "\"\"", "\" \"", "null"] {
        assert_eq!(judged(Dpop::Off, Grant::Code, value).unwrap().token_type, TokenType::Bearer, "{value}");
        assert_eq!(judged(Dpop::Optional, Grant::Code, value).unwrap().token_type, TokenType::Bearer, "{value}");
        let error = judged(Dpop::Required, Grant::Code, value).unwrap_err();
        assert_eq!((error.class, error.advice), (Class::TokenTypeMismatch, Advice::AbortFlow), "{value}");
    }
    for value in ["\"DPoP\"", "\"dpop\"", "\"DPOP\""] {
        assert_eq!(judged(Dpop::Required, Grant::Code, value).unwrap().token_type, TokenType::Dpop);
        assert_eq!(judged(Dpop::Optional, Grant::Code, value).unwrap().token_type, TokenType::Dpop);
        assert_eq!(judged(Dpop::Off, Grant::Code, value).unwrap_err().class, Class::TokenTypeUnsupported);
    }
    for value in ["\"mac\"", "\"N_A\"", "\"Bearer token\"", "\"pop\"", "\"bearer,dpop\""] {
        assert_eq!(judged(Dpop::Off, Grant::Code, value).unwrap_err().class, Class::TokenTypeUnsupported, "{value}");
    }
    for value in ["1", "true", "[\"Bearer\"]", "{}"] {
        assert_eq!(judged(Dpop::Off, Grant::Code, value).unwrap_err().class, Class::Malformed, "{value}");
    }
    assert_eq!(judged(Dpop::Off, Grant::TokenExchange, "\"N_A\"").unwrap().token_type, TokenType::NotApplicable);
}

#[test]
fn what_was_odd_is_noted() {
    assert_eq!(tokens(r#","scope":"a","expires_in":5,"id_token":null,"error":null,"refresh_token":"""#).deviations, []);
    let odd = tokens(r#","scope":7,"expires_in":"soon","id_token":7,"error":0,"refresh_token":{}"#);
    let expected = [
        Deviation::ErrorIgnored,
        Deviation::LifetimeUnreadable,
        Deviation::IdTokenUnreadable,
        Deviation::RefreshTokenUnreadable,
        Deviation::ScopeUnreadable,
    ];
    assert_eq!(odd.deviations, expected);
    assert_eq!(scene().code(200, r#"{"access_token":"AT"}"#).unwrap().deviations, [Deviation::TokenTypeAssumed]);
}

#[test]
fn options_say_where_and_how_members_are_written() {
    let read = |options: &str, body: &str| {
        let options: TokenAnswerOptions = serde_json::from_str(options).unwrap();
        Scene { options, ..scene() }.code(200, body)
    };
    let body = r#"{"ok":true,"access_token":"bot","authed_user":{"access_token":"user","token_type":"user"}}"#;
    let user = read(r#"{"root":"/authed_user","token_type_aliases":["USER"]}"#, body).unwrap();
    assert_eq!(user.access_token, Secret::from("user"));
    assert_eq!(
        read(r#"{"root":"/a~1b/c"}"#, r#"{"a/b":{"c":{"access_token":"x"}}}"#).unwrap().access_token,
        Secret::from("x")
    );
    assert_eq!(read(r#"{"root":"/nowhere"}"#, body).unwrap_err().class, Class::Malformed);
    let error = read(r#"{"root":"/authed_user"}"#, r#"{"ok":false,"error":"invalid_code"}"#).unwrap_err();
    assert_eq!((error.class, error.advice), (Class::OauthError, Advice::RestartFlow));
    assert!(read(r#"{"strip_prefix":")]}',\n"}"#, ")]}',\n{\"access_token\":\"x\"}").is_ok());
    assert!(read(r#"{"strip_prefix":"while(1);"}"#, "{\"access_token\":\"x\"}").is_ok());
    let camel = r#"{"member_names":"camelCase"}"#;
    assert!(read(camel, r#"{"accessToken":"x","tokenType":"mac"}"#).is_err());
    assert!(read(camel, r#"{"access_token":"x"}"#).is_ok());
    assert_eq!(read(camel, r#"{"accessToken":"x","access_token":"y"}"#).unwrap_err().class, Class::Malformed);
    assert!(
        serde_json::from_str::<TokenAnswerOptions>(r#"{"scope_seperator":","}"#).is_err(),
        "typing errors are seen"
    );
}

#[path = "token_trouble_tests.rs"]
mod trouble;
