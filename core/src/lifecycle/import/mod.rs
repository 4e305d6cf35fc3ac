//! Logins that other programs keep, read from the JSON that they write. What is in it is foreign: it is checked before it
//! becomes a login, and no error quotes it.

mod aether;
mod codex;
mod gcloud;

use std::fmt;

use crate::config::{Config, Server};
use crate::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use crate::lifecycle::{identity, policy};
use crate::moment::{Moment, UnixMillis};
use crate::named::Named;
use crate::secret::Secret;
use crate::wire::{jwt, text};

/// What another program keeps of a login. `Debug` shows no secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ForeignLogin {
    /// The client that it belongs to; `None`: the one that the program has for everybody.
    pub client_id: Option<String>,
    /// The secret of that client, where the program keeps it beside the tokens.
    pub client_secret: Option<Secret>,
    /// The access token; `None`: the first renewal brings one.
    pub access_token: Option<Secret>,
    /// The refresh token.
    pub refresh_token: Option<Secret>,
    /// The ID token: only read for who is logged in.
    pub id_token: Option<Secret>,
    /// When the access token dies, in milliseconds since 1970.
    pub expires_at: Option<UnixMillis>,
    /// The granted scopes.
    pub scopes: Option<Vec<String>>,
    /// Who is logged in, as far as the program says it beside the tokens.
    pub claims: Named<String>,
}

/// Why what another program keeps does not become a login. Quotes nothing of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotImported {
    /// It is not JSON of that form.
    Invalid {
        /// Where it stops being so.
        line: usize,
        /// In that line.
        column: usize,
    },
    /// The configuration does not know the server's endpoints: no such login names them.
    NoEndpoints,
    /// It belongs to another client than the configuration names.
    OtherClient {
        /// That client.
        found: String,
    },
    /// It is of that form, and not the login of a person.
    OtherKind {
        /// What it is, for people.
        what: String,
    },
    /// What is in this member can be no token, or no name.
    Unfit(&'static str),
}

impl fmt::Display for NotImported {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotImported::Invalid { line, column } => write!(f, "invalid credential: line {line}, column {column}"),
            NotImported::NoEndpoints => f.write_str("a provider with known endpoints is needed to import a credential"),
            NotImported::OtherClient { found } => write!(f, "the credential belongs to the client {found}"),
            NotImported::OtherKind { what } => f.write_str(what),
            NotImported::Unfit(member) => {
                write!(f, "invalid credential: its `{member}` is empty, or no text of one line")
            }
        }
    }
}

impl std::error::Error for NotImported {}

impl From<serde_json::Error> for NotImported {
    /// Line and column only: what serde_json quotes may be a token.
    fn from(error: serde_json::Error) -> Self {
        NotImported::Invalid { line: error.line(), column: error.column() }
    }
}

impl Record {
    /// The login as a record of its own. Two owners of one rotating refresh token end in a logout: the program that kept
    /// it must not use it any more.
    ///
    /// # Errors
    /// See [`NotImported`].
    pub fn import(login: ForeignLogin, config: &Config, moment: &Moment) -> Result<Record, NotImported> {
        let Server::Known(endpoints) = &config.server else { return Err(NotImported::NoEndpoints) };
        check(&login)?;
        if let Some(found) = login.client_id.filter(|found| *found != config.client.id) {
            return Err(NotImported::OtherClient { found: text::name_for_people(&found) });
        }
        // Without a token there is nothing to lend: it counts as dead by now.
        let (access_token, expires_at) = match login.access_token {
            Some(token) => {
                let read = || config.provider.expiry_from_jwt.then(|| expiry(&token)).flatten();
                let expires_at = login.expires_at.or_else(read);
                (token, expires_at)
            }
            None => (Secret::default(), Some(moment.now)),
        };
        let life = expires_at.map(|end| end.since(moment.now));
        let (_, due_at) = life.map(|life| policy::lifetime(moment, moment.now, life)).unzip();
        let mut claims = login.claims;
        claims.extend(identity::read(&config.provider, &access_token, login.id_token.as_ref()));
        Ok(Record {
            format: RECORD_FORMAT,
            login_id: LoginId(moment.draw_text("login id")),
            generation: 1,
            client_id: config.client.id.clone(),
            issuer: config.provider.issuer.clone(),
            token_endpoint: endpoints.token.clone(),
            revocation_endpoint: endpoints.revocation.clone(),
            mark: Mark::LoggedIn,
            claims,
            access_token,
            token_type: "Bearer".to_owned(),
            refresh_token: login.refresh_token,
            scopes: login.scopes,
            resources: config.resources.clone(),
            expires_at,
            due_at,
            renewed_at: moment.now,
            renewed_from: None,
            renewed_for_rejection: false,
            unknown: Unknown::default(),
        })
    }
}

/// Nothing that could break out of a header, a form or a line on a terminal.
fn check(login: &ForeignLogin) -> Result<(), NotImported> {
    let is_token = |token: &Secret| !token.is_empty() && token.expose().bytes().all(|byte| byte.is_ascii_graphic());
    let is_line = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
    let checks = [
        ("access_token", login.access_token.as_ref().is_none_or(is_token)),
        ("refresh_token", login.refresh_token.as_ref().is_none_or(is_token)),
        ("client_id", login.client_id.as_deref().is_none_or(is_line)),
        ("client_secret", login.client_secret.as_ref().is_none_or(|secret| is_line(secret.expose()))),
        ("granted_scopes", login.scopes.iter().flatten().all(|scope| is_line(scope))),
    ];
    checks.into_iter().find(|(_, fits)| !fits).map_or(Ok(()), |(member, _)| Err(NotImported::Unfit(member)))
}

/// When a JWT says that it dies.
fn expiry(access_token: &Secret) -> Option<UnixMillis> {
    let exp = jwt::claims(access_token.expose()).ok()?.number(&["exp"])?;
    Some(UnixMillis(exp.saturating_mul(1_000)))
}

/// Programs write an empty text for what they do not have.
fn unless_empty(secret: Option<Secret>) -> Option<Secret> {
    secret.filter(|secret| !secret.is_empty())
}

#[cfg(test)]
#[path = "tests.rs"]
mod tests;
