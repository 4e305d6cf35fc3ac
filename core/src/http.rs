//! HTTP as the machine sees it: a request that a driver can perform alone, and what came back.

use serde::{Deserialize, Serialize};

use crate::action::LeaseNumber;
use crate::moment::{Millis, UnixMillis};
use crate::secret::{self, Secret};
use crate::wire::form;

/// The most bytes of a body that a driver reads: metadata of big providers is 20 KiB, tokens seldom pass 30 KiB.
pub const MAX_BODY: usize = 1024 * 1024;

/// The methods that OAuth endpoints use.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "UPPERCASE")]
pub enum Method {
    /// Some revocation dialects.
    Delete,
    /// Metadata and keys.
    Get,
    /// Everything else.
    Post,
}

/// One HTTP exchange. Redirects are never followed; the HTTP library never retries.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct HttpRequest {
    /// The method.
    pub method: Method,
    /// Absolute, `https`, or `http` on a loopback host.
    pub url: String,
    /// Names in lower case. `content-type` is implied by the body.
    pub headers: Vec<Header>,
    /// What is sent.
    pub body: Body,
    /// Spends something that can be spent once: never repeated by the HTTP library, no pooled connection, HTTP/1.
    pub single_use: bool,
    /// The bytes may not leave after this instant: the driver checks just before, and answers `NotSent`.
    pub not_after: Option<UnixMillis>,
    /// The lease that must still be held when the bytes leave, else `NotSent`.
    pub lease: Option<LeaseNumber>,
    /// The longest that the whole exchange may take.
    pub deadline: Millis,
}

/// A request header.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Header {
    /// Lower case.
    pub name: String,
    /// May be a credential (`authorization`), so always hidden.
    #[serde(with = "secret::exposed")]
    pub value: Secret,
}

/// The body of a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "model", derive(Hash))]
pub enum Body {
    /// No body.
    Empty,
    /// `application/x-www-form-urlencoded`, in this order.
    Form(Vec<FormField>),
    /// `application/json`, as written.
    Json(#[serde(with = "secret::exposed")] Secret),
}

/// A pair of a form.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct FormField {
    /// The parameter.
    pub name: String,
    /// Decoded; hidden, because some are tokens.
    #[serde(with = "secret::exposed")]
    pub value: Secret,
}

impl Body {
    /// The bytes to send, and their content type.
    #[must_use]
    pub fn encode(&self) -> Option<(&'static str, Secret)> {
        match self {
            Body::Empty => None,
            Body::Form(fields) => {
                let form = form::encode(fields.iter().map(|field| (&*field.name, field.value.expose())));
                Some(("application/x-www-form-urlencoded", Secret::new(form)))
            }
            Body::Json(text) => Some(("application/json", text.clone())),
        }
    }
}

/// What came back.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct HttpAnswer {
    /// The status code.
    pub status: u16,
    /// Names in lower case, in the order received.
    pub headers: Vec<(String, String)>,
    /// The body after content decoding, at most [`MAX_BODY`] bytes.
    pub body: AnswerBody,
    /// When the answer was complete.
    pub received_at: UnixMillis,
}

impl HttpAnswer {
    /// The first header of that (lower-case) name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl std::fmt::Debug for HttpAnswer {
    /// Of the headers only the names: cookies and redirects carry secrets.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("HttpAnswer")
            .field("status", &self.status)
            .field("headers", &names)
            .field("body", &self.body)
            .field("received_at", &self.received_at)
            .finish()
    }
}

/// The body of an answer: it may hold tokens, so it hides itself.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[cfg_attr(feature = "model", derive(Hash))]
pub enum AnswerBody {
    /// More than [`MAX_BODY`] bytes came; the driver stopped reading.
    TooLarge,
    /// All of it, when it is UTF-8.
    Text(#[serde(with = "secret::exposed")] Secret),
    /// All of it, when it is not UTF-8.
    Bytes(Vec<u8>),
}

impl AnswerBody {
    /// Sorts raw bytes into one of the three shapes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        if bytes.len() > MAX_BODY {
            return AnswerBody::TooLarge;
        }
        match String::from_utf8(bytes) {
            Ok(text) => AnswerBody::Text(Secret::new(text)),
            Err(error) => AnswerBody::Bytes(error.into_bytes()),
        }
    }
}

impl std::fmt::Debug for AnswerBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            AnswerBody::TooLarge => f.write_str("TooLarge"),
            AnswerBody::Text(text) => write!(f, "Text({} bytes)", text.len()),
            AnswerBody::Bytes(bytes) => write!(f, "Bytes({} bytes)", bytes.len()),
        }
    }
}

/// Trouble between us and the server, as a driver reports it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct IoFailure {
    /// Whether any byte of the request may have reached the server. Anything but HTTP says `NotSent`.
    pub sent: Sent,
    /// What kind of trouble.
    pub kind: IoFailureKind,
    /// For a person: the cause chain, the proxy and CA in use by host and port. No secrets.
    pub detail: String,
}

/// Whether a request may have arrived.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Sent {
    /// Nobody knows: the server may have acted on it.
    MaybeSent,
    /// No byte of it left.
    NotSent,
}

/// The kinds of trouble that lead to different advice.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IoFailureKind {
    /// The deadline passed.
    Deadline,
    /// The answer began and broke off, or its head could not be read.
    Incomplete,
    /// The head of the answer is longer than a driver reads. An oversized body is [`AnswerBody::TooLarge`].
    TooLarge,
    /// No connection: DNS, route, refusal, proxy, TLS.
    Unreachable,
    /// The place cannot do it: a port is taken, a disk is full, a folder is read-only, no browser is there.
    Unable,
    /// The person (or the program on their behalf) cancelled.
    Cancelled,
}
