//! Any HTTP client of the `oauth2` crate as our [`Http`], for programs that already have one.

use std::error::Error;
use std::fmt;

use oauth2::AsyncHttpClient;
use tokenway_core::http::{AnswerBody, HttpAnswer, HttpRequest, IoFailure, IoFailureKind, Sent};

use super::address::Address;
use super::deadline::passed;
use super::{BoxFuture, Guard, Http, message};

/// Sends requests through an [`oauth2::AsyncHttpClient`].
///
/// Such a client cannot say whether a failed request had left, so every failure is `MaybeSent`: lost refreshes are
/// treated with more care than they may need. It also connects, compresses, retries and follows redirects as it likes:
/// **switch redirects and retries off in it** (the `oauth2` crate asks for the former as well). `guard` is asked before
/// the client connects; the limit of the body is applied when the client has read it. Prefer `ReqwestHttp` where
/// there is a choice.
pub struct OAuth2Http<C>(C);

impl<C> OAuth2Http<C> {
    /// Takes the client over.
    pub fn new(client: C) -> Self {
        OAuth2Http(client)
    }
}

impl<C> Http for OAuth2Http<C>
where
    C: for<'c> AsyncHttpClient<'c, Future: Send> + Send + Sync + 'static,
{
    fn send<'a>(&'a self, request: &'a HttpRequest, guard: Guard) -> BoxFuture<'a, Result<HttpAnswer, IoFailure>> {
        Box::pin(async move {
            let address = Address::parse(&request.url)?;
            let outgoing = outgoing(request, &address)?;
            guard.check()?;
            let exchange = async {
                let response = self.0.call(outgoing).await.map_err(|error| failure(&error, &address))?;
                let (head, body) = response.into_parts();
                Ok(message::answer(head.status.as_u16(), &head.headers, AnswerBody::new(body)))
            };
            tokio::select! {
                biased;
                outcome = exchange => outcome,
                () = passed(request.deadline) => Err(IoFailure {
                    sent: Sent::MaybeSent,
                    kind: IoFailureKind::Deadline,
                    detail: format!("{}: no complete answer within {} ms", address.authority(), request.deadline.0),
                }),
            }
        })
    }
}

fn outgoing(request: &HttpRequest, address: &Address) -> Result<oauth2::HttpRequest, IoFailure> {
    let (headers, body) = message::head_and_body(request)?;
    let body = body.map(|body| body.expose().as_bytes().to_vec()).unwrap_or_default();
    let mut outgoing = ::http::Request::new(body);
    *outgoing.method_mut() = message::method(request.method);
    *outgoing.headers_mut() = headers;
    *outgoing.uri_mut() = address.url.as_str().parse().map_err(|error| IoFailure {
        sent: Sent::NotSent,
        kind: IoFailureKind::Unable,
        detail: format!("the URL cannot be requested: {error}"),
    })?;
    Ok(outgoing)
}

fn failure(error: &(dyn Error + 'static), address: &Address) -> IoFailure {
    let mut causes = message::cause_chain(error);
    if let Some(query) = address.url.query() {
        causes = causes.replace(query, "..");
    }
    IoFailure {
        sent: Sent::MaybeSent,
        kind: IoFailureKind::Incomplete,
        detail: format!("{}: {causes}", address.authority()),
    }
}

impl<C> fmt::Debug for OAuth2Http<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OAuth2Http").finish_non_exhaustive()
    }
}
