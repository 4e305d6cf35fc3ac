//! Finds the error code of an answer, and knows what the codes mean.
//!
//! RFC 6749 sections 4.1.2.1 and 5.2, OpenID Connect Core section 3.1.2.6, RFC 8628, RFC 8693, RFC 8707, RFC 9449, and
//! the codes of big providers.

use crate::wire::json::{Members, Value};
use crate::wire::pieces;
use crate::wire::text::{self, is_one_of};

/// The longest error code: the longest registered one has 33 bytes, and codes are shown and compared.
const MAX_CODE: usize = 256;

/// The most text that is searched for a refusal: an error message, not a document.
const MAX_WORDS: usize = 4_096;

/// Members in which servers say what went wrong, best first.
const TEXTS: &str = "error_description error_message message reason description detail errorSummary errorMessage errorDescription \
     error_summary error_msg msg errmsg title error_reason error_hint hint faultstring Message Error";

/// Members whose short texts may name what went wrong, read for their words only.
const LABELS: &str = "error code status type errorCode error_code";

/// What a code means for the grant that was sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// This client is set up wrongly.
    Config,
    /// The grant is spent, expired, revoked or unknown.
    Dead,
    /// The person, or a policy, said no.
    Denied,
    /// The person must log in or consent.
    Interaction,
    /// It needs a nonce (RFC 9449 section 8).
    Nonce,
    /// It will pass.
    Transient,
    /// Not in the table.
    Unknown,
    /// Used by servers for all sorts of trouble: their words decide.
    Vague,
}

/// The table of codes, the words of each meaning between blanks.
const MEANINGS: [(Meaning, &str); 7] = [
    (
        Meaning::Dead,
        "invalid_grant expired_token token_expired token_revoked token_inactive bad_refresh_token \
         invalid_refresh_token expired_refresh_token revoked_refresh_token refresh_token_expired refresh_token_reused \
         refresh_token_invalidated refresh_token_revoked refresh_token_invalid refresh_token_not_found \
         refresh_token_used refresh_token_already_used refresh_token_rotated token_rotated InvalidRefreshToken \
         RefreshTokenExpired bad_verification_code invalid_code expired_code code_expired code_already_used",
    ),
    (
        Meaning::Interaction,
        "interaction_required login_required consent_required account_selection_required mfa_required \
         unmet_authentication_requirements insufficient_user_authentication",
    ),
    (
        Meaning::Config,
        "invalid_client unsupported_grant_type invalid_scope invalid_target invalid_redirect_uri \
         unsupported_response_type invalid_request_uri invalid_request_object request_not_supported \
         request_uri_not_supported registration_not_supported invalid_authorization_details redirect_uri_mismatch \
         bad_redirect_uri incorrect_client_credentials application_suspended bad_client_secret invalid_client_id \
         bad_client_id invalid_client_secret invalid_resource unsupported_response_mode invalid_client_metadata",
    ),
    (
        Meaning::Denied,
        "access_denied authorization_declined user_denied user_cancelled_login user_cancelled_authorize \
         user_cancelled user_canceled",
    ),
    (Meaning::Nonce, "use_dpop_nonce"),
    (
        Meaning::Transient,
        "server_error temporarily_unavailable slow_down too_many_requests ratelimited rate_limited rate_limit_error \
         rate_limit_exceeded overloaded_error service_unavailable internal_error internal_server_error fatal_error \
         api_error timeout",
    ),
    (Meaning::Vague, "invalid_request unauthorized_client invalid_token"),
];

/// What a code means.
pub(crate) fn meaning(code: &str) -> Meaning {
    MEANINGS.iter().find(|(_, codes)| is_one_of(code, codes)).map_or(Meaning::Unknown, |(meaning, _)| *meaning)
}

