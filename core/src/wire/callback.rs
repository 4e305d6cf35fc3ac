//! The redirect that ends the person's part of a login (RFC 6749 section 4.1.2, RFC 9207, OpenID form post mode).
//!
//! Order: host, path, method, prefetch; then the parameters: repeated `state`, `state` itself, other repeats, `iss`,
//! `error`, unsupported responses, `code`. Whatever comes before a `state` that matches proves nothing about its
//! sender: a listening receiver answers it and waits on.

use crate::event::{Callback, CallbackSource};
use crate::secret::Secret;
use crate::wire::callback_source::{self, Arrived, Parameters};
use crate::wire::class::{Advice, Class};
use crate::wire::error_code::{self, Meaning};
use crate::wire::text;

/// What a callback must show.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The redirect URI that the server was given.
    pub redirect_uri: &'a str,
    /// The `state` of this login.
    pub state: &'a Secret,
    /// The issuer of the server that was asked, when it has one. A callback from another one is refused.
    pub issuer: Option<&'a str>,
    /// The server promised to send `iss` (`authorization_response_iss_parameter_supported`, RFC 9207 section 3).
    pub iss_required: bool,
    /// How the server was asked to respond.
    pub response_mode: ResponseMode,
    /// Whether a code without `state` may be taken from a person.
    pub bare_code: BareCode,
}

/// How the response arrives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ResponseMode {
    /// In the body of a POST.
    FormPost,
    /// In the query of a GET.
    Query,
}

/// Whether a code without `state` is taken. It never is where the server promises `iss`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum BareCode {
    /// Not even from the terminal.
    NeverTaken,
    /// From the local terminal, where the person who pastes is the one who logs in. PKCE still binds it to this login.
    TakenFromTheTerminal,
}

/// Proof that a callback carried our `state`, the right `iss` and no error: only [`check`] makes one.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct CheckedCallback {
    code: Secret,
}

impl CheckedCallback {
    /// The authorization code.
    #[must_use]
    pub fn code(&self) -> &Secret {
        &self.code
    }
}

impl std::fmt::Debug for CheckedCallback {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("CheckedCallback").finish_non_exhaustive()
    }
}

/// A callback that brought no code.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct CallbackError {
    /// What is wrong.
    pub class: Class,
    /// The OAuth error code, the parameter that is repeated, `missing` for an absent `iss`, `jarm` or `implicit`.
    pub code: Option<String>,
    /// [`Advice::KeepWaiting`]: the login goes on. Anything else ends it.
    pub advice: Advice,
    /// For a person: one bounded line without control characters. Escape it for HTML.
    pub detail: String,
    /// The status for the browser's answer.
    pub http_status: u16,
}

impl std::fmt::Display for CallbackError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.detail)
    }
}

impl std::error::Error for CallbackError {}

/// Checks a callback against the login that waits for it.
///
/// # Errors
/// [`CallbackError`]; whether the wait goes on is its advice.
pub fn check(callback: &Callback, expected: &Expected<'_>) -> Result<CheckedCallback, Box<CallbackError>> {
    let parameters = match callback_source::arrived(callback, expected)? {
        Arrived::BareCode(code) => return Ok(CheckedCallback { code }),
        Arrived::Parameters(parameters) => parameters,
    };
    check_state(&parameters, callback.source, expected)?;
    if let Some(name) = ["code", "error", "iss"].into_iter().find(|name| is_repeated(&parameters, name)) {
        return Err(ending(
            Class::DuplicateParam,
            Some(name),
            text::joined(&["the server's response has ", name, " twice"]),
        ));
    }
    let iss_is_missing = check_issuer(&parameters, expected)?;
    if let Some(error) = given(&parameters, "error") {
        return Err(server_error(error, given(&parameters, "error_description"), iss_is_missing));
    }
    if iss_is_missing {
        return Err(missing_issuer(callback.source));
    }
    check_kind(&parameters)?;
    checked_code(&parameters).map(|code| CheckedCallback { code })
}

/// The answer to a request that comes after a callback was accepted: the code is not looked at again.
#[must_use]
pub fn late(callback: &Callback, expected: &Expected<'_>) -> Box<CallbackError> {
    let Err(error) = callback_source::arrived(callback, expected) else {
        let detail = "this login already has its answer; this page can be closed".to_owned();
        let mut error = waiting(Class::AlreadyDone, detail);
        error.http_status = 200;
        return error;
    };
    error
}

fn check_state(
    parameters: &Parameters,
    source: CallbackSource,
    expected: &Expected<'_>,
) -> Result<(), Box<CallbackError>> {
    if is_repeated(parameters, "state") {
        let detail = "a response with state twice was ignored";
        let mut error = stray(Class::DuplicateParam, source, detail);
        error.code = Some("state".to_owned());
        return Err(error);
    }
    let matches = only(parameters, "state").is_some_and(|state| Secret::from(state) == *expected.state);
    if matches && !expected.state.is_empty() {
        return Ok(());
    }
    let told = given(parameters, "error").map(|error| text::joined(&["; it reported ", &text::for_people(error)]));
    let detail = match source {
        CallbackSource::Pasted => "that is not the answer to this login (its state differs): paste the whole address \
             that the browser shows after this login's page"
            .to_owned(),
        CallbackSource::Listening | CallbackSource::OneShot => {
            text::joined(&["a response whose state is not this login's was not taken", &told.unwrap_or_default()])
        }
    };
    Err(stray(Class::StateMismatch, source, detail))
}

