//! One credential, for as long as the program runs.
//!
//! [`Client::token`] is what programs call before each request to an API. It lends a cached token at the cost of no
//! lock and no IO; once a second one caller looks whether another process changed the store; when the token is due, one
//! flight renews it for all. Flights run on a thread of their own, so that a caller who is cancelled loses nothing.

mod access_token;
mod blocking;
mod builder;
mod cache;
mod flight;
mod locks;
#[cfg(all(shuttle, test))]
mod shuttled;
mod status;
mod traffic;
#[cfg_attr(shuttle, path = "shuttled/worker.rs")]
mod worker;

use std::sync::Arc;

use tokenway_core::action::Load;
use tokenway_core::config::Config;
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::flow::{LoggedIn, Login};
use tokenway_core::lifecycle::record::RECORD_FORMAT;
use tokenway_core::lifecycle::{LoggedOut, Logout, Scope, TokenNote, Wish};
use tokenway_core::moment::Millis;
use tokenway_core::session::Session;

pub use access_token::AccessToken;
pub use blocking::BlockingClient;
pub use builder::{BuildError, ClientBuilder};
pub use status::{LoggedInStatus, Status};
pub(crate) use traffic::{OnItsWay, Traffic};

use crate::driver::{self, Observer};
use crate::http::Http;
use crate::login::{self, Checkpoints, LoginUi, LoginWorld, ProcessCheckpoints};
use crate::store::Store;
use crate::world::CommonWorld;
use cache::Cache;
use flight::Flights;
use worker::Worker;

/// A handle on one credential. Cheap to clone; clones share cache and flights.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    store: Arc<dyn Store>,
    http: Arc<dyn Http>,
    observer: Arc<dyn Observer>,
    cache: Cache,
    flights: Flights,
    worker: Worker,
}

impl Client {
    /// A client with its parts chosen one by one.
    #[must_use]
    pub fn builder(config: Config) -> ClientBuilder {
        ClientBuilder::new(config)
    }

    /// A usable access token: cached, stored, or renewed.
    ///
    /// # Errors
    /// What the person or the program has to do first: [`Failure::next`] says it.
    pub async fn token(&self) -> Result<AccessToken, Box<Failure>> {
        self.token_for(Wish::default()).await
    }

    /// A token that lives at least `min_ttl` longer, or is not the one that was `rejected`.
    ///
    /// # Errors
    /// As [`Client::token`].
    pub async fn token_for(&self, wish: Wish) -> Result<AccessToken, Box<Failure>> {
        let Some(lent) = self.inner.cache.lend(&wish) else {
            return flight::token(&self.inner, wish).await;
        };
        if !self.inner.cache.claims_look() {
            return Ok(lent);
        }
        // A task, so that what is seen is noticed though this caller goes away.
        let inner = Arc::clone(&self.inner);
        let look = async move {
            if inner.cache.was_read_under(inner.store.stamp(inner.config.key()).await) {
                return None;
            }
            Some(flight::token(&inner, wish).await)
        };
        match self.inner.worker.run(look).await {
            Ok(None) => Ok(lent),
            Ok(Some(Ok(token))) => Ok(token),
            // Only a logout or a refusal ends a login: while the token lives, other trouble is a note.
            Ok(Some(Err(failure))) | Err(failure) if failure.next != NextStep::LogIn => {
                Ok(lent.with_note(TokenNote::NotRenewed(failure)))
            }
            Ok(Some(Err(failure))) | Err(failure) => Err(failure),
        }
    }

    /// The API refused this token (401): it is never lent again. The next [`Client::token`] brings another: the store's,
    /// if that holds another by now, else a renewed one.
    pub fn invalidate(&self, token: &AccessToken) {
        self.inner.cache.refuse(token);
    }

    /// Logs in with the system's browser.
    ///
    /// # Errors
    /// Why it ended without a login, and what to do. A save that failed hands the tokens back in the failure
    /// ([`Failure::take_unsaved`]).
    pub async fn login(&self) -> Result<LoggedIn, Box<Failure>> {
        self.login_with(Arc::new(crate::login::SystemBrowser)).await
    }

    /// Logs in through an interface of the program's own. Dropping the future cancels the login, except between the
    /// claim of its code and the save.
    ///
    /// # Errors
    /// As [`Client::login`].
    pub async fn login_with(&self, ui: Arc<dyn LoginUi>) -> Result<LoggedIn, Box<Failure>> {
        self.login_kept(ui, Arc::new(ProcessCheckpoints::default())).await
    }

    /// As [`Client::login_with`], with snapshots kept so that another process can go on.
    ///
    /// # Errors
    /// As [`Client::login`].
    pub async fn login_kept(
        &self,
        ui: Arc<dyn LoginUi>,
        checkpoints: Arc<dyn Checkpoints>,
    ) -> Result<LoggedIn, Box<Failure>> {
        let moment = driver::moment()?;
        self.inner.observer.started("login", &moment);
        self.run_login(Login::start(&self.inner.config, moment), ui, checkpoints).await
    }

