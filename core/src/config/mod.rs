//! What the caller knows before a flow starts: client, server, redirect, scopes, timing.
//!
//! A [`Config`] is built from a [`Provider`] by [`Config::builder`]; everything is checked there, so that a flow never
//! meets a URL it may not use or a parameter that is sent twice.

mod builder;
mod client;
mod data;
mod redirect;
mod timing;
mod url_rules;

pub use builder::{Builder, ConfigError};
pub use client::{AuthenticationMethod, Client, ClientAuthentication};
pub use data::ConfigData;
pub use redirect::Redirect;
pub use timing::Timing;
pub use url_rules::is_loopback_host;
pub(crate) use url_rules::{Endpoint, check_endpoint, has_dot_segment, is_plain};

use std::ops::Deref;
use std::sync::Arc;

use crate::lifecycle::record::CredentialKey;
use crate::moment::Millis;
use crate::provider::{Endpoints, Provider};
use crate::secret::Secret;
use crate::wire::token_options::{Dpop, Grant, TokenContext};

/// A checked configuration: the same for every flow of one credential. Clones share it.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Config(Arc<Checked>);

/// What a [`Config`] holds.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Checked {
    pub(crate) key: CredentialKey,
    pub(crate) provider: Provider,
    pub(crate) client: Client,
    pub(crate) server: Server,
    pub(crate) redirect_uris: Vec<String>,
    pub(crate) scopes: Vec<String>,
    pub(crate) resources: Vec<String>,
    pub(crate) timing: Timing,
}

/// How the endpoints are found.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Server {
    /// They are known; the issuer, too, if there is one.
    Known(Box<Endpoints>),
    /// By the issuer's metadata (RFC 8414).
    Discovered {
        /// As configured: compared as a string with what the metadata says.
        issuer: String,
    },
}

impl Deref for Config {
    type Target = Checked;

    fn deref(&self) -> &Checked {
        &self.0
    }
}

impl Config {
    fn new(checked: Checked) -> Self {
        Config(Arc::new(checked))
    }

    /// Starts from what a provider says.
    #[must_use]
    pub fn builder(provider: Provider) -> Builder {
        Builder::new(provider)
    }

    /// The name of the credential that this configuration leads to.
    #[must_use]
    pub fn key(&self) -> &CredentialKey {
        &self.key
    }

    /// The provider it was built from.
    #[must_use]
    pub fn provider(&self) -> &Provider {
        &self.provider
    }

    pub(crate) fn code_context<'a>(&'a self, code: &'a Secret, verifier: &'a Secret) -> TokenContext<'a> {
        self.token_context(Grant::Code, vec![code, verifier])
    }

    pub(crate) fn refresh_context<'a>(&'a self, spent: &'a Secret) -> TokenContext<'a> {
        self.token_context(Grant::Refresh, vec![spent])
    }

    fn token_context<'a>(&'a self, grant: Grant, mut sent: Vec<&'a Secret>) -> TokenContext<'a> {
        sent.extend(self.client.authentication.secret());
        TokenContext {
            grant,
            sent,
            dpop: Dpop::Off,
            nonce_retries_done: 0,
            options: &self.provider.answers,
            refusal_codes: &self.provider.error_codes,
        }
    }

    /// Waits, deadlines and intervals.
    #[must_use]
    pub fn timing(&self) -> &Timing {
        &self.timing
    }

    /// The same configuration, with another time for the person to come back from the browser.
    #[must_use]
    pub fn with_login_timeout(mut self, login_timeout: Millis) -> Self {
        Arc::make_mut(&mut self.0).timing.login_timeout = login_timeout;
        self
    }

    /// The issuer, when it is known before discovery.
    #[must_use]
    pub fn issuer(&self) -> Option<&str> {
        self.provider.issuer.as_deref()
    }
}

impl std::fmt::Debug for Config {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Config")
            .field("key", &self.key)
            .field("redirect_uris", &self.redirect_uris)
            .finish_non_exhaustive()
    }
}
