//! Judges an answer of a token endpoint that holds no usable tokens.

use crate::http::HttpAnswer;
use crate::secret::Secret;
use crate::wire::body::{self, Unreadable};
use crate::wire::class::{Advice, Class};
use crate::wire::error_code::{self, Meaning, Stated};
use crate::wire::json::Members;
use crate::wire::token_error::{AnswerError, Fate};
use crate::wire::token_options::{Grant, TokenContext};
use crate::wire::{form, pieces, refusal, seconds, text};

/// How often one exchange is repeated with a nonce: once because the server wants one, once more because it rotated its
/// nonce in between. More would be a loop.
const MAX_NONCE_RETRIES: u32 = 2;

/// The shortest secret that is looked for in a server's text: shorter ones would garble every sentence.
const SHORTEST_ECHO: usize = 4;

/// An answer, and what is known about the request.
#[derive(Clone, Copy)]
pub(crate) struct Judge<'a> {
    pub(crate) answer: &'a HttpAnswer,
    pub(crate) context: &'a TokenContext<'a>,
}

impl Judge<'_> {
    /// An answer that is not 2xx.
    pub(crate) fn failure(&self) -> Box<AnswerError> {
        if (300..400).contains(&self.answer.status) {
            return self.redirect();
        }
        let text = body::text(self.answer).unwrap_or_default();
        let label = self.answer.header("content-type");
        match body::members(&text, label) {
            Ok(members) => self.stated_failure(&members, &text),
            Err(_) if body::is_html(&text, label) => self.http(None, "", None, true),
            Err(Unreadable::Json(_)) => self.http(Some(&text), "", None, false),
            Err(Unreadable::Empty | Unreadable::NeitherJsonNorForm) => self.http(Some(&text), &text, None, false),
        }
    }

    /// An error code beside a 2xx, or in place of the tokens.
    pub(crate) fn oauth_error(&self, code: Option<String>, members: &Members<'_>) -> Box<AnswerError> {
        let words = error_code::words(members);
        let (advice, refused) = self.advise(code.as_deref(), &words, false);
        let provider = code.as_deref().and_then(|code| self.context.refusal_codes.get(code));
        let code = code.map(|code| self.hiding(&code));
        let said = error_code::sentence(members).unwrap_or_default();
        let detail = match (&code, said.is_empty()) {
            (Some(code), true) => code.clone(),
            (Some(code), false) => text::joined(&[code, ": ", &self.shown(&said)]),
            (None, true) => "an error without a code".to_owned(),
            (None, false) => self.shown(&said),
        };
        let detail =
            text::joined(&["the token endpoint answered ", &text::decimal(self.answer.status), " with ", &detail]);
        let mut error = self.error(Class::OauthError, advice, detail, Some(members));
        error.code = code;
        error.refused = refused;
        error.text = provider.map(|meaning| meaning.text.clone());
        error.fate = if refused { Fate::Refused } else { self.fate(advice == Advice::RetryLater) };
        error
    }

    /// A 2xx that breaks the form of a token answer.
    pub(crate) fn malformed(&self, why: &str, members: Option<&Members<'_>>) -> Box<AnswerError> {
        let said = members.and_then(error_code::sentence).map(|said| text::joined(&[": ", &self.shown(&said)]));
        let detail = text::joined(&["the token answer cannot be used: ", why, &said.unwrap_or_default()]);
        self.error(Class::Malformed, self.unusable(), detail, members)
    }

    /// A 2xx whose body has no members.
    pub(crate) fn unreadable(&self, why: Unreadable, body: &str) -> Box<AnswerError> {
        let excerpt = if body.is_empty() { String::new() } else { text::joined(&[": ", &self.shown(body)]) };
        self.malformed(&text::joined(&[why.as_str(), &excerpt]), None)
    }

    /// A 2xx with more bytes than the limit.
    pub(crate) fn too_large(&self) -> Box<AnswerError> {
        let detail = "the token answer is larger than 1 MiB".to_owned();
        self.error(Class::TooLarge, self.unusable(), detail, None)
    }

    /// An error without code, provider text and nonce.
    pub(crate) fn error(
        &self,
        class: Class,
        advice: Advice,
        detail: String,
        members: Option<&Members<'_>>,
    ) -> Box<AnswerError> {
        Box::new(AnswerError {
            class,
            code: None,
            advice,
            status: Some(self.answer.status),
            retry_after: seconds::retry_after(self.answer, members),
            dpop_nonce: dpop_nonce(self.answer),
            detail,
            text: None,
            kept_refresh_token: None,
            refused: false,
            fate: self.fate(false),
        })
    }

    /// A text of the server's, fit for people: cleaned, and without the secrets that were sent.
    pub(crate) fn shown(&self, said: &str) -> String {
        text::for_people(&self.hiding(said))
    }

    fn hiding(&self, said: &str) -> String {
        let mut secrets = self.context.sent.clone();
        let mut said = said.to_owned();
        // A secret may begin with another one: the longer goes first, or its end would stay.
        while let Some(longest) = (0..secrets.len()).max_by_key(|at| secrets[*at].len()) {
            let secret = secrets.swap_remove(longest);
            if secret.len() >= SHORTEST_ECHO {
                said = without(&said, secret);
            }
        }
        said
    }

    fn stated_failure(&self, members: &Members<'_>, body: &str) -> Box<AnswerError> {
        let transient = self.is_transient_status();
        if !transient && let Some(name) = members.repeated("error") {
            let mut error = self.malformed(&text::joined(&["it has ", name, " twice"]), None);
            error.advice = Advice::Surface;
            return error;
        }
        let known = |code: &str| self.context.refusal_codes.contains_key(code);
        match error_code::stated(members) {
            Stated::Code(code) => self.oauth_error(code, members),
            Stated::Nothing | Stated::Object => match error_code::elsewhere(members, &known) {
                Some(code) => self.oauth_error(Some(code), members),
                None => {
                    let said = error_code::sentence(members).or_else(|| may_be_shown(body).then(|| body.to_owned()));
                    self.http(said.as_deref(), &error_code::words(members), Some(members), false)
                }
            },
        }
    }

    fn http(&self, said: Option<&str>, words: &str, members: Option<&Members<'_>>, html: bool) -> Box<AnswerError> {
        let (advice, refused) = self.advise(None, words, html);
        let said = said.filter(|said| !said.is_empty()).map(|said| text::joined(&[": ", &self.shown(said)]));
        let page = if html { " with a page for people" } else { "" };
        let detail = text::joined(&[
            "the token endpoint answered ",
            &text::decimal(self.answer.status),
            page,
            &said.unwrap_or_default(),
        ]);
        let mut error = self.error(Class::Http, advice, detail, members);
        error.refused = refused;
        if refused {
            error.fate = Fate::Refused;
        }
        error
    }

    fn redirect(&self) -> Box<AnswerError> {
        let target = self.answer.header("location").map_or_else(|| "nowhere".to_owned(), location);
        let detail = text::joined(&[
            "the token endpoint answered ",
            &text::decimal(self.answer.status),
            " to ",
            &target,
            "; redirects are never followed: configure the final address",
        ]);
        self.error(Class::Redirect, Advice::FixConfig, detail, None)
    }

    /// What to do, and whether the refresh token was refused.
    fn advise(&self, code: Option<&str>, words: &str, html: bool) -> (Advice, bool) {
        let status = self.answer.status;
        if self.is_transient_status() {
            let lost = status == 504 && self.is_refresh();
            return (if lost { Advice::Uncertain } else { Advice::RetryLater }, false);
        }
        let answered = matches!(status, 200..=299 | 400..=499);
        if let Some(provider) = code.and_then(|code| self.context.refusal_codes.get(code)) {
            return (provider.advice, answered && self.is_refresh() && provider.advice == Advice::Reauthenticate);
        }
        let meaning = code.map_or(Meaning::Unknown, error_code::meaning);
        if answered && self.is_refresh() && self.is_refused(meaning, words) {
            return (Advice::Reauthenticate, true);
        }
        let advice = match meaning {
            Meaning::Config => Advice::FixConfig,
            Meaning::Dead | Meaning::Interaction => Advice::RestartFlow,
            Meaning::Denied => Advice::TellUser,
            Meaning::Nonce => self.advise_nonce(),
            Meaning::Transient => Advice::RetryLater,
            Meaning::Unknown => advise_by_status(status, html),
            Meaning::Vague => self.advise_vague(words),
        };
        (advice, false)
    }

    fn is_refused(&self, meaning: Meaning, words: &str) -> bool {
        match meaning {
            Meaning::Dead | Meaning::Interaction => true,
            Meaning::Denied | Meaning::Unknown | Meaning::Vague => {
                matches!(self.answer.status, 400 | 401 | 403) && refusal::refuses_the_token(&self.hiding(words))
            }
            Meaning::Config | Meaning::Nonce | Meaning::Transient => false,
        }
    }

    fn advise_nonce(&self) -> Advice {
        let again = self.context.nonce_retries_done < MAX_NONCE_RETRIES && dpop_nonce(self.answer).is_some();
        if again { Advice::RetryWithNonce } else { Advice::Surface }
    }

    /// A verifier that does not match: a new login makes a new one.
    fn advise_vague(&self, words: &str) -> Advice {
        let words = words.to_ascii_lowercase();
        let words: String = words.chars().map(|one| if matches!(one, '_' | '-') { ' ' } else { one }).collect();
        let about_pkce = ["pkce", "verifier", "code challenge"].iter().any(|word| pieces::has(&words, word));
        if about_pkce && !self.is_refresh() { Advice::RestartFlow } else { Advice::FixConfig }
    }

    fn unusable(&self) -> Advice {
        if self.is_refresh() { Advice::Uncertain } else { Advice::Surface }
    }

    fn fate(&self, passing: bool) -> Fate {
        match self.answer.status {
            200..=299 if passing => Fate::ServerTrouble,
            200..=299 | 502 | 504 => Fate::Unknown,
            300..=499 => Fate::AnsweredOtherwise,
            500..=599 => Fate::ServerTrouble,
            _ => Fate::Unknown,
        }
    }

    fn is_transient_status(&self) -> bool {
        matches!(self.answer.status, 408 | 425 | 429 | 500..=599)
    }

    fn is_refresh(&self) -> bool {
        matches!(self.context.grant, Grant::Refresh)
    }
}