    /// Goes on with the login of a process that died, from its snapshot.
    ///
    /// # Errors
    /// As [`Client::login`], and when the snapshot cannot be read: log in again.
    pub async fn resume_login(
        &self,
        snapshot: &[u8],
        ui: Arc<dyn LoginUi>,
        checkpoints: Arc<dyn Checkpoints>,
    ) -> Result<LoggedIn, Box<Failure>> {
        let session = Session::resume(snapshot, &self.inner.config, driver::moment()?).map_err(|unreadable| {
            let detail = unreadable.to_string();
            Box::new(Failure::new(FlowStep::Callback, FailureKind::Interrupted, detail, NextStep::LogIn))
        })?;
        self.run_login(session, ui, checkpoints).await
    }

    async fn run_login(
        &self,
        session: Session<Login>,
        ui: Arc<dyn LoginUi>,
        checkpoints: Arc<dyn Checkpoints>,
    ) -> Result<LoggedIn, Box<Failure>> {
        let (cancel, cancelled) = tokio::sync::watch::channel(false);
        let _cancel = CancelOnDrop(cancel);
        let traffic = self.inner.worker.traffic.clone();
        let world = LoginWorld::new(self.inner.world(), ui, checkpoints, cancelled, traffic);
        let inner = Arc::clone(&self.inner);
        let task = async move {
            if let Err(failure) = inner.store.probe().await {
                return Err(Box::new(store_failure(FlowStep::Saving, failure.detail)));
            }
            if newer_lies_there(&inner).await {
                let detail = "a newer version of tokenway wrote the login that lies there; update tokenway".to_owned();
                return Err(Box::new(store_failure(FlowStep::Saving, detail)));
            }
            let done = |logged_in: &LoggedIn| {
                let token = AccessToken::new(logged_in.record.clone(), Vec::new());
                inner.flights.overtake(|| inner.cache.keep(token, None));
            };
            login::login(session, &inner.config, world, &*inner.observer, done).await
        };
        self.inner.worker.run(task).await?
    }

    /// Who is logged in, and until when. Reads the store, renews nothing.
    ///
    /// # Errors
    /// The store cannot be read.
    pub async fn status(&self) -> Result<Status, Box<Failure>> {
        let inner = Arc::clone(&self.inner);
        self.inner.worker.run(async move { status::status(&*inner.store, &inner.config).await }).await?
    }

    /// Logs out: here, and at the server too, as `scope` says. Works offline.
    ///
    /// # Errors
    /// The store cannot be read or written.
    pub async fn logout(&self, scope: Scope) -> Result<LoggedOut, Box<Failure>> {
        let moment = driver::moment()?;
        let inner = Arc::clone(&self.inner);
        inner.observer.started("logout", &moment);
        let task = async move {
            let session = Logout::start(&inner.config, scope, moment);
            let end = driver::run(session, &mut inner.world(), &*inner.observer, |_| ()).await;
            inner.flights.overtake(|| inner.cache.forget());
            end
        };
        self.inner.worker.run(task).await?
    }

    /// Ends this client and its clones: no token is renewed any more, and every token that is on its way is waited for
    /// until it is saved, at most the request deadline and two seconds more. To be called before the program ends, also
    /// on Ctrl-C. True: nothing is on its way. False: the program may wait longer by calling it again.
    pub async fn close(&self) -> bool {
        let limit = self.inner.config.timing().request_deadline.plus(Millis::seconds(2));
        self.inner.worker.close(std::time::Duration::from_millis(limit.0)).await
    }

    /// The configuration that this client was made of.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.inner.config
    }
}

impl Inner {
    fn world(&self) -> CommonWorld {
        CommonWorld { key: self.config.key().clone(), store: Arc::clone(&self.store), http: Arc::clone(&self.http) }
    }
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("key", self.inner.config.key()).finish_non_exhaustive()
    }
}

struct CancelOnDrop(tokio::sync::watch::Sender<bool>);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.send_replace(true);
    }
}

/// A record that a save would not write over. Other trouble is the save's to tell: it may be gone by then.
async fn newer_lies_there(inner: &Inner) -> bool {
    let stored = inner.store.load(&Load { key: inner.config.key().clone() }).await;
    stored.is_ok_and(|record| record.is_some_and(|record| record.format > RECORD_FORMAT))
}

fn store_failure(step: FlowStep, detail: String) -> Failure {
    let what = "Make the place where logins are kept readable and writable, then try again.".to_owned();
    Failure::new(step, FailureKind::Store, detail, NextStep::FixConfiguration { what })
}