/// Whether a text is an error code and nothing else, so that it counts as one where texts of people stand as well.
fn is_registered(code: &str) -> bool {
    let vendors_own = is_one_of(code, "invalid_code timeout internal_error fatal_error api_error");
    let unmentioned = is_one_of(code, "invalid_dpop_proof unsupported_token_type authorization_pending");
    unmentioned || (!vendors_own && meaning(code) != Meaning::Unknown)
}

/// What an answer says about an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Stated {
    /// Nothing that is a code.
    Nothing,
    /// An `error` object without a code.
    Object,
    /// A code; `None` when it is too long or not printable ASCII.
    Code(Option<String>),
}

/// The member `error`: a text that is not empty, or an object with a text `code`, `type` or `status`. `null`, `false`,
/// zero and the empty text are no error.
pub(crate) fn stated(members: &Members<'_>) -> Stated {
    match members.get("error") {
        Some(Value::Text(text)) if !text.is_empty() => Stated::Code(usable(text)),
        Some(value @ Value::Object(_)) => {
            let object = value.as_object().unwrap_or_default();
            let code = object.first_text("code type status");
            code.map_or(Stated::Object, |code| Stated::Code(usable(code)))
        }
        Some(Value::Array(_) | Value::Bool(_) | Value::Null | Value::Number(_) | Value::Text(_)) | None => {
            Stated::Nothing
        }
    }
}

/// A code in another place: `error[0]`, `errors[0]`, `errorCode`, `message` or `code`, where only a registered code
/// counts, or one that `known` knows.
pub(crate) fn elsewhere(members: &Members<'_>, known: &dyn Fn(&str) -> bool) -> Option<String> {
    let first = members.get("error").and_then(first_of_array);
    let inner = members.get("errors").and_then(described).unwrap_or_default();
    let mut candidates = Vec::new();
    candidates.extend(first.as_ref().and_then(Value::as_text));
    candidates.extend(pieces::words("code errorType type error errorCode message").filter_map(|name| inner.text(name)));
    candidates.extend(pieces::words("errorCode error_code message code").filter_map(|name| members.text(name)));
    candidates.into_iter().find(|code| is_registered(code) || known(code)).map(str::to_owned)
}

/// The best sentence about the error, with the field that it is about.
pub(crate) fn sentence(members: &Members<'_>) -> Option<String> {
    let places = places(members);
    let text = places.iter().find_map(|place| place.first_text(TEXTS));
    match (text, places.iter().find_map(field)) {
        (Some(text), Some(field)) => Some(text::joined(&[text, ": ", &field])),
        (Some(text), None) => Some(text.to_owned()),
        (None, field) => field,
    }
}

/// All words about the error, bounded.
pub(crate) fn words(members: &Members<'_>) -> String {
    let mut words = String::new();
    for place in places(members) {
        for text in pieces::words(TEXTS).chain(pieces::words(LABELS)).filter_map(|name| place.text(name)) {
            let left = MAX_WORDS.saturating_sub(words.len());
            words.push_str(text::bounded(text, left / 4, left));
            words.push('\n');
        }
        if let Some(field) = field(&place) {
            words.push_str(text::bounded(&field, MAX_CODE, usize::MAX));
            words.push('\n');
        }
    }
    words
}

/// What is wrong with which field, as in `{"field": "refresh_token", "code": "invalid"}`.
fn field(place: &Members<'_>) -> Option<String> {
    Some(text::joined(&[place.text("field")?, " ", place.text("code")?]))
}

/// The objects in which texts stand: the answer, and what describes the error in it.
fn places<'a>(members: &Members<'a>) -> Vec<Members<'a>> {
    let error = |name| members.get(name).and_then(Value::as_object);
    let errors = members.get("errors").and_then(described);
    let mut places = vec![members.clone()];
    for place in [error("error"), errors, error("Error"), error("fault")] {
        places.extend(place);
    }
    places
}

/// The members of `errors`: of the object, of the first in the array, or a plain text as `message`.
fn described<'a>(errors: &Value<'a>) -> Option<Members<'a>> {
    let error = first_of_array(errors).unwrap_or_else(|| errors.clone());
    if error.as_text().is_some() { Some(Members(vec![("message".into(), error)])) } else { error.as_object() }
}

