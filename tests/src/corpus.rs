//! The corpus of quirks: loading its cases, and comparing what was read with what a case expects.
//!
//! The pure cases are run by `tests/quirks.rs`. A case with a `transport` fault needs a driver: whoever has one serves
//! [`Case::status`], [`Case::headers`] and [`Case::body`] with that fault, reads the outcome in [`Case::setting`], and
//! hands it to [`compare`].

use std::collections::BTreeMap;
use std::fmt::Debug;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokenway_core::event::{Callback, CallbackSource};
use tokenway_core::http::{AnswerBody, HttpAnswer, MAX_BODY};
use tokenway_core::moment::UnixMillis;
use tokenway_core::named::Named;
use tokenway_core::secret::Secret;
use tokenway_core::wire::callback::{BareCode, CallbackError, CheckedCallback, Expected, ResponseMode};
use tokenway_core::wire::text;
use tokenway_core::wire::token::Tokens;
use tokenway_core::wire::token_error::AnswerError;
use tokenway_core::wire::token_options::{CodeMeaning, Dpop, Grant, TokenAnswerOptions, TokenContext};

/// One case.
#[derive(Clone, Debug, Deserialize)]
pub struct Case {
    /// Its name: `token.expires-in.01`.
    pub id: String,
    /// `token`, `refresh`, `callback` and others.
    pub kind: String,
    /// The status of the answer; none for callbacks, and where no answer comes.
    pub status: Option<u16>,
    /// Of the answer, or of the callback request; names in lower case.
    pub headers: BTreeMap<String, String>,
    /// What the client knows.
    #[serde(default)]
    pub context: Value,
    /// What the provider's data says.
    #[serde(default)]
    pub options: Map<String, Value>,
    /// The fault of the connection, for drivers.
    pub transport: Option<Value>,
    /// `ok` or `error`.
    pub expect: Value,
    request: Option<Request>,
    body: Option<String>,
    body_b64: Option<String>,
    body_gen: Option<Generated>,
}

#[derive(Clone, Debug, Deserialize)]
struct Request {
    method: String,
    target: String,
}

#[derive(Clone, Debug, Deserialize)]
struct Generated {
    #[serde(default)]
    prefix: String,
    repeat: String,
    times: usize,
    #[serde(default)]
    suffix: String,
    #[serde(default)]
    endless: bool,
    /// What the body is encoded with before it is sent: `gzip`, or a list of it.
    #[serde(default)]
    encode: String,
}

/// What was read, in the words of the corpus.
#[derive(Clone, Debug)]
pub struct Got {
    /// `{"ok": ..}` or `{"error": ..}`.
    pub result: Value,
    /// Everything that a program might log.
    pub logged: String,
    /// The text as a page would show it.
    pub page: String,
}

/// The file named by the environment variable `TOKENWAY_CORPUS`, else the one in this repository.
#[must_use]
pub fn path() -> PathBuf {
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/quirks.json");
    std::env::var_os("TOKENWAY_CORPUS").map_or(own, PathBuf::from)
}

/// Reads a corpus.
///
/// # Errors
/// The file cannot be read, or is none.
pub fn load(path: &Path) -> Result<Vec<Case>, String> {
    let text = std::fs::read_to_string(path).map_err(|error| format!("{}: {error}", path.display()))?;
    serde_json::from_str(&text).map_err(|error| format!("{}: {error}", path.display()))
}

impl Case {
    /// The body, at most one byte more than a driver reads.
    ///
    /// # Errors
    /// The case has none.
    pub fn body(&self) -> Result<Vec<u8>, String> {
        if let Some(text) = &self.body {
            return Ok(text.clone().into_bytes());
        }
        if let Some(encoded) = &self.body_b64 {
            return STANDARD.decode(encoded).map_err(|error| error.to_string());
        }
        self.body_gen.as_ref().map(Generated::bytes).ok_or_else(|| "a case without a body".to_owned())
    }

    /// The content codings that the body is sent with, in the order in which they are applied (RFC 9110 section 8.4).
    #[must_use]
    pub fn codings(&self) -> Vec<&str> {
        let encode = self.body_gen.as_ref().map_or("", |generated| generated.encode.as_str());
        encode.split(',').map(str::trim).filter(|coding| !coding.is_empty()).collect()
    }

    /// The answer, as a driver that met no fault hands it over: decoded.
    ///
    /// # Errors
    /// The case has no status or no body.
    pub fn answer(&self) -> Result<HttpAnswer, String> {
        let headers = self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect();
        let status = self.status.ok_or("a case without a status")?;
        Ok(HttpAnswer {
            status,
            headers,
            body: AnswerBody::new(self.body()?),
            received_at: UnixMillis(1_800_000_000_000),
        })
    }

