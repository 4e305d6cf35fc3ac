//! What a login knows at each of its states.

use super::end::LoginNote;
use crate::config::{Config, check_endpoint};
use crate::event::Callback;
use crate::flow::discovery::Discovery;
use crate::json::object;
use crate::lifecycle::record::{Record, Version};
use crate::moment::{Moment, UnixMillis};
use crate::provider::{Endpoints, Parameter};
use crate::secret::Secret;
use crate::wire::authorize::AuthorizationRequest;
use crate::wire::callback::{BareCode, CheckedCallback, Expected, ResponseMode};
use crate::wire::metadata::Metadata;
use crate::wire::pkce::Verifier;

#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) enum State {
    Awaiting {
        target: Box<Target>,
        redirect_uri: String,
    },
    Beginning {
        target: Box<Target>,
        redirect_uri: String,
        callback: Box<Callback>,
        checked: CheckedCallback,
    },
    Discovering {
        discovery: Box<Discovery>,
    },
    Exchanging {
        target: Box<Target>,
        redirect_uri: String,
        checked: CheckedCallback,
        tries: u8,
        not_after: UnixMillis,
    },
    /// `bound` is where a login that was resumed has listened before.
    Listening {
        target: Box<Target>,
        bound: Option<Bound>,
    },
    Opening {
        target: Box<Target>,
        redirect_uri: String,
    },
    Pausing {
        target: Box<Target>,
        redirect_uri: String,
        checked: CheckedCallback,
        tries: u8,
        until: UnixMillis,
    },
    Saving {
        record: Box<Record>,
        expected: Option<Version>,
        replaced: Option<Box<Record>>,
        notes: Vec<LoginNote>,
        conflicts: u8,
    },
}

/// The receiver of a login that was resumed: its redirect URI is in the server's hands already.
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Bound {
    pub(super) redirect_uri: String,
    pub(super) url_was_shown: bool,
}

/// What is fixed when a login starts: one set of values for one attempt (RFC 9700 section 2.1.1).
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Prepared {
    /// Names the login among others. Not a secret, and not derived from one.
    pub(super) name: String,
    pub(super) verifier: Verifier,
    pub(super) state: Secret,
    pub(super) nonce: Secret,
    pub(super) deadline: UnixMillis,
}

object!(Prepared { name, verifier, state, nonce, deadline });

impl Prepared {
    pub(super) fn new(config: &Config, moment: &Moment) -> Self {
        Prepared {
            name: moment.draw_text("login name"),
            verifier: Verifier::new(moment.draw("code verifier")),
            state: Secret::new(moment.draw_text("state")),
            nonce: Secret::new(moment.draw_text("nonce")),
            deadline: moment.now.plus(config.timing.login_timeout),
        }
    }
}

/// The server that this login goes to, and what is asked of it: recorded before the person is sent there, so that the
/// code goes nowhere else (RFC 9700 section 2.1).
#[derive(Clone, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub(super) struct Target {
    pub(super) endpoints: Endpoints,
    pub(super) scopes: Vec<String>,
    extra: Vec<Parameter>,
}

object!(Target { endpoints, scopes, extra });

impl Target {
    pub(super) fn known(endpoints: &Endpoints, config: &Config) -> Box<Self> {
        Target::new(endpoints.clone(), config.scopes.clone(), config)
    }

    /// Without scopes of the caller's own: `openid`, and `offline_access`, where the server offers them.
    pub(super) fn discovered(metadata: Metadata, config: &Config) -> Box<Self> {
        let mut scopes = config.scopes.clone();
        if scopes.is_empty() {
            for scope in ["openid", "offline_access"] {
                if metadata.scopes_supported.iter().any(|offered| offered == scope) {
                    scopes.push(scope.to_owned());
                }
            }
        }
        Target::new(metadata.endpoints, scopes, config)
    }

    fn new(endpoints: Endpoints, scopes: Vec<String>, config: &Config) -> Box<Self> {
        let mut extra = config.provider.authorize_parameters.clone();
        // OIDC Core section 11: without consent a server may ignore `offline_access`. A preset knows its server better.
        let generic = config.provider.endpoints.is_none();
        let asks = |name: &str| scopes.iter().any(|scope| scope == name);
        if generic && asks("openid") && asks("offline_access") && !extra.iter().any(|pair| pair.name == "prompt") {
            extra.push(Parameter::new("prompt", "consent"));
        }
        Box::new(Target { endpoints, scopes, extra })
    }

    /// The nonce goes with `openid` (OIDC Core 3.1.2.1).
    pub(super) fn nonce<'a>(&self, config: &Config, prepared: &'a Prepared) -> Option<&'a Secret> {
        let openid = self.scopes.iter().any(|scope| scope == "openid");
        (openid && config.provider.nonce).then_some(&prepared.nonce)
    }

    pub(super) fn authorization_url(&self, config: &Config, prepared: &Prepared, redirect_uri: &str) -> String {
        let Ok(endpoint) = check_endpoint(&self.endpoints.authorization) else {
            return self.endpoints.authorization.clone();
        };
        AuthorizationRequest {
            endpoint,
            client_id: &config.client.id,
            redirect_uri,
            scopes: &self.scopes,
            resources: &config.resources,
            state: prepared.state.expose(),
            challenge: &prepared.verifier.challenge(),
            nonce: self.nonce(config, prepared).map(Secret::expose),
            extra: &self.extra,
        }
        .url()
    }

    pub(super) fn expected<'a>(
        &self,
        config: &'a Config,
        prepared: &'a Prepared,
        redirect_uri: &'a str,
    ) -> Expected<'a> {
        let iss_required = self.endpoints.iss_in_response;
        Expected {
            redirect_uri,
            state: &prepared.state,
            issuer: config.issuer(),
            iss_required,
            response_mode: ResponseMode::Query,
            bare_code: if iss_required { BareCode::NeverTaken } else { BareCode::TakenFromTheTerminal },
        }
    }
}
