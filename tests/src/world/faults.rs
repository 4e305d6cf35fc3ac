//! What a network and a server in trouble do to one request.

use tokenway_core::http::{AnswerBody, HttpAnswer};
use tokenway_core::moment::{Millis, UnixMillis};

/// What happens to one request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Nothing bad.
    None,
    /// The server acts; its answer is lost, and the sender hears so after this long.
    AnswerLost(Millis),
    /// The request is lost on the way; the sender hears so after this long.
    RequestLost(Millis),
    /// The sender hears at its deadline that nobody knows; the request lands this long after it left.
    Late(Millis),
    /// Nothing leaves this machine.
    NotSent,
    /// Something on the way answers in the server's place.
    Answer(Reply),
    /// The server acts, and something on the way answers in its place.
    ActedAndAnswer(Reply),
}

/// What requests meet that have no fault of their own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Line {
    /// The server.
    Good,
    /// No route: nothing leaves.
    NoRoute,
    /// A hole: everything leaves, nothing arrives.
    Hole,
}

/// An answer as something on the way makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

impl Reply {
    /// A status with an OAuth error code.
    #[must_use]
    pub fn error(status: u16, code: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Reply { status, headers, body: format!("{{\"error\":\"{code}\"}}") }
    }

    /// A status with a text.
    #[must_use]
    pub fn text(status: u16, body: &str) -> Self {
        Reply { status, headers: vec![("content-type".to_owned(), "text/plain".to_owned())], body: body.to_owned() }
    }

    /// A status with a JSON text.
    #[must_use]
    pub fn json(status: u16, body: &str) -> Self {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Reply { status, headers, body: body.to_owned() }
    }

    /// One more header; its name in lower case.
    #[must_use]
    pub fn with_header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    pub(super) fn answer(&self, received_at: UnixMillis) -> HttpAnswer {
        let body = AnswerBody::new(self.body.clone().into_bytes());
        HttpAnswer { status: self.status, headers: self.headers.clone(), body, received_at }
    }
}
