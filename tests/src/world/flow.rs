//! Any of the three flows, as a process runs it.

use tokenway_core::action::Action;
use tokenway_core::error::{Failure, Rejected};
use tokenway_core::event::{ActionId, Event};
use tokenway_core::flow::{LoggedIn, Login};
use tokenway_core::lifecycle::{GetToken, LoggedOut, Logout, Token};
use tokenway_core::moment::Moment;
use tokenway_core::session::{Progress, Session, Step};
use tokenway_core::snapshot::Snapshot;

/// A session of any flow.
#[derive(Clone)]
pub enum Flow {
    /// A request for a token.
    GetToken(Session<GetToken>),
    /// A login.
    Login(Session<Login>),
    /// A logout.
    Logout(Session<Logout>),
}

/// How a flow ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum End {
    /// A request for a token.
    GetToken(Result<Token, Box<Failure>>),
    /// A login.
    Login(Result<LoggedIn, Box<Failure>>),
    /// A logout.
    Logout(Result<LoggedOut, Box<Failure>>),
}

impl Flow {
    /// What it wants, while it runs.
    #[must_use]
    pub fn wants(&self) -> Option<(ActionId, Action)> {
        match self {
            Flow::GetToken(session) => wants(session),
            Flow::Login(session) => wants(session),
            Flow::Logout(session) => wants(session),
        }
    }

    pub(super) fn handle(&mut self, moment: Moment, event: Event) -> Result<Progress, Rejected> {
        match self {
            Flow::GetToken(session) => session.handle(moment, event),
            Flow::Login(session) => session.handle(moment, event),
            Flow::Logout(session) => session.handle(moment, event),
        }
    }

    /// How it ended.
    #[must_use]
    pub fn end(self) -> Option<End> {
        match self {
            Flow::GetToken(session) => session.into_end().map(End::GetToken),
            Flow::Login(session) => session.into_end().map(End::Login),
            Flow::Logout(session) => session.into_end().map(End::Logout),
        }
    }

    /// What a later process could go on with.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Snapshot> {
        match self {
            Flow::Login(session) => session.checkpoint(),
            Flow::GetToken(_) | Flow::Logout(_) => None,
        }
    }
}

fn wants<M: tokenway_core::machine::Machine>(session: &Session<M>) -> Option<(ActionId, Action)> {
    match session.poll() {
        Step::Act { id, action } => Some((id, action)),
        Step::Done(_) => None,
    }
}

impl End {
    /// Whether it reached its goal.
    #[must_use]
    pub fn is_ok(&self) -> bool {
        self.failure().is_none()
    }

    /// Why it did not reach its goal.
    #[must_use]
    pub fn failure(&self) -> Option<&Failure> {
        match self {
            End::GetToken(end) => end.as_ref().err().map(AsRef::as_ref),
            End::Login(end) => end.as_ref().err().map(AsRef::as_ref),
            End::Logout(end) => end.as_ref().err().map(AsRef::as_ref),
        }
    }

    /// The token that was asked for.
    ///
    /// # Panics
    /// If there is none.
    #[must_use]
    pub fn token(&self) -> &Token {
        match self {
            End::GetToken(Ok(token)) => token,
            End::GetToken(Err(_)) | End::Login(_) | End::Logout(_) => panic!("no token: {self:?}"),
        }
    }

    /// The failure of a flow that was to fail.
    ///
    /// # Panics
    /// If it succeeded.
    #[must_use]
    pub fn expect_failure(&self) -> &Failure {
        self.failure().unwrap_or_else(|| panic!("no failure: {self:?}"))
    }
}
