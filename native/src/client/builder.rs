//! A client's parts: the store, HTTP, and who watches.

use std::fmt;
use std::sync::Arc;

use tokenway_core::config::Config;
use tokenway_core::lifecycle::record::CredentialKey;

use super::cache::Cache;
use super::flight::Flights;
use super::worker::Worker;
use super::{Client, Inner};
use crate::driver::{NoObserver, Observer};
use crate::home;
use crate::http::Http;
use crate::store::{FileStore, Pins, Store};

/// Chooses the parts of a [`Client`]. What is not chosen is the default: the store of
/// the platform's data folder that the login lies in (plain files, if there is none yet), and reqwest.
pub struct ClientBuilder {
    config: Config,
    store: Option<Arc<dyn Store>>,
    http: Option<Arc<dyn Http>>,
    observer: Arc<dyn Observer>,
}

impl ClientBuilder {
    pub(super) fn new(config: Config) -> Self {
        ClientBuilder { config, store: None, http: None, observer: Arc::new(NoObserver) }
    }

    /// Where credentials are kept.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// How requests are made.
    #[must_use]
    pub fn http(mut self, http: Arc<dyn Http>) -> Self {
        self.http = Some(http);
        self
    }

    /// Who watches the flows.
    #[must_use]
    pub fn observer(mut self, observer: Arc<dyn Observer>) -> Self {
        self.observer = observer;
        self
    }

    /// The client. Nothing is opened or connected before it is used; without a store one small file is read, that
    /// says where the login lies.
    ///
    /// # Errors
    /// [`BuildError`].
    pub fn build(self) -> Result<Client, BuildError> {
        let store = match self.store {
            Some(store) => store,
            None => default_store(self.config.key())?,
        };
        let http = match self.http {
            Some(http) => http,
            None => default_http()?,
        };
        let inner = Inner {
            config: self.config,
            store,
            http,
            observer: self.observer,
            cache: Cache::new(),
            flights: Flights::new(),
            worker: Worker::new(),
        };
        Ok(Client { inner: Arc::new(inner) })
    }
}

/// A client cannot be built with the defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BuildError {
    /// No store was chosen, and there is no data folder.
    NoHome,
    /// No HTTP was chosen, and this build has none of its own.
    NoHttp,
    /// No store was chosen, and the login lies in one that this build cannot open by itself.
    OtherStore,
    /// No store was chosen, and the note that says where the login lies cannot be read.
    UnknownStore,
}

impl fmt::Display for BuildError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BuildError::NoHome => home::NoHome.fmt(f),
            BuildError::NoHttp => {
                f.write_str("this build has no HTTP client: enable the feature `reqwest`, or bring one")
            }
            BuildError::UnknownStore => f.write_str(
                "what is written under `stores` in the data folder, about where the login lies, cannot be read: \
                 `tokenway status` says why; or give the client its store",
            ),
            BuildError::OtherStore => f.write_str(
                "the login lies in the keyring, in encrypted files or in Redis: enable the feature `keyring`, or give the \
                 client its store",
            ),
        }
    }
}

impl std::error::Error for BuildError {}

/// A login that the command, or another program, has put elsewhere than into plain files is found there.
fn default_store(key: &CredentialKey) -> Result<Arc<dyn Store>, BuildError> {
    let home = home::folder().map_err(|_| BuildError::NoHome)?;
    match Pins::new(&home).store_of(key) {
        Ok(None) => Ok(Arc::new(FileStore::new(home))),
        Ok(Some(store)) if store == "file" => Ok(Arc::new(FileStore::new(home))),
        #[cfg(feature = "keyring")]
        Ok(Some(store)) if store == "keyring" => Ok(Arc::new(crate::store::KeyringStore::of_this_machine(home))),
        Ok(Some(_)) => Err(BuildError::OtherStore),
        Err(_) => Err(BuildError::UnknownStore),
    }
}

#[cfg(feature = "reqwest")]
fn default_http() -> Result<Arc<dyn Http>, BuildError> {
    Ok(Arc::new(crate::http::ReqwestHttp::new(crate::http::HttpOptions::default())))
}

#[cfg(not(feature = "reqwest"))]
fn default_http() -> Result<Arc<dyn Http>, BuildError> {
    Err(BuildError::NoHttp)
}