    /// What the reader of token answers must know.
    ///
    /// # Errors
    /// The options or the context are none that we know.
    pub fn setting(&self) -> Result<Setting, String> {
        let options = serde_json::from_value(Value::Object(self.options.clone())).map_err(|error| error.to_string())?;
        let dpop = match self.context.get("dpop") {
            None => Dpop::Off,
            Some(value) => serde_json::from_value(value.clone()).map_err(|error| error.to_string())?,
        };
        let nonce_retries_done = self.context.get("nonce_retries_done").and_then(Value::as_u64).unwrap_or(0);
        Ok(Setting {
            refresh: (self.kind == "refresh").then(|| Secret::from(self.known("refresh_token"))),
            is_exchange: self.known("grant") == "token_exchange",
            dpop,
            nonce_retries_done: u32::try_from(nonce_retries_done).unwrap_or(u32::MAX),
            options,
            codes: Named::new(),
        })
    }

    /// The callback as a driver hands it over.
    ///
    /// # Errors
    /// The case has no request or no body.
    pub fn callback(&self) -> Result<Callback, String> {
        let request = self.request.as_ref().ok_or("a callback without a request")?;
        let source = if request.method == "URL" { CallbackSource::OneShot } else { CallbackSource::Listening };
        Ok(Callback {
            source,
            method: request.method.clone(),
            target: Secret::from(&*request.target),
            headers: self.headers.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
            body: Secret::new(String::from_utf8_lossy(&self.body()?).into_owned()),
        })
    }

    /// What the callback must show; `state` is the one of the context.
    #[must_use]
    pub fn expected<'a>(&'a self, state: &'a Secret) -> Expected<'a> {
        Expected {
            redirect_uri: self.known("redirect_uri"),
            state,
            issuer: self.context.get("issuer").and_then(Value::as_str),
            iss_required: self.context.get("iss_required").and_then(Value::as_bool).unwrap_or(false),
            response_mode: match self.known("response_mode") {
                "form_post" => ResponseMode::FormPost,
                _ => ResponseMode::Query,
            },
            bare_code: BareCode::NeverTaken,
        }
    }

    /// A text of the context; empty when it has none.
    #[must_use]
    pub fn known(&self, name: &str) -> &str {
        self.context.get(name).and_then(Value::as_str).unwrap_or_default()
    }
}

impl Generated {
    fn bytes(&self) -> Vec<u8> {
        let wanted = MAX_BODY + 1;
        let mut bytes = self.prefix.clone().into_bytes();
        let times = if self.endless { usize::MAX } else { self.times };
        let fitting = wanted.saturating_sub(bytes.len()).div_ceil(self.repeat.len().max(1)).min(times);
        bytes.extend(self.repeat.repeat(fitting).into_bytes());
        bytes.extend(self.suffix.bytes());
        bytes.truncate(wanted);
        bytes
    }
}

/// Owns what a [`TokenContext`] borrows.
#[derive(Clone, Debug)]
pub struct Setting {
    refresh: Option<Secret>,
    is_exchange: bool,
    dpop: Dpop,
    nonce_retries_done: u32,
    options: TokenAnswerOptions,
    codes: Named<CodeMeaning>,
}

impl Setting {
    /// The context of the case.
    #[must_use]
    pub fn context(&self) -> TokenContext<'_> {
        let grant = match &self.refresh {
            Some(_) => Grant::Refresh,
            None if self.is_exchange => Grant::TokenExchange,
            None => Grant::Code,
        };
        TokenContext {
            grant,
            sent: self.refresh.iter().collect(),
            dpop: self.dpop,
            nonce_retries_done: self.nonce_retries_done,
            options: &self.options,
            refusal_codes: &self.codes,
        }
    }
}

/// A token answer in the words of the corpus. What a refresh leaves out is what was known before.
#[must_use]
pub fn got_tokens(case: &Case, read: &Result<Tokens, Box<AnswerError>>) -> Got {
    let old = (case.kind == "refresh").then(|| case.known("refresh_token"));
    let shown = |secret: &Secret| secret.expose().to_owned();
    let result = match read {
        Ok(tokens) => {
            let new = tokens.refresh_token.as_ref().map(shown);
            json!({"ok": {
                "access_token": shown(&tokens.access_token),
                "token_type": tokens.token_type.as_str(),
                "expires_in": tokens.expires_in,
                "refresh_token": new.clone().or(old.map(str::to_owned)),
                "scopes": tokens.scopes,
                "rotated": new.is_some_and(|new| Some(&*new) != old),
            }})
        }
        Err(error) => json!({"error": {
            "class": error.class.as_str(),
            "code": error.code,
            "action": error.advice.as_str(),
            "status": error.status,
            "retry_after": error.retry_after,
            "dpop_nonce": error.dpop_nonce,
            "keep_refresh_token": error.kept_refresh_token.as_ref().map(shown),
            "detail": error.detail,
        }}),
    };
    let detail = read.as_ref().err().map(|error| error.detail.clone()).unwrap_or_default();
    Got { result, logged: logged(read, &detail), page: text::escaped_for_html(&detail) }
}

