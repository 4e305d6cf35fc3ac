//! The answer of a token endpoint (RFC 6749 sections 5.1 and 5.2, RFC 8693, RFC 9449).
//!
//! Strict where a mistake would send a secret to the wrong place or in the wrong way, tolerant where strictness would
//! lose tokens that the server has already issued: advisory members are noted as [`Deviation`]s, never fatal.

use std::borrow::Cow;

use crate::http::HttpAnswer;
use crate::secret::Secret;
use crate::wire::class::{Advice, Class};
use crate::wire::error_code::{self, Stated};
use crate::wire::json::{Members, Value};
use crate::wire::pieces::{self, BLANKS};
use crate::wire::token_error::{AnswerError, Fate};
use crate::wire::token_options::{Dpop, Grant, MemberNames, TokenAnswerOptions, TokenContext};
use crate::wire::token_trouble::{Judge, dpop_nonce};
use crate::wire::{body, scope, seconds, text};

/// Members that may stand once only: a second one would let two readers see two answers.
const ONCE: &str = "access_token error expires_in id_token issued_token_type refresh_token scope token_type";

/// Tokens, as a server issued them.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Tokens {
    /// The access token: printable ASCII without a blank at either end, so that it fits a header.
    pub access_token: Secret,
    /// How it is sent.
    pub token_type: TokenType,
    /// How long it lives, in seconds from when the answer was received; `None` when unknown.
    pub expires_in: Option<u32>,
    /// The refresh token, verbatim; `None` when the answer had none, which on a refresh means: keep the old one.
    pub refresh_token: Option<Secret>,
    /// The granted scopes; `None` when not stated, empty when stated to be none.
    pub scopes: Option<Vec<String>>,
    /// The ID token, unread.
    pub id_token: Option<Secret>,
    /// The nonce for the next DPoP proof; `None` means: keep using the last one.
    pub dpop_nonce: Option<String>,
    /// What was odd about the answer and did no harm.
    pub deviations: Vec<Deviation>,
}

/// How an access token is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenType {
    /// `Authorization: Bearer` (RFC 6750).
    Bearer,
    /// `Authorization: DPoP` with a proof (RFC 9449).
    Dpop,
    /// Not an access token (RFC 8693 section 2.2.1).
    NotApplicable,
}

impl TokenType {
    /// The registered name.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            TokenType::Bearer => "Bearer",
            TokenType::Dpop => "DPoP",
            TokenType::NotApplicable => "N_A",
        }
    }
}

/// Something odd in an answer that was taken all the same.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Deviation {
    /// DPoP was asked for, and a bearer token came.
    BearerWithoutDpop,
    /// `error` was there, and said nothing.
    ErrorIgnored,
    /// `expires_in` could not be read: the lifetime is unknown.
    LifetimeUnreadable,
    /// `id_token` could not be read.
    IdTokenUnreadable,
    /// `refresh_token` could not be read: the old one, if any, is kept.
    RefreshTokenUnreadable,
    /// `scope`, or a part of it, could not be read.
    ScopeUnreadable,
    /// `token_type` was missing: Bearer was assumed.
    TokenTypeAssumed,
}

/// Reads an answer: tokens, or why there are none.
///
/// # Errors
/// [`AnswerError`] says what is wrong, what to do, and what happened to the grant that was sent.
pub fn read(answer: &HttpAnswer, context: &TokenContext<'_>) -> Result<Tokens, Box<AnswerError>> {
    let judge = Judge { answer, context };
    if !(200..300).contains(&answer.status) {
        return Err(judge.failure());
    }
    let Some(text) = body::text(answer) else { return Err(judge.too_large()) };
    let prefix = context.options.strip_prefix.as_deref().unwrap_or_default();
    let text = pieces::trim_start(text.strip_prefix(prefix).unwrap_or(&text), BLANKS);
    match body::members(text, answer.header("content-type")) {
        Ok(members) => Reader { judge, text, top: &members }.read(),
        Err(why) => Err(judge.unreadable(why, text)),
    }
}

struct Reader<'a> {
    judge: Judge<'a>,
    text: &'a str,
    top: &'a Members<'a>,
}

