//! Our requests and answers, as the `http` crate's headers.

use std::error::Error;

use ::http::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use tokenway_core::http::{AnswerBody, HttpAnswer, HttpRequest, IoFailure, IoFailureKind, Method, Sent};
use tokenway_core::secret::Secret;

use super::guard::wall_clock;

/// The method by the `http` crate's name.
pub(super) fn method(method: Method) -> ::http::Method {
    match method {
        Method::Delete => ::http::Method::DELETE,
        Method::Get => ::http::Method::GET,
        Method::Post => ::http::Method::POST,
    }
}

/// The request's headers, marked as secrets, and its encoded body.
///
/// # Errors
/// `NotSent`, when a name or a value cannot be a header; the name is told, the value is not.
pub(super) fn head_and_body(request: &HttpRequest) -> Result<(HeaderMap, Option<Secret>), IoFailure> {
    let mut headers = HeaderMap::with_capacity(request.headers.len().saturating_add(1));
    for header in &request.headers {
        let name = HeaderName::from_bytes(header.name.as_bytes()).map_err(|_| refusal(&header.name))?;
        let mut value = HeaderValue::from_str(header.value.expose()).map_err(|_| refusal(&header.name))?;
        value.set_sensitive(true);
        headers.append(name, value);
    }
    let body = request.body.encode().map(|(content_type, body)| {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        body
    });
    Ok((headers, body))
}

/// An answer that is complete at this instant.
pub(super) fn answer(status: u16, headers: &HeaderMap, body: AnswerBody) -> HttpAnswer {
    let headers = headers
        .iter()
        .map(|(name, value)| (name.as_str().to_owned(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect();
    HttpAnswer { status, headers, body, received_at: wall_clock() }
}

/// An error and all that caused it, outermost first. A cause that the text before it already tells is left out.
pub(super) fn cause_chain(error: &(dyn Error + 'static)) -> String {
    let mut text = String::new();
    for told in causes(error).map(ToString::to_string) {
        if text.is_empty() {
            text = told;
        } else if !text.contains(&told) {
            text = format!("{text}: {told}");
        }
    }
    text
}

/// The error itself, its cause, the cause of that, ...
pub(super) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    std::iter::successors(Some(error), |&error| error.source())
}

fn refusal(name: &str) -> IoFailure {
    IoFailure {
        sent: Sent::NotSent,
        kind: IoFailureKind::Unable,
        detail: format!("the request header {name:?} has characters that HTTP does not allow"),
    }
}