/// A callback in the words of the corpus.
#[must_use]
pub fn got_callback(read: &Result<CheckedCallback, Box<CallbackError>>) -> Got {
    let (result, detail) = match read {
        Ok(checked) => (json!({"ok": {"code": checked.code().expose()}}), String::new()),
        Err(error) => {
            let action = error.advice.as_str();
            let members =
                json!({"class": error.class.as_str(), "code": error.code, "action": action, "detail": error.detail});
            (json!({"error": members}), error.detail.clone())
        }
    };
    Got { result, logged: logged(read, &detail), page: text::escaped_for_html(&detail) }
}

fn logged(result: &impl Debug, detail: &str) -> String {
    format!("{result:?}\n{result:#?}\n{detail}")
}

/// How `got` differs from what the case expects; empty when it does not.
#[must_use]
pub fn compare(case: &Case, got: &Got) -> Vec<String> {
    let mut differences = match (case.expect.get("ok"), got.result.get("ok")) {
        (Some(expected), Some(got)) => compare_members(expected, got),
        (None, None) => compare_error(&case.expect["error"], got),
        (Some(_), None) | (None, Some(_)) => vec![format!("expected {}, got {}", case.expect, got.result)],
    };
    for secret in secrets(case, got).iter().filter(|secret| got.logged.contains(secret.as_str())) {
        differences.push(format!("{secret} can be read in a log"));
    }
    differences
}

fn compare_members(expected: &Value, got: &Value) -> Vec<String> {
    let members = expected.as_object().into_iter().flatten();
    let differing = members.filter(|(name, value)| expanded(value) != got[name.as_str()]);
    differing.map(|(name, value)| format!("{name}: expected {value}, got {}", got[name.as_str()])).collect()
}

/// `{"repeat": "A", "times": 20000}` stands for a long text.
fn expanded(value: &Value) -> Value {
    match (value.get("repeat").and_then(Value::as_str), value.get("times").and_then(Value::as_u64)) {
        (Some(text), Some(times)) => Value::from(text.repeat(usize::try_from(times).unwrap_or(0))),
        (Some(_) | None, _) => value.clone(),
    }
}

fn compare_error(expected: &Value, got: &Got) -> Vec<String> {
    let error = &got.result["error"];
    let detail = error["detail"].as_str().unwrap_or_default();
    let mut differences = Vec::new();
    for (name, value) in expected.as_object().into_iter().flatten() {
        let texts = || value.as_array().into_iter().flatten().filter_map(Value::as_str);
        let fits = match name.as_str() {
            "class" => fits(&error["class"], value, &expected["also_accept"]),
            "action" => fits(&error["action"], value, &expected["also_actions"]),
            // Another accepted class need not carry the code of the first.
            "code" => error["code"] == *value || (value.is_null() && error["class"] != expected["class"]),
            "also_accept" | "also_actions" => true,
            "detail_contains" => detail.contains(value.as_str().unwrap_or_default()),
            "detail_excludes" => !texts().any(|text| detail.contains(text)),
            "detail_max" => value.as_u64().is_some_and(|most| u64::try_from(detail.len()).is_ok_and(|is| is <= most)),
            "log_excludes" => !texts().any(|text| got.logged.contains(text)),
            "page_excludes" => !texts().any(|text| got.page.contains(text)),
            other => error[other] == *value,
        };
        if !fits {
            differences.push(format!("{name}: expected {value}, got {error}"));
        }
    }
    differences
}

fn fits(got: &Value, expected: &Value, also: &Value) -> bool {
    got == expected || also.as_array().is_some_and(|also| also.contains(got))
}

/// What may stand in no log: tokens and codes, given or read. Short ones would be found in any text.
fn secrets(case: &Case, got: &Got) -> Vec<String> {
    let read = |value: &Value, name: &str| value[name].as_str().map(str::to_owned);
    let known = ["refresh_token", "access_token", "state"].map(|name| read(&case.context, name));
    let issued = ["access_token", "refresh_token", "code"].map(|name| read(&got.result["ok"], name));
    let kept = read(&got.result["error"], "keep_refresh_token");
    let all = known.into_iter().chain(issued).chain([kept]).flatten();
    all.filter(|secret| secret.len() > 3).collect()
}