fn first_of_array<'a>(value: &Value<'a>) -> Option<Value<'a>> {
    value.as_array()?.into_iter().next()
}

/// The code, when it can be shown: printable ASCII, at most [`MAX_CODE`] bytes.
pub(crate) fn usable(code: &str) -> Option<String> {
    let printable = code.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    (code.len() <= MAX_CODE && printable).then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::json;

    fn code(body: &str) -> Stated {
        stated(&json::object(body).unwrap())
    }

    fn found(text: &str) -> Stated {
        Stated::Code(Some(text.to_owned()))
    }

    #[test]
    fn the_code_is_read_from_a_text_or_from_an_object_in_order() {
        assert_eq!(code(r#"{"error":"invalid_grant"}"#), found("invalid_grant"));
        assert_eq!(code(r#"{"error":{"code":"a","type":"b","status":"c"}}"#), found("a"));
        assert_eq!(code(r#"{"error":{"code":400,"type":"b","status":"c"}}"#), found("b"));
        assert_eq!(code(r#"{"error":{"code":null,"type":"","status":"c"}}"#), found("c"));
        assert_eq!(code(r#"{"error":{"message":"x"}}"#), Stated::Object);
    }

    #[test]
    fn null_and_its_like_are_no_error() {
        for value in ["null", "\"\"", "false", "0", "401", "[]", "true"] {
            assert_eq!(code(&format!("{{\"error\":{value}}}")), Stated::Nothing, "{value}");
        }
    }

    #[test]
    fn codes_that_cannot_be_shown_are_dropped() {
        assert_eq!(code(&format!("{{\"error\":\"{}\"}}", "x".repeat(256))), found(&"x".repeat(256)));
        assert_eq!(code(&format!("{{\"error\":\"{}\"}}", "x".repeat(257))), Stated::Code(None));
        assert_eq!(code(r#"{"error":"a\u001b[31m"}"#), Stated::Code(None));
    }

    #[test]
    fn other_places_hold_only_registered_codes() {
        let find = |body: &str| elsewhere(&json::object(body).unwrap(), &|code| code == "vendor_says_no");
        assert_eq!(
            find(r#"{"errors":[{"errorType":"invalid_grant","message":"x"}]}"#).as_deref(),
            Some("invalid_grant")
        );
        assert_eq!(find(r#"{"errors":["invalid_client"]}"#).as_deref(), Some("invalid_client"));
        assert_eq!(find(r#"{"message":"invalid_grant"}"#).as_deref(), Some("invalid_grant"));
        assert_eq!(find(r#"{"errorCode":"invalid_scope"}"#).as_deref(), Some("invalid_scope"));
        assert_eq!(find(r#"{"code":"refresh_token_expired"}"#).as_deref(), Some("refresh_token_expired"));
        assert_eq!(find(r#"{"code":"vendor_says_no"}"#).as_deref(), Some("vendor_says_no"));
        for body in [
            r#"{"errorCode":"E0000022"}"#,
            r#"{"message":"Invalid grant"}"#,
            r#"{"code":"tier_required"}"#,
            r#"{"errors":[]}"#,
        ] {
            assert_eq!(find(body), None, "{body}");
        }
    }

    #[test]
    fn sentences_and_words_are_found_beside_and_inside_the_error() {
        let members = json::object(r#"{"error":{"message":"used up","code":"x"},"type":"error"}"#).unwrap();
        assert_eq!(sentence(&members).as_deref(), Some("used up"));
        assert!(words(&members).contains("used up") && words(&members).contains("error"));
        let long = format!("{{\"message\":\"{}\",\"reason\":\"b\"}}", "a".repeat(100_000));
        assert!(words(&json::object(&long).unwrap()).len() <= MAX_WORDS + 32);
    }
}
