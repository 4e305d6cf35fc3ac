//! Row 80: the claims of a token.

use base64::Engine as _;
use base64::engine::general_purpose::{URL_SAFE, URL_SAFE_NO_PAD};
use tokenway_core::wire::jwt::{self, MAX_JWT};

const ACCOUNT: [&str; 2] = ["https://api.openai.com/auth", "chatgpt_account_id"];

fn account(token: &str) -> Result<Option<String>, String> {
    jwt::claims(token).map(|claims| claims.text(&ACCOUNT)).map_err(|why| why.to_string())
}

fn token(payload: &str) -> String {
    format!("header.{}.signature", URL_SAFE_NO_PAD.encode(payload))
}

#[test]
fn row_80_the_account_stands_in_the_payload() {
    let payload = r#"{"https://api.openai.com/auth":{"chatgpt_account_id":"acc-1"}}"#;
    assert_eq!(account(&token(payload)), Ok(Some("acc-1".to_owned())));
    for payload in ["{}", r#"{"https://api.openai.com/auth":{}}"#, r#"{"https://api.openai.com/auth":"x"}"#] {
        assert_eq!(account(&token(payload)), Ok(None), "{payload}");
    }
}

#[test]
fn row_80_what_is_wrong_with_a_token_is_said() {
    for parts in ["", "opaque", "a.b", "a.b.c.d", ".e30.c", "a..c", "a.e30."] {
        assert_eq!(account(parts), Err("expected 3 dot-separated parts".to_owned()), "{parts}");
    }
    assert!(account("a.!!!.c").unwrap_err().starts_with("failed to decode payload"));
    assert!(account(&token("not json")).unwrap_err().starts_with("failed to parse payload"));
}

#[test]
fn row_80_padding_is_accepted_and_the_size_is_bounded() {
    assert_eq!(account(&format!("h.{}.s", URL_SAFE.encode("{ }"))), Ok(None));
    assert!(account(&format!("h.{}.s", "e".repeat(MAX_JWT))).unwrap_err().contains("128 KiB"));
}
