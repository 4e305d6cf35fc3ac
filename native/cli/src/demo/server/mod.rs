//! A small authorization server on loopback, so that the demo needs no other.
//!
//! Metadata (RFC 8414), the authorization code grant with PKCE S256 (RFC 6749 section 4.1, RFC 7636) and `iss` in its
//! answer (RFC 9207), loopback redirects on any port (RFC 8252 section 7.3), refresh tokens that rotate and whose reuse
//! revokes their family (RFC 9700 section 4.14.2), and revocation (RFC 7009). One public client, one person, all in
//! memory.

pub(crate) mod approver;
mod authorize;
mod grants;
mod http;
mod page;
mod parameters;
#[cfg(test)]
mod tests;

use std::io;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};

pub(crate) use grants::Counts;

use grants::Grants;

/// The one client that the server knows: public, redirected to `/callback` on loopback.
pub(crate) const CLIENT_ID: &str = "tokenway-demo";

/// The longest that a connection may take to send the head of a request.
const HEAD_DEADLINE: Duration = Duration::from_secs(10);

/// What can be chosen.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Options {
    /// How long an access token lives; told to the client in whole seconds.
    pub(crate) access_token_life: Duration,
    /// The port of `127.0.0.1`; 0 for any that is free.
    pub(crate) port: u16,
}

impl Default for Options {
    fn default() -> Self {
        Options { access_token_life: Duration::from_secs(3600), port: 0 }
    }
}

/// A running server. It ends when it is stopped or dropped.
pub(crate) struct DemoServer {
    issuer: String,
    grants: Arc<Mutex<Grants>>,
    accepting: JoinHandle<()>,
}

impl DemoServer {
    /// Binds the port on `127.0.0.1` and serves on the current tokio runtime.
    ///
    /// # Errors
    /// When the port cannot be bound.
    pub(crate) async fn start(options: Options) -> io::Result<DemoServer> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port)).await?;
        let issuer = format!("http://{}", listener.local_addr()?);
        let grants = Arc::new(Mutex::new(Grants::new(issuer.clone(), options.access_token_life)));
        let accepting = tokio::spawn(accept(listener, Arc::clone(&grants)));
        Ok(DemoServer { issuer, grants, accepting })
    }

    /// The issuer identifier: all that a client needs besides [`CLIENT_ID`].
    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    /// What happened so far.
    pub(crate) fn counts(&self) -> Counts {
        self.grants.lock().unwrap_or_else(PoisonError::into_inner).counts()
    }

    /// Closes the port and every connection.
    pub(crate) async fn stop(mut self) {
        self.accepting.abort();
        // An error says that it was aborted: that is what was asked for.
        (&mut self.accepting).await.ok();
    }
}

impl Drop for DemoServer {
    fn drop(&mut self) {
        self.accepting.abort();
    }
}

/// Serves each connection in a task of its own; they end together with this one.
async fn accept(listener: TcpListener, grants: Arc<Mutex<Grants>>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                // An error is about one connection that went away before it was accepted.
                let Ok((stream, _)) = accepted else { continue };
                let grants = Arc::clone(&grants);
                connections.spawn(async move {
                    let service = service_fn(|request| http::answer(&grants, request));
                    let mut server = http1::Builder::new();
                    server.timer(TokioTimer::new()).header_read_timeout(HEAD_DEADLINE);
                    // A broken connection is the client's business.
                    server.serve_connection(TokioIo::new(stream), service).await.ok();
                });
            }
            Some(_) = connections.join_next() => {}
        }
    }
}