impl Reader<'_> {
    fn read(&self) -> Result<Tokens, Box<AnswerError>> {
        let options = self.judge.context.options;
        let members = renamed(at_root(self.top, options), options.member_names);
        if let Some(name) = self.top.repeated(ONCE).or_else(|| members.repeated(ONCE)) {
            return Err(self.saving(&members, self.judge.malformed(&text::joined(&["it has ", name, " twice"]), None)));
        }
        for place in [self.top, &members] {
            match error_code::stated(place) {
                Stated::Code(code) => return Err(self.saving(&members, self.stated(code, place))),
                Stated::Object => return Err(self.saving(&members, self.stated(None, place))),
                Stated::Nothing => (),
            }
        }
        self.tokens(&members).map_err(|error| self.saving(&members, error))
    }

    fn tokens(&self, members: &Members<'_>) -> Result<Tokens, Box<AnswerError>> {
        let access_token = self.access_token(members)?;
        if matches!(self.judge.context.grant, Grant::TokenExchange) && members.text("issued_token_type").is_none() {
            return Err(self.judge.malformed("it has no issued_token_type (RFC 8693 section 2.2.1)", None));
        }
        let mut deviations = Vec::new();
        let token_type = self.token_type(members, &mut deviations)?;
        let scopes = scope::read(members.get("scope"), self.judge.context.options.scope_separator.as_deref());
        let refresh_token = self.refresh_token(members);
        let expires_in = members.get("expires_in").and_then(seconds::lifetime);
        let id_token = members.text("id_token").map(Secret::from);
        let stated =
            |name: &str| members.get(name).is_some_and(|value| *value != Value::Null && value.as_text() != Some(""));
        for (odd, deviation) in [
            (members.get("error").is_some_and(|value| *value != Value::Null), Deviation::ErrorIgnored),
            (expires_in.is_none() && stated("expires_in"), Deviation::LifetimeUnreadable),
            (id_token.is_none() && stated("id_token"), Deviation::IdTokenUnreadable),
            (refresh_token.is_none() && stated("refresh_token"), Deviation::RefreshTokenUnreadable),
            (scopes.unreadable, Deviation::ScopeUnreadable),
        ] {
            if odd {
                deviations.push(deviation);
            }
        }
        let dpop_nonce = dpop_nonce(self.judge.answer);
        let scopes = scopes.scopes;
        Ok(Tokens { access_token, token_type, expires_in, refresh_token, scopes, id_token, dpop_nonce, deviations })
    }

    fn access_token(&self, members: &Members<'_>) -> Result<Secret, Box<AnswerError>> {
        let why = match members.get("access_token") {
            Some(Value::Text(token)) if is_access_token(token) => return Ok(Secret::from(&**token)),
            Some(Value::Text(token)) if token.is_empty() => "its access_token is empty",
            Some(Value::Text(_)) => "its access_token has characters that no header can carry",
            Some(Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                "its access_token is not text"
            }
            Some(Value::Null) | None => return Err(self.no_access_token(members)),
        };
        Err(self.judge.malformed(why, None))
    }

    fn no_access_token(&self, members: &Members<'_>) -> Box<AnswerError> {
        let known = |code: &str| self.judge.context.refusal_codes.contains_key(code);
        match error_code::elsewhere(self.top, &known) {
            Some(code) => self.stated(Some(code), self.top),
            None => self.judge.malformed("it has no access_token", Some(members)),
        }
    }

    /// RFC 6749 section 7.1: a token of a type that the client does not understand must not be used.
    fn token_type(
        &self,
        members: &Members<'_>,
        deviations: &mut Vec<Deviation>,
    ) -> Result<TokenType, Box<AnswerError>> {
        let dpop = self.judge.context.dpop;
        let stated = match members.get("token_type") {
            Some(Value::Text(name)) => pieces::trim(name, BLANKS),
            Some(Value::Null) | None => "",
            Some(Value::Array(_) | Value::Bool(_) | Value::Number(_) | Value::Object(_)) => {
                return Err(self.judge.malformed("its token_type is not text", None));
            }
        };
        let is = |name: &str| stated.eq_ignore_ascii_case(name);
        let aliases = &self.judge.context.options.token_type_aliases;
        let bearer = stated.is_empty() || is("Bearer") || aliases.iter().any(|alias| is(pieces::trim(alias, BLANKS)));
        if bearer && dpop == Dpop::Required {
            return Err(self.not_bound(stated));
        }
        if bearer {
            deviations.extend(stated.is_empty().then_some(Deviation::TokenTypeAssumed));
            deviations.extend((dpop == Dpop::Optional).then_some(Deviation::BearerWithoutDpop));
            return Ok(TokenType::Bearer);
        }
        match self.judge.context.grant {
            Grant::TokenExchange if is("N_A") => Ok(TokenType::NotApplicable),
            Grant::Code | Grant::Refresh | Grant::TokenExchange if is("DPoP") && dpop != Dpop::Off => {
                Ok(TokenType::Dpop)
            }
            Grant::Code | Grant::Refresh | Grant::TokenExchange => Err(self.unsupported(stated)),
        }
    }

    fn not_bound(&self, stated: &str) -> Box<AnswerError> {
        let detail = "the token answer is not bound to our key (DPoP was demanded): the token is dropped".to_owned();
        let mut error = self.judge.error(Class::TokenTypeMismatch, Advice::AbortFlow, detail, None);
        error.code = Some(self.judge.shown(stated)).filter(|code| !code.is_empty());
        error.fate = Fate::AnsweredOtherwise;
        error
    }

    fn unsupported(&self, stated: &str) -> Box<AnswerError> {
        let name = self.judge.shown(stated);
        let detail = text::joined(&[
            "the token has the type \"",
            &name,
            "\", which is not understood; if this provider means Bearer by it, name it in the option token_type_aliases",
        ]);
        let mut error = self.judge.error(Class::TokenTypeUnsupported, Advice::Surface, detail, None);
        error.code = Some(name);
        error.fate = Fate::AnsweredOtherwise;
        error
    }

    fn stated(&self, code: Option<String>, place: &Members<'_>) -> Box<AnswerError> {
        let mut error = self.judge.oauth_error(code, place);
        if error.fate == Fate::Unknown {
            error.fate = Fate::AnsweredOtherwise;
        }
        error
    }

    /// Whatever else is wrong, a readable refresh token must be saved; and a server that sent tokens has answered.
    fn saving(&self, members: &Members<'_>, mut error: Box<AnswerError>) -> Box<AnswerError> {
        let kept = self.refresh_token(members);
        let access = members.only("access_token").and_then(Value::as_text).is_some_and(is_access_token);
        if kept.is_none() && !access {
            return error;
        }
        error.refused &= kept.is_none();
        error.fate = if error.refused { Fate::Refused } else { Fate::AnsweredOtherwise };
        error.kept_refresh_token = kept;
        error
    }

    /// Any text that is not empty, verbatim. Where U+FFFD may stand for what was not text on the wire, the token could
    /// not be sent back truthfully.
    fn refresh_token(&self, members: &Members<'_>) -> Option<Secret> {
        let token = members.only("refresh_token").and_then(Value::as_text).filter(|token| !token.is_empty())?;
        let is_verbatim = !pieces::has(token, "\u{fffd}") || body::is_sound(self.judge.answer, self.text);
        is_verbatim.then(|| Secret::from(token))
    }
}

