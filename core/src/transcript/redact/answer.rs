//! HTTP answers: known headers, known members, and of pages and fragments the plain words.

use serde_json::Value as Json;
use url::form_urlencoded::Serializer;

use super::{Redactor, SecretKind, stored};
use crate::action::Action;
use crate::http::{AnswerBody, Body, HttpAnswer, Method};
use crate::secret::Secret;
use crate::wire::body;
use crate::wire::http_date;
use crate::wire::json::{self, Members, Value};

/// The deepest nesting of error objects that anybody reads.
const MAX_DEPTH: usize = 4;

/// The longest media type that is kept, and how many digits it may have: `application/vnd.api.v2+json`.
const LONGEST_MEDIA_TYPE: usize = 64;
const MOST_DIGITS: usize = 3;

/// `Wednesday, 06-Nov-94 08:49:37 GMT`.
const LONGEST_DATE: usize = 33;

/// Metadata members that a login reads.
const METADATA: [&str; 7] = [
    "authorization_endpoint",
    "authorization_response_iss_parameter_supported",
    "code_challenge_methods_supported",
    "issuer",
    "revocation_endpoint",
    "scopes_supported",
    "token_endpoint",
];

/// What a member is, by its name.
enum Role {
    AccessToken,
    /// A code, a label or a text, or an object that holds some.
    Error,
    IdToken,
    Number,
    RefreshToken,
    Scope,
    TokenType,
    Unknown,
}

impl Role {
    fn of(name: &str) -> Role {
        match name {
            "access_token" | "accessToken" => Role::AccessToken,
            "id_token" | "idToken" => Role::IdToken,
            "refresh_token" | "refreshToken" => Role::RefreshToken,
            "expires_in" | "expiresIn" | "retry_after" => Role::Number,
            "token_type" | "tokenType" => Role::TokenType,
            "scope" => Role::Scope,
            "code" | "description" | "detail" | "errmsg" | "error" | "errorCode" | "errorDescription"
            | "errorMessage" | "errorSummary" | "errorType" | "error_code" | "error_description" | "error_message"
            | "error_msg" | "error_summary" | "errors" | "message" | "msg" | "reason" | "status" | "title" | "type" => {
                Role::Error
            }
            _ => Role::Unknown,
        }
    }
}

