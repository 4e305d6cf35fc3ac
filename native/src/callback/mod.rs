//! The loopback redirect receiver: a small HTTP/1 server that hands redirects out and tells the browser the truth.
//!
//! RFC 8252 sections 7.3 (loopback redirects, any port) and 8.3 (loopback only), OAuth 2.1 draft section 8.4.2. It is
//! written by hand because what matters is what it refuses: everything on the machine, and every web page through the
//! browser, can send it requests. Only a GET or POST on the exact path with the exact `Host` is handed out, unparsed;
//! whether it *is* the redirect is for the machine to say. Each connection whose request was handed out stays open
//! until that verdict:
//!
//! ```text
//! next_callback ──► ignored(status, sentence)   400 and a page; the wait goes on
//!        └────────► (the exchange) ──► finished(ending)   303 to a clean path, which says how it ended ──► close
//! ```
//!
//! Nothing is written down here: the caller stores the raw callback that [`Receiver::next_callback`] returned before
//! it shows it to the machine. A redirect that a person pastes does not come this way either: the caller races its own
//! prompt against `next_callback`, which may be dropped at any time without losing a callback.

mod bind;
mod holder;
mod page;
mod reply;
mod request;
mod serve;
#[cfg(any(fuzzing, test))]
#[doc(hidden)]
pub mod strangers;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenway_core::event::Callback;
use tokenway_core::http::{IoFailure, IoFailureKind, Sent};
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;
use tokio::time::{Instant, timeout_at};

pub use page::Ending;
pub use request::{MAX_HEAD, MAX_REDIRECT_BODY};
pub use serve::{CONNECTION_TIME, MAX_CONNECTIONS};

use reply::Reply;
use serve::{Desk, Pending};

/// How long after the login's end a browser may still fetch the page that tells about it: it follows the 303 within
/// milliseconds, and no command should hang for a tab that was closed.
pub const LAST_PAGE_TIME: Duration = Duration::from_secs(2);

/// A bound redirect URI. Bind it before the browser opens; dropping it frees the port at once.
///
/// - *Wait*: [`next_callback`](Self::next_callback), [`callback_arrived`](Self::callback_arrived).
/// - *Answer*: [`ignored`](Self::ignored) for the callback last handed out, [`finished`](Self::finished) for it and all
///   others once the login has ended.
/// - *End*: [`close`](Self::close), or drop.
#[derive(Debug)]
pub struct Receiver {
    desk: Arc<Desk>,
    inbox: mpsc::Receiver<Pending>,
    /// The answer owed to the callback last handed out.
    owed: Option<oneshot::Sender<Reply>>,
    /// Set when the login ended while a browser was waiting for it.
    ended_before_a_browser: Option<Instant>,
    server: AbortHandle,
    /// The only strong references: the port is free when they are gone, whether or not the runtime is being polled.
    _listeners: Vec<Arc<TcpListener>>,
}

impl Receiver {
    /// Binds the first of `candidates` that is free, in their order, and starts to answer.
    ///
    /// Each is an `http` URI on `localhost` (both families are bound, on one port), or on a literal loopback address.
    /// Port 0 stands for any free port. Must be called inside a tokio runtime with IO and time enabled.
    ///
    /// # Errors
    /// `Unable`, not sent: a candidate is not a loopback URI, or no candidate is free. The detail names each port, on
    /// Linux the process that holds it, and what to do.
    pub fn bind(candidates: &[String]) -> Result<Self, IoFailure> {
        let runtime =
            Handle::try_current().map_err(|_| unable("the redirect receiver needs a tokio runtime".into()))?;
        let bound = bind::first_free(candidates, bind::listen_on).map_err(unable)?;
        let listeners: Vec<_> = bound.listeners.into_iter().map(Arc::new).collect();

        let (sender, inbox) = mpsc::channel(serve::MAX_CONNECTIONS);
        let desk = Arc::new(Desk::new(bound.site, sender));
        let doors = listeners.iter().map(Arc::downgrade).collect();
        let server = runtime.spawn(serve::serve(doors, Arc::clone(&desk))).abort_handle();
        Ok(Receiver { desk, inbox, owed: None, ended_before_a_browser: None, server, _listeners: listeners })
    }

    /// The redirect URI to send: the candidate that was bound, with its real port.
    #[must_use]
    pub fn redirect_uri(&self) -> &str {
        &self.desk.site.uri
    }

    /// The next request that may be the redirect, source `Listening`. Its connection stays open until
    /// [`ignored`](Self::ignored) or [`finished`](Self::finished). Waits for ever; dropping the future loses nothing.
    ///
    /// Calling it again without `ignored` leaves the one before waiting for the login's end.
    pub async fn next_callback(&mut self) -> Callback {
        let Some(pending) = self.inbox.recv().await else {
            // The desk holds a sender, so the channel cannot close before this receiver is gone.
            return std::future::pending().await;
        };
        pending.activity.pin();
        self.owed = Some(pending.answer);
        pending.callback
    }

    /// Completes when [`next_callback`](Self::next_callback) would answer at once. For whoever opens a browser and need
    /// not watch it start once it has come back.
    pub async fn callback_arrived(&self) {
        while self.inbox.is_empty() {
            self.desk.arrival.notified().await;
        }
    }

    /// Answers the callback last handed out with `status` (400 to 499, else 400 is sent) and a page that says
    /// `sentence`; the wait goes on. Nothing happens when no answer is owed.
    ///
    /// `sentence` is shown to whoever sent the request: it must hold nothing of the login.
    pub fn ignored(&mut self, status: u16, sentence: &str) {
        let Some(owed) = self.owed.take() else { return };
        let status = if (400..500).contains(&status) { status } else { 400 };
        // An error means that the connection is gone, and with it the need for an answer.
        let _ = owed.send(Reply::refusal(status, sentence));
    }

    /// The login has ended: every waiting callback, and each that is still to come, gets `303 See Other` to a path
    /// without a query, whose page says `ending`. Only the first call counts.
    pub fn finished(&mut self, ending: Ending) {
        if self.desk.ending.borrow().is_some() {
            return;
        }
        if self.desk.held.load(Ordering::Acquire) > 0 {
            self.ended_before_a_browser = Some(Instant::now());
        }
        self.owed = None;
        self.desk.ending.send_replace(Some(ending));
    }

    /// Goes on answering until the page about the login's end was served once, or [`LAST_PAGE_TIME`] has passed since
    /// that end; then the port is free. Returns at once when no browser was waiting for the end.
    pub async fn close(self) {
        let Some(ended) = self.ended_before_a_browser else { return };
        let mut shown = self.desk.shown.subscribe();
        // Either way it is time to go.
        let _ = timeout_at(ended + LAST_PAGE_TIME, shown.wait_for(|shown| *shown)).await;
    }
}

impl Drop for Receiver {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn unable(detail: String) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind: IoFailureKind::Unable, detail }
}
