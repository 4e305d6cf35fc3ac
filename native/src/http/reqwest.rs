//! [`Http`] on reqwest.
//!
//! Every request has a connection of its own, over HTTP/1.1: a token request is sent once or not at all (no stale
//! keep-alive connection, no HTTP/2 `REFUSED_STREAM` that a library would answer with a retry), and a login makes a
//! handful of requests, so that nothing is lost by it.

use ::reqwest::{Request, Response};
use tokenway_core::http::{AnswerBody, HttpAnswer, HttpRequest, IoFailure, IoFailureKind, MAX_BODY, Sent};
use tokio::sync::OnceCell;

use super::address::Address;
use super::client::Built;
pub use super::client::{HttpOptions, ProxyChoice};
use super::deadline::passed;
use super::gate::{Gate, through};
use super::{BoxFuture, Guard, Http, message};

/// HTTP with reqwest and rustls, through the system's proxy, trusting the system's certificate authorities.
///
/// Nothing is set up before the first request is due. There is no way to weaken TLS; plain `http` is refused except to
/// `127.0.0.0/8`, `[::1]` and `localhost`. `NotSent` is exact: a request counts as sent from the moment at which its
/// connection stands.
#[derive(Debug, Default)]
pub struct ReqwestHttp {
    options: HttpOptions,
    loopback: OnceCell<Built>,
    net: OnceCell<Built>,
}

impl ReqwestHttp {
    /// Remembers the options; files are read and clients are built when a request is due.
    #[must_use]
    pub fn new(options: HttpOptions) -> Self {
        ReqwestHttp { options, loopback: OnceCell::new(), net: OnceCell::new() }
    }

    async fn built_for(&self, address: &Address) -> Result<&Built, IoFailure> {
        if address.is_on_this_machine() {
            self.loopback.get_or_try_init(async || Built::for_loopback(&self.options)).await
        } else {
            self.net.get_or_try_init(async || Built::for_the_net(&self.options)).await
        }
    }
}

impl Http for ReqwestHttp {
    fn send<'a>(&'a self, request: &'a HttpRequest, guard: Guard) -> BoxFuture<'a, Result<HttpAnswer, IoFailure>> {
        Box::pin(async move {
            let address = Address::parse(&request.url)?;
            let outgoing = outgoing(request, &address)?;
            guard.check()?;
            let built = self.built_for(&address).await?;
            let gate = Gate::new(guard);
            let trouble = tokio::select! {
                biased;
                outcome = through(gate.clone(), exchange(built, outgoing)) => match outcome {
                    Ok(answer) => return Ok(answer),
                    Err(error) => Trouble::Http(error.without_url()),
                },
                () = passed(request.deadline) => Trouble::Deadline,
            };
            if let Some(refusal) = gate.refusal() {
                return Err(refusal);
            }
            let sent = gate.sent();
            let what = match &trouble {
                Trouble::Deadline if sent == Sent::NotSent => format!("no connection within {} ms", request.deadline.0),
                Trouble::Deadline => format!("no complete answer within {} ms", request.deadline.0),
                Trouble::Http(error) => message::cause_chain(error),
            };
            let detail = format!("{}{}: {what}", address.authority(), built.way_to(&address));
            Err(IoFailure { sent, kind: trouble.kind(sent), detail })
        })
    }
}

/// Why there is no answer.
enum Trouble {
    Deadline,
    Http(::reqwest::Error),
}

impl Trouble {
    fn kind(&self, sent: Sent) -> IoFailureKind {
        match (self, sent) {
            (Trouble::Deadline, _) => IoFailureKind::Deadline,
            (Trouble::Http(error), Sent::MaybeSent) if is_head_too_large(error) => IoFailureKind::TooLarge,
            (Trouble::Http(_), Sent::MaybeSent) => IoFailureKind::Incomplete,
            (Trouble::Http(_), Sent::NotSent) => IoFailureKind::Unreachable,
        }
    }
}

fn is_head_too_large(error: &::reqwest::Error) -> bool {
    let mut http_errors = message::causes(error).filter_map(|cause| cause.downcast_ref::<hyper::Error>());
    http_errors.any(hyper::Error::is_parse_too_large)
}

fn outgoing(request: &HttpRequest, address: &Address) -> Result<Request, IoFailure> {
    let (headers, body) = message::head_and_body(request)?;
    let mut outgoing = Request::new(message::method(request.method), address.url.clone());
    *outgoing.headers_mut() = headers;
    *outgoing.body_mut() = body.map(|body| body.expose().to_owned().into());
    Ok(outgoing)
}

async fn exchange(built: &Built, request: Request) -> ::reqwest::Result<HttpAnswer> {
    let mut response = built.client.execute(request).await?;
    let body = read_body(&mut response).await?;
    Ok(message::answer(response.status().as_u16(), response.headers(), body))
}

/// Reads, decoded, up to the limit; what lies beyond is not asked for.
async fn read_body(response: &mut Response) -> ::reqwest::Result<AnswerBody> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await? {
        if bytes.len().saturating_add(chunk.len()) > MAX_BODY {
            return Ok(AnswerBody::TooLarge);
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(AnswerBody::new(bytes))
}