/// The object in which the tokens stand; without members when the pointer leads nowhere.
fn at_root<'a>(top: &Members<'a>, options: &TokenAnswerOptions) -> Members<'a> {
    let Some(pointer) = options.root.as_deref() else { return top.clone() };
    let steps =
        pieces::split(pointer, "/").skip(1).map(|step| pieces::replaced(&pieces::replaced(step, "~1", "/"), "~0", "~"));
    steps.fold(top.clone(), |members, step| members.only(&step).and_then(Value::as_object).unwrap_or_default())
}

fn renamed(mut members: Members<'_>, names: MemberNames) -> Members<'_> {
    if names == MemberNames::CamelCase {
        for (name, _) in &mut members.0 {
            let standard = match &**name {
                "accessToken" => "access_token",
                "expiresIn" => "expires_in",
                "idToken" => "id_token",
                "issuedTokenType" => "issued_token_type",
                "refreshToken" => "refresh_token",
                "tokenType" => "token_type",
                _ => continue,
            };
            *name = Cow::Borrowed(standard);
        }
    }
    members
}

/// `access-token` of RFC 6749 appendix A.12, without a blank at either end.
fn is_access_token(text: &str) -> bool {
    let printable = text.bytes().all(|byte| matches!(byte, 0x20..=0x7e));
    printable && !text.is_empty() && !text.starts_with(' ') && !text.ends_with(' ')
}

#[cfg(test)]
#[path = "token_tests.rs"]
mod tests;