impl Redactor<'_> {
    pub(super) fn answer(&mut self, action: &Action, answer: &HttpAnswer) -> HttpAnswer {
        let body = match (&answer.body, body::text(answer)) {
            (AnswerBody::TooLarge, _) | (_, None) => AnswerBody::TooLarge,
            (_, Some(_)) if is_revocation(action) => AnswerBody::Text(Secret::default()),
            (_, Some(text)) if is_metadata(action) => AnswerBody::Text(Secret::new(self.metadata(&text))),
            (_, Some(text)) => {
                let label = answer.header("content-type").map(str::to_owned);
                AnswerBody::Text(Secret::new(self.token_answer(&text, label.as_deref())))
            }
        };
        let headers =
            answer.headers.iter().filter_map(|(name, value)| self.answer_header(name, value, answer)).collect();
        HttpAnswer { status: answer.status, headers, body, received_at: answer.received_at }
    }

    fn answer_header(&mut self, name: &str, value: &str, answer: &HttpAnswer) -> Option<(String, String)> {
        let kept = match name {
            "content-type" => media_type(value),
            "date" | "retry-after" => {
                let now = answer.received_at.0 / 1_000;
                let is_number = value.bytes().all(|byte| byte.is_ascii_digit());
                let is_readable = is_number || http_date::seconds(value, now).is_some();
                Some(value).filter(|value| is_readable && value.len() <= LONGEST_DATE)?.to_owned()
            }
            "dpop-nonce" => {
                let mark = if value.bytes().all(|byte| byte.is_ascii_graphic()) { "" } else { " broken" };
                format!("{}{mark}", self.text(SecretKind::DpopNonce, value))
            }
            "www-authenticate" => stored::name(value.split(' ').next().unwrap_or_default()),
            _ => return None,
        };
        Some((name.to_owned(), kept))
    }

    fn metadata(&mut self, text: &str) -> String {
        match json::object(text) {
            Ok(members) => {
                object(members.0.iter().filter(|(name, _)| METADATA.contains(&&**name)).map(|(name, value)| {
                    let value = match (&**name, value) {
                        ("issuer", Value::Text(issuer)) => quoted(&self.issuer(issuer)),
                        (_, value) => plain(value),
                    };
                    (name.to_string(), value)
                }))
            }
            Err(_) => self.unreadable(text),
        }
    }

    fn token_answer(&mut self, text: &str, label: Option<&str>) -> String {
        let prefix = self.config.provider.answers.strip_prefix.clone().unwrap_or_default();
        let (prefix, rest) = match text.strip_prefix(&prefix) {
            Some(rest) => (prefix.as_str(), rest.trim_start_matches([' ', '\t', '\r', '\n'])),
            None => ("", text),
        };
        let body = match body::members(rest, label) {
            Ok(members) => {
                self.meet_tokens(&members, 0);
                if rest.starts_with('{') { self.members(&members, 0) } else { self.form(&members) }
            }
            Err(_) => self.unreadable(rest),
        };
        format!("{prefix}{body}")
    }

    /// Texts may speak of tokens, and of the person in them, that stand further down.
    fn meet_tokens(&mut self, members: &Members<'_>, depth: usize) {
        for (name, value) in &members.0 {
            let is_token = matches!(Role::of(name), Role::AccessToken | Role::IdToken | Role::RefreshToken);
            if let Some(text) = value.as_text().filter(|_| is_token) {
                self.member_text(name, text);
            }
            if depth < MAX_DEPTH
                && let Some(inner) = value.as_object()
            {
                self.meet_tokens(&inner, depth + 1);
            }
        }
    }

    fn members(&mut self, members: &Members<'_>, depth: usize) -> String {
        let kept = members.0.iter().filter_map(|(name, value)| {
            let kept = self.member(name, value, depth)?;
            Some((name.to_string(), kept))
        });
        object(kept.collect::<Vec<_>>().into_iter())
    }

    fn member(&mut self, name: &str, value: &Value<'_>, depth: usize) -> Option<String> {
        let role = Role::of(name);
        if matches!(role, Role::Unknown) && !self.leads_to_the_tokens(name) {
            return None;
        }
        if depth > MAX_DEPTH {
            return Some("{}".to_owned());
        }
        Some(match (role, value) {
            (_, Value::Bool(_) | Value::Null) => plain(value),
            (Role::Error | Role::Unknown, Value::Object(_)) => {
                self.members(&value.as_object().unwrap_or_default(), depth + 1)
            }
            (Role::Error | Role::Scope, Value::Array(_)) => {
                let elements = value.as_array().unwrap_or_default();
                let kept: Vec<String> =
                    elements.iter().filter_map(|element| self.member(name, element, depth + 1)).collect();
                format!("[{}]", kept.join(","))
            }
            (_, Value::Array(_)) => "[]".to_owned(),
            (_, Value::Object(_)) => "{}".to_owned(),
            (Role::Number, Value::Number(number)) => (*number).to_owned(),
            (_, Value::Number(number)) => Some(*number).filter(|number| number.len() <= 3).unwrap_or("0").to_owned(),
            (_, Value::Text(text)) => quoted(&self.member_text(name, text)?),
        })
    }

    fn form(&mut self, members: &Members<'_>) -> String {
        let mut kept = Serializer::new(String::new());
        for (name, value) in &members.0 {
            if let Some(text) = value.as_text().and_then(|text| self.member_text(name, text)) {
                kept.append_pair(name, &text);
            }
        }
        let kept = kept.finish();
        if kept.is_empty() { "other=".to_owned() } else { kept }
    }

    fn member_text(&mut self, name: &str, text: &str) -> Option<String> {
        Some(match Role::of(name) {
            Role::AccessToken => self.access_token(text),
            Role::Error if self.config.provider.error_codes.contains_key(text) => text.to_owned(),
            Role::Error => self.private.cleaned(text),
            Role::IdToken => self.id_token(text),
            Role::Number => {
                let fits = |c: char| c.is_ascii_digit() || " .+-eE\n".contains(c);
                if text.len() <= 32 && text.chars().all(fits) { text.to_owned() } else { "unreadable".to_owned() }
            }
            Role::RefreshToken => self.refresh_token(text),
            Role::Scope => self.scopes(text),
            Role::TokenType => stored::name(text),
            Role::Unknown => return None,
        })
    }

    /// Scopes with whatever separates them.
    fn scopes(&mut self, text: &str) -> String {
        let separator = self.config.provider.answers.scope_separator.clone().unwrap_or_default();
        let is_separator = |c: char| c == ' ' || separator.contains(c);
        let pieces = text.split_inclusive(is_separator).map(|piece| {
            let scope = piece.trim_end_matches(is_separator);
            let after = piece.strip_prefix(scope).unwrap_or_default();
            (scope, after)
        });
        pieces
            .map(|(scope, after)| {
                format!("{}{after}", if scope.is_empty() { String::new() } else { self.scope(scope) })
            })
            .collect()
    }

    /// What does not parse stays what does not parse. Broken JSON and pairs may hold pieces of tokens, so nothing of them
    /// stays; of sentences the plain words.
    fn unreadable(&self, text: &str) -> String {
        if text.starts_with('<') {
            return "<html>".to_owned();
        }
        if text.starts_with('{') {
            return "{".to_owned();
        }
        if text.contains('=') { "hidden".to_owned() } else { self.private.cleaned(text) }
    }

    /// Whether the object of that name holds the tokens, by the provider's data.
    fn leads_to_the_tokens(&self, name: &str) -> bool {
        let root = self.config.provider.answers.root.as_deref().unwrap_or_default();
        root.split('/').skip(1).any(|step| step.replace("~1", "/").replace("~0", "~") == name)
    }
}