/// For answers whose code, if any, is not in the table.
fn advise_by_status(status: u16, html: bool) -> Advice {
    match status {
        // A page in place of an answer comes from a firewall or a captive portal: it passes.
        403 if html => Advice::RetryLater,
        401 | 404 | 405 | 406 | 407 | 410 | 411 | 413 | 414 | 415 | 421 | 426 | 431 => Advice::FixConfig,
        _ => Advice::Surface,
    }
}

/// Whether the body of an error may stand in for a sentence: not when it seems to bring tokens.
fn may_be_shown(body: &str) -> bool {
    let lower = body.to_ascii_lowercase();
    ["access_token", "accesstoken", "id_token", "idtoken", "refresh_token", "refreshtoken"]
        .iter()
        .all(|name| !pieces::has(&lower, name))
}

/// The nonce of an answer, when it is one: exactly one header, of the characters of RFC 9449 section 8.1.
pub(crate) fn dpop_nonce(answer: &HttpAnswer) -> Option<String> {
    let mut nonces = answer.headers.iter().filter(|(name, _)| name == "dpop-nonce").map(|(_, value)| value);
    let nonce = nonces.next().filter(|_| nonces.next().is_none())?;
    let fits = !nonce.is_empty() && nonce.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
    fits.then(|| nonce.clone())
}

/// Where a redirect leads, without query and user: both may hold secrets.
fn location(target: &str) -> String {
    let target = pieces::split(target, "?#").next().unwrap_or_default();
    let shown = match (pieces::cut(target, "//"), pieces::cut_last(target, b'@')) {
        (Some((scheme, _)), Some((_, after))) => text::joined(&[scheme, "//", after]),
        (None, Some((_, after))) => after.to_owned(),
        (_, None) => target.to_owned(),
    };
    text::for_people(&shown)
}

/// The text without the secret, raw or percent-encoded.
fn without(said: &str, secret: &Secret) -> String {
    let mut encoded = String::new();
    form::encode_text(secret.expose(), &mut encoded);
    pieces::replaced(&pieces::replaced(said, secret.expose(), "[hidden]"), &encoded, "[hidden]")
}
