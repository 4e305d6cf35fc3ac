//! The gate between "connected" and "sent".
//!
//! A layer around reqwest's connector: when the connection stands (name resolved, proxy passed, TLS agreed) and before
//! the first byte of the request is written, it asks the guard once more and then notes that the request may have left.
//! That makes `NotSent` exact instead of a guess from error texts.
//!
//! It relies on connections not being pooled: then reqwest connects inside the request's own future, where the task-local
//! value of [`through`] is seen. A request outside of [`through`] is refused, so the reliance cannot fail silently.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use tokenway_core::http::{IoFailure, Sent};
use tower_layer::Layer;
use tower_service::Service;

use super::Guard;

tokio::task_local! {
    static GATE: Arc<Gate>;
}

/// One request's way out.
pub(super) struct Gate {
    guard: Guard,
    passed: AtomicBool,
    refusal: OnceLock<IoFailure>,
}

impl Gate {
    pub(super) fn new(guard: Guard) -> Arc<Self> {
        Arc::new(Gate { guard, passed: AtomicBool::new(false), refusal: OnceLock::new() })
    }

    /// Whether the request may have left.
    pub(super) fn sent(&self) -> Sent {
        if self.passed.load(Ordering::SeqCst) { Sent::MaybeSent } else { Sent::NotSent }
    }

    /// What the guard said, if it refused.
    pub(super) fn refusal(&self) -> Option<IoFailure> {
        self.refusal.get().cloned()
    }

    fn pass(&self) -> Result<(), Closed> {
        if self.passed.load(Ordering::SeqCst) {
            return Err(Closed);
        }
        if let Err(refusal) = self.guard.check() {
            self.refusal.get_or_init(|| refusal);
            return Err(Closed);
        }
        self.passed.store(true, Ordering::SeqCst);
        Ok(())
    }
}

/// Runs `exchange` so that its one connection goes through `gate`.
pub(super) async fn through<F: Future>(gate: Arc<Gate>, exchange: F) -> F::Output {
    GATE.scope(gate, exchange).await
}

/// Puts the gate behind a connector.
#[derive(Clone, Copy)]
pub(super) struct GateLayer;

impl<S> Layer<S> for GateLayer {
    type Service = Gated<S>;

    fn layer(&self, connector: S) -> Gated<S> {
        Gated(connector)
    }
}

/// A connector whose connections are handed on only through the gate.
#[derive(Clone)]
pub(super) struct Gated<S>(S);

impl<S, R> Service<R> for Gated<S>
where
    S: Service<R, Error = Box<dyn Error + Send + Sync>>,
    S::Future: Send + 'static,
{
    type Response = S::Response;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<S::Response, S::Error>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(context)
    }

    fn call(&mut self, target: R) -> Self::Future {
        let connecting = self.0.call(target);
        Box::pin(async move {
            let connection = connecting.await?;
            GATE.try_with(|gate| gate.pass()).map_err(|_| Closed)??;
            Ok(connection)
        })
    }
}

/// The request was stopped at the gate, or wanted a second connection.
#[derive(Debug)]
struct Closed;

impl fmt::Display for Closed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the request was stopped before it left")
    }
}

impl Error for Closed {}