/// A media type that reads like one; of another what decides how its body is read.
pub(super) fn media_type(value: &str) -> String {
    let label = body::media_type(Some(value));
    let digits = label.bytes().filter(u8::is_ascii_digit).count();
    let is_plain = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"/+.-".contains(&byte));
    if is_plain && digits <= MOST_DIGITS && label.len() <= LONGEST_MEDIA_TYPE {
        return label;
    }
    let what = if label.contains("html") { "html" } else { "other" };
    match label.split_once('/') {
        Some(("text", _)) => format!("text/{what}"),
        Some(_) => format!("other/{what}"),
        None => what.to_owned(),
    }
}

fn is_metadata(action: &Action) -> bool {
    matches!(action, Action::Fetch(request) if request.method == Method::Get)
}

fn is_revocation(action: &Action) -> bool {
    let (Action::Fetch(request) | Action::PostForm(request)) = action else { return false };
    match &request.body {
        Body::Empty => request.method != Method::Get,
        Body::Form(fields) => fields.iter().any(|field| field.name == "token"),
        Body::Json(_) => true,
    }
}

/// A value of metadata, texts and lists of texts as they are.
fn plain(value: &Value<'_>) -> String {
    match value {
        Value::Array(_) => {
            let elements = value.as_array().unwrap_or_default();
            let texts: Vec<String> = elements.iter().filter_map(Value::as_text).map(quoted).collect();
            format!("[{}]", texts.join(","))
        }
        Value::Bool(flag) => flag.to_string(),
        Value::Null => "null".to_owned(),
        Value::Number(_) => "0".to_owned(),
        Value::Object(_) => "{}".to_owned(),
        Value::Text(text) => quoted(text),
    }
}

/// Written by hand, because members may be repeated.
fn object(members: impl Iterator<Item = (String, String)>) -> String {
    let pairs: Vec<String> = members.map(|(name, value)| format!("{}:{value}", quoted(&name))).collect();
    format!("{{{}}}", pairs.join(","))
}

fn quoted(text: &str) -> String {
    Json::String(text.to_owned()).to_string()
}