/// Compares `iss` as a string (RFC 9207 section 2.4). True when the server promised one and sent none.
fn check_issuer(parameters: &Parameters, expected: &Expected<'_>) -> Result<bool, Box<CallbackError>> {
    let Some(iss) = given(parameters, "iss") else { return Ok(expected.iss_required) };
    let is_expected = match expected.issuer {
        Some(issuer) => issuer == iss,
        None => !expected.iss_required,
    };
    if is_expected {
        return Ok(false);
    }
    let detail = "the response comes from another authorization server than the one that was asked (iss differs): the \
         login was ended, its code is sent nowhere";
    Err(ending(Class::IssMismatch, None, detail))
}

fn missing_issuer(source: CallbackSource) -> Box<CallbackError> {
    let detail = "the server promises to name itself (iss), and this response does not";
    let mut error = match source {
        CallbackSource::Pasted => {
            stray(Class::IssMismatch, source, text::joined(&[detail, ": paste the whole address"]))
        }
        CallbackSource::Listening | CallbackSource::OneShot => ending(Class::IssMismatch, None, detail),
    };
    error.code = Some("missing".to_owned());
    error
}

fn server_error(error: &str, description: Option<&str>, iss_is_missing: bool) -> Box<CallbackError> {
    let code = text::name_for_people(error);
    let advice = match error_code::meaning(error) {
        Meaning::Config | Meaning::Vague => Advice::FixConfig,
        Meaning::Dead => Advice::RestartFlow,
        Meaning::Denied => Advice::TellUser,
        Meaning::Interaction => Advice::Reauthenticate,
        Meaning::Nonce | Meaning::Unknown => Advice::Surface,
        Meaning::Transient => Advice::RetryLater,
    };
    let description = description.map(text::for_people).filter(|text| !text.is_empty() && !iss_is_missing);
    let detail = match description {
        Some(description) => text::joined(&["the server ended the login with ", &code, ": ", &description]),
        None => text::joined(&["the server ended the login with ", &code]),
    };
    let mut ended = ending(Class::OauthError, None, detail);
    ended.advice = advice;
    ended.code = error_code::usable(error);
    ended
}

fn check_kind(parameters: &Parameters) -> Result<(), Box<CallbackError>> {
    for (name, kind) in [("response", "jarm"), ("access_token", "implicit"), ("id_token", "implicit")] {
        if has(parameters, name) {
            let detail = text::joined(&["the server sent a response of a kind that was not asked for (", name, ")"]);
            return Err(ending(Class::UnsupportedResponse, Some(kind), detail));
        }
    }
    Ok(())
}

fn checked_code(parameters: &Parameters) -> Result<Secret, Box<CallbackError>> {
    let Some(code) = given(parameters, "code") else {
        return Err(ending(Class::Malformed, None, "the server's response has neither code nor error"));
    };
    if !is_code(code) {
        let detail = "the server's response has a code with characters that no code has";
        return Err(ending(Class::Malformed, None, detail));
    }
    Ok(Secret::from(code))
}

/// `code` of RFC 6749 appendix A.11.
pub(crate) fn is_code(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| matches!(byte, 0x20..=0x7e))
}

/// What anyone could have sent: it ends only a wait that gets a single answer.
#[inline(never)]
pub(crate) fn stray(class: Class, source: CallbackSource, detail: impl Into<String>) -> Box<CallbackError> {
    match source {
        CallbackSource::Listening | CallbackSource::Pasted => waiting(class, detail.into()),
        CallbackSource::OneShot => ending(class, None, detail),
    }
}

fn waiting(class: Class, detail: String) -> Box<CallbackError> {
    Box::new(CallbackError { class, code: None, advice: Advice::KeepWaiting, detail, http_status: status(class) })
}

#[inline(never)]
pub(crate) fn ending(class: Class, code: Option<&str>, detail: impl Into<String>) -> Box<CallbackError> {
    let code = code.map(str::to_owned);
    let (detail, http_status) = (detail.into(), status(class));
    Box::new(CallbackError { class, code, advice: Advice::AbortFlow, detail, http_status })
}

fn status(class: Class) -> u16 {
    const STATUSES: [(Class, u16); 3] = [(Class::NotACallback, 404), (Class::BadMethod, 405), (Class::BadHost, 421)];
    STATUSES.iter().find(|(of, _)| *of == class).map_or(400, |(_, status)| *status)
}

/// The value of the first parameter of that name, when it is not empty.
fn given<'p>(parameters: &'p Parameters, name: &str) -> Option<&'p str> {
    let first = parameters.iter().find(|(key, _)| key == name);
    first.map(|(_, value)| value.as_str()).filter(|value| !value.is_empty())
}

fn has(parameters: &Parameters, name: &str) -> bool {
    parameters.iter().any(|(key, value)| key == name && !value.is_empty())
}

fn is_repeated(parameters: &Parameters, name: &str) -> bool {
    parameters.iter().filter(|(key, _)| key == name).count() > 1
}

fn only<'p>(parameters: &'p Parameters, name: &str) -> Option<&'p str> {
    if is_repeated(parameters, name) {
        return None;
    }
    parameters.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
}

#[cfg(test)]
#[path = "callback_tests.rs"]
mod tests;
