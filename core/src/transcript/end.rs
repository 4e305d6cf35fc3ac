//! How a run ended, in a transcript: what the caller got without its tokens, or the failure.

use serde::Serialize;

use crate::error::Failure;
use crate::flow::LoggedIn;
use crate::flow::login::LoginNote;
use crate::lifecycle::record::{LoginId, Record};
use crate::lifecycle::{LoggedOut, Revoked, Token, TokenNote};
use crate::moment::UnixMillis;
use crate::named::Named;

/// The last line of a transcript.
#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum End {
    Failed(Box<Failure>),
    LoggedIn {
        record: Box<Shown>,
        replaced: bool,
        notes: Vec<LoginRemark>,
    },
    LoggedOut(LoggedOut),
    Token {
        record: Box<Shown>,
        notes: Vec<TokenRemark>,
    },
    /// The recording stopped while an action stood.
    Unfinished,
}

/// What a flow ends with, shown.
pub(super) trait Ends {
    fn end(&self) -> End;
}

/// A record without its tokens.
#[derive(Debug, Serialize)]
pub(super) struct Shown {
    login_id: LoginId,
    generation: u64,
    token_type: String,
    renewable: bool,
    scopes: Option<Vec<String>>,
    claims: Named<String>,
    expires_at: Option<UnixMillis>,
    due_at: Option<UnixMillis>,
    renewed_at: UnixMillis,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum LoginRemark {
    NoRefreshToken,
    ScopesMissing(Vec<String>),
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum TokenRemark {
    NotRenewed(Box<Failure>),
    NotSaved(Box<Failure>),
    ShortLived,
}

impl End {
    pub(super) fn of<O: Ends>(end: &Result<O, Box<Failure>>) -> End {
        match end {
            Ok(output) => output.end(),
            Err(failure) => End::Failed(Box::new(failure.shared())),
        }
    }

    /// What must be alike in a run and in its redacted twin: everything but texts and values.
    pub(super) fn kind(&self) -> String {
        match self {
            End::Failed(failure) => failed(failure),
            End::LoggedIn { replaced, notes, .. } => {
                let notes = notes.iter().map(|note| match note {
                    LoginRemark::NoRefreshToken => ", without a refresh token",
                    LoginRemark::ScopesMissing(_) => ", with scopes missing",
                });
                let replaced = if *replaced { ", in place of another login" } else { "" };
                format!("logged in{replaced}{}", notes.collect::<String>())
            }
            End::LoggedOut(end) => {
                let who = if end.claims.is_some() { "logged out" } else { "nobody was logged in" };
                let revoked = match end.revoked {
                    Revoked::Confirmed => "revoked",
                    Revoked::NotConfirmed { .. } => "not known to be revoked",
                    Revoked::NotTried => "not revoked",
                };
                format!("{who}, {revoked}")
            }
            End::Token { notes, .. } => {
                let notes = notes.iter().map(|note| match note {
                    TokenRemark::NotRenewed(failure) => format!(", not renewed ({})", failed(failure)),
                    TokenRemark::NotSaved(failure) => format!(", not saved ({})", failed(failure)),
                    TokenRemark::ShortLived => ", short-lived".to_owned(),
                });
                format!("a token{}", notes.collect::<String>())
            }
            End::Unfinished => "unfinished".to_owned(),
        }
    }
}

fn failed(failure: &Failure) -> String {
    format!("failed {}: {:?}", failure.step.name(), failure.kind)
}

impl Ends for LoggedIn {
    fn end(&self) -> End {
        let remark = |note: &LoginNote| match note {
            LoginNote::NoRefreshToken => LoginRemark::NoRefreshToken,
            LoginNote::ScopesMissing(scopes) => LoginRemark::ScopesMissing(scopes.clone()),
        };
        End::LoggedIn {
            record: Shown::of(&self.record),
            replaced: self.replaced.is_some(),
            notes: self.notes.iter().map(remark).collect(),
        }
    }
}

impl Ends for LoggedOut {
    fn end(&self) -> End {
        End::LoggedOut(self.clone())
    }
}

impl Ends for Token {
    fn end(&self) -> End {
        let remark = |note: &TokenNote| match note {
            TokenNote::NotRenewed(failure) => TokenRemark::NotRenewed(Box::new(failure.shared())),
            TokenNote::NotSaved(failure) => TokenRemark::NotSaved(Box::new(failure.shared())),
            TokenNote::ShortLived => TokenRemark::ShortLived,
        };
        End::Token { record: Shown::of(&self.record), notes: self.notes.iter().map(remark).collect() }
    }
}

impl Shown {
    fn of(record: &Record) -> Box<Self> {
        Box::new(Shown {
            login_id: record.login_id.clone(),
            generation: record.generation,
            token_type: record.token_type.clone(),
            renewable: record.refresh_token.is_some(),
            scopes: record.scopes.clone(),
            claims: record.claims.clone(),
            expires_at: record.expires_at,
            due_at: record.due_at,
            renewed_at: record.renewed_at,
        })
    }
}
