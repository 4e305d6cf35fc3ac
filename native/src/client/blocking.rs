//! The same client for programs without an async runtime. Also callable from within one: nothing here blocks on it.
//!
//! Not to be called from a [`LoginUi`], a store, an HTTP client or an observer of the same client: those run on the
//! thread that the call would wait for.

use std::future::Future;
use std::sync::{Arc, mpsc};

use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::flow::LoggedIn;
use tokenway_core::lifecycle::{LoggedOut, Scope, Wish};

use super::{AccessToken, Client, Status};
use crate::login::LoginUi;

/// A [`Client`] whose methods wait.
#[derive(Clone, Debug)]
pub struct BlockingClient {
    client: Client,
}

impl BlockingClient {
    /// As [`Client::token`].
    ///
    /// # Errors
    /// The same.
    pub fn token(&self) -> Result<AccessToken, Box<Failure>> {
        self.token_for(Wish::default())
    }

    /// As [`Client::token_for`].
    ///
    /// # Errors
    /// The same.
    pub fn token_for(&self, wish: Wish) -> Result<AccessToken, Box<Failure>> {
        self.wait(|client| async move { client.token_for(wish).await })?
    }

    /// As [`Client::invalidate`].
    pub fn invalidate(&self, token: &AccessToken) {
        self.client.invalidate(token);
    }

    /// As [`Client::login`].
    ///
    /// # Errors
    /// The same.
    pub fn login(&self) -> Result<LoggedIn, Box<Failure>> {
        self.wait(|client| async move { client.login().await })?
    }

    /// As [`Client::login_with`].
    ///
    /// # Errors
    /// The same.
    pub fn login_with(&self, ui: Arc<dyn LoginUi>) -> Result<LoggedIn, Box<Failure>> {
        self.wait(|client| async move { client.login_with(ui).await })?
    }

    /// As [`Client::status`].
    ///
    /// # Errors
    /// The same.
    pub fn status(&self) -> Result<Status, Box<Failure>> {
        self.wait(|client| async move { client.status().await })?
    }

    /// As [`Client::logout`].
    ///
    /// # Errors
    /// The same.
    pub fn logout(&self, scope: Scope) -> Result<LoggedOut, Box<Failure>> {
        self.wait(move |client| async move { client.logout(scope).await })?
    }

    /// As [`Client::close`].
    #[must_use]
    pub fn close(&self) -> bool {
        self.wait(|client| async move { client.close().await }).unwrap_or(false)
    }

    fn wait<T, F>(&self, call: impl FnOnce(Client) -> F) -> Result<T, Box<Failure>>
    where
        T: Send + 'static,
        F: Future<Output = T> + Send + 'static,
    {
        let (sender, receiver) = mpsc::channel();
        let call = call(self.client.clone());
        self.client.inner.worker.spawn(async move {
            // The caller waits below: it cannot be gone.
            let _ = sender.send(call.await);
        })?;
        receiver.recv().map_err(|_| {
            let detail = "the client's thread is gone";
            Box::new(Failure::new(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug))
        })
    }
}

impl From<Client> for BlockingClient {
    fn from(client: Client) -> Self {
        BlockingClient { client }
    }
}
