//! How a run ended, in a transcript: what the caller got without its tokens, or the failure.

use crate::error::Failure;
use crate::flow::LoggedIn;
use crate::flow::login::LoginNote;
use crate::json::{ToJson, Writer};
use crate::lifecycle::record::{LoginId, Record};
use crate::lifecycle::{LoggedOut, Revoked, Token, TokenNote};
use crate::moment::UnixMillis;
use crate::named::Named;

/// The last line of a transcript: what a driver may show of an end, too.
#[derive(Debug)]
pub enum End {
    /// The flow missed its goal.
    Failed(Box<Failure>),
    /// A login stands.
    LoggedIn {
        /// What was saved.
        record: Box<Shown>,
        /// Whether another login stood there before.
        replaced: bool,
        /// What the person may want to know.
        notes: Vec<LoginRemark>,
    },
    /// A login is over.
    LoggedOut(LoggedOut),
    /// A usable token.
    Token {
        /// The record it comes from.
        record: Box<Shown>,
        /// What the caller may want to know.
        notes: Vec<TokenRemark>,
    },
    /// The recording stopped while an action stood.
    Unfinished,
}

/// What a flow ends with, and how it is shown without its tokens.
pub trait Ends {
    /// The end of a flow that reached its goal.
    fn end(&self) -> End;
}

/// A record without its tokens: for its members see [`Record`].
#[derive(Debug)]
pub struct Shown {
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

/// A [`LoginNote`], as it is written.
#[derive(Debug)]
pub enum LoginRemark {
    /// The login ends with its access token.
    NoRefreshToken,
    /// Scopes that were asked for and not granted.
    ScopesMissing(Vec<String>),
}

/// A [`TokenNote`], as it is written.
#[derive(Debug)]
pub enum TokenRemark {
    /// It should be renewed, and could not be.
    NotRenewed(Box<Failure>),
    /// It was renewed, and could not be saved.
    NotSaved(Box<Failure>),
    /// It was renewed a moment ago, and lives shorter than was asked for.
    ShortLived,
}

impl End {
    /// Shows an end, of either kind.
    #[must_use]
    pub fn of<O: Ends>(end: &Result<O, Box<Failure>>) -> End {
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

impl ToJson for End {
    fn to_json(&self, out: &mut Writer) {
        match self {
            End::Failed(failure) => out.only_member("failed", failure),
            End::LoggedIn { record, replaced, notes } => {
                out.open('{');
                out.name("logged_in");
                out.open('{');
                out.member("record", record);
                out.member("replaced", replaced);
                out.member("notes", notes);
                out.close('}');
                out.close('}');
            }
            End::LoggedOut(end) => out.only_member("logged_out", end),
            End::Token { record, notes } => {
                out.open('{');
                out.name("token");
                out.open('{');
                out.member("record", record);
                out.member("notes", notes);
                out.close('}');
                out.close('}');
            }
            End::Unfinished => out.text("unfinished"),
        }
    }
}

impl ToJson for Shown {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.member("login_id", &self.login_id);
        out.member("generation", &self.generation);
        out.member("token_type", &self.token_type);
        out.member("renewable", &self.renewable);
        out.member("scopes", &self.scopes);
        out.member("claims", &self.claims);
        out.member("expires_at", &self.expires_at);
        out.member("due_at", &self.due_at);
        out.member("renewed_at", &self.renewed_at);
        out.close('}');
    }
}

impl ToJson for LoginRemark {
    fn to_json(&self, out: &mut Writer) {
        match self {
            LoginRemark::NoRefreshToken => out.text("no_refresh_token"),
            LoginRemark::ScopesMissing(scopes) => out.only_member("scopes_missing", scopes),
        }
    }
}

impl ToJson for TokenRemark {
    fn to_json(&self, out: &mut Writer) {
        match self {
            TokenRemark::NotRenewed(failure) => out.only_member("not_renewed", failure),
            TokenRemark::NotSaved(failure) => out.only_member("not_saved", failure),
            TokenRemark::ShortLived => out.text("short_lived"),
        }
    }
}

impl ToJson for LoggedOut {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.member("claims", &self.claims);
        out.member("revoked", &self.revoked);
        out.close('}');
    }
}

impl ToJson for Revoked {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.name("revoked");
        match self {
            Revoked::Confirmed => out.text("confirmed"),
            Revoked::NotConfirmed { why } => {
                out.text("not_confirmed");
                out.member("why", why);
            }
            Revoked::NotTried => out.text("not_tried"),
        }
        out.close('}');
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
