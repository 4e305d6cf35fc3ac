//! From a provider and the caller's wishes to a checked [`Config`].

use std::fmt;

use super::{
    AuthenticationMethod, Checked, Client, ClientAuthentication, Config, ConfigData, Server, Timing, check_endpoint,
    has_dot_segment, is_plain,
};
use crate::json;
use crate::lifecycle::record::CredentialKey;
use crate::provider::{Endpoints, Parameter, Provider};
use crate::secret::Secret;
use crate::wire::{address, pieces, text};

/// The account label when none is given.
pub(super) const DEFAULT_ACCOUNT: &str = "default";

/// Parameters of the authorization request that are ours: an extra one of that name is refused (RFC 6749 section 3.1:
/// no parameter twice).
const OUR_PARAMETERS: &str = "client_id code_challenge code_challenge_method nonce redirect_uri request request_uri response_mode \
     response_type scope state";

/// Collects what the caller wants; [`Builder::build`] checks it.
#[derive(Clone)]
pub struct Builder(ConfigData);

/// What is wrong with a configuration, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigError {
    /// The setting, by the name of its builder method or provider member.
    pub setting: &'static str,
    /// What is wrong, for people.
    pub problem: String,
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl ConfigError {
    /// What is wrong and where, in one line for people.
    #[must_use]
    pub fn message(&self) -> String {
        text::joined(&[self.setting, ": ", &self.problem])
    }
}

impl std::error::Error for ConfigError {}

impl Builder {
    pub(super) fn new(provider: Provider) -> Self {
        Builder(ConfigData::new(provider))
    }

    /// The label of the account, to keep several logins at one provider apart.
    #[must_use]
    pub fn account(mut self, account: impl Into<String>) -> Self {
        self.0.account = account.into();
        self
    }

    /// Another client than the provider's.
    #[must_use]
    pub fn client_id(mut self, client_id: impl Into<String>) -> Self {
        self.0.provider.client_id = Some(client_id.into());
        self
    }

    /// The secret of a confidential client (or of a public one whose server wants a "secret" all the same). Sent by
    /// the provider's method, `client_secret_basic` when it names none.
    #[must_use]
    pub fn client_secret(mut self, secret: Secret) -> Self {
        self.0.client_secret = Some(secret);
        self
    }

    /// How the secret is sent.
    #[must_use]
    pub fn client_authentication(mut self, method: AuthenticationMethod) -> Self {
        self.0.provider.client_authentication = method;
        self
    }

    /// Other scopes than the provider's.
    #[must_use]
    pub fn scopes<S: Into<String>>(mut self, scopes: impl IntoIterator<Item = S>) -> Self {
        self.0.provider.scopes = scopes.into_iter().map(Into::into).collect();
        self
    }

    /// A resource that the token is for (RFC 8707); may be given several times.
    #[must_use]
    pub fn resource(mut self, resource: impl Into<String>) -> Self {
        self.0.resources.push(resource.into());
        self
    }

    /// One more parameter of the authorization request.
    #[must_use]
    pub fn authorize_parameter(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.0.provider.authorize_parameters.push(Parameter::new(name, value));
        self
    }

    /// Another redirect URI than the provider's. Port 0 stands for any free one.
    #[must_use]
    pub fn redirect_uri(mut self, uri: impl Into<String>) -> Self {
        self.0.redirect_uri = Some(uri.into());
        self
    }

    /// Other waits and deadlines.
    #[must_use]
    pub fn timing(mut self, timing: Timing) -> Self {
        self.0.timing = timing;
        self
    }

    /// Checks everything.
    ///
    /// # Errors
    /// The first setting that cannot work, by name.
    pub fn build(self) -> Result<Config, ConfigError> {
        self.0.build()
    }
}

pub(super) fn checked(data: ConfigData) -> Result<Config, ConfigError> {
    let ConfigData { account, client_secret, redirect_uri, resources, timing, provider } = data;
    let server = check_server(&provider)?;
    let redirect_uris = match redirect_uri {
        Some(uri) => vec![uri],
        None => provider.redirect.uris(),
    };
    for uri in &redirect_uris {
        check_redirect(uri)?;
    }
    check_scopes(&provider.scopes)?;
    for resource in &resources {
        check_resource(resource)?;
    }
    check_extra(&provider.authorize_parameters)?;
    let client_id =
        provider.client_id.clone().filter(|id| !id.is_empty()).ok_or_else(|| {
            error("client_id", "this server has no client for everybody: register one there and name it")
        })?;
    let authentication = check_authentication(provider.client_authentication, client_secret)?;
    if account.is_empty() || account.chars().any(char::is_control) {
        return Err(error("account", "a label is needed, without control characters"));
    }
    if !timing.is_sound() {
        return Err(error("request_deadline", "it must be longer than zero, and five minutes at most"));
    }
    Ok(Config::new(Checked {
        key: CredentialKey { provider: provider.id.clone(), client_id: client_id.clone(), account },
        client: Client { id: client_id, authentication },
        server,
        redirect_uris,
        scopes: provider.scopes.clone(),
        resources,
        timing,
        provider,
    }))
}

fn check_server(provider: &Provider) -> Result<Server, ConfigError> {
    if let Some(issuer) = &provider.issuer {
        let url = check_endpoint(issuer).map_err(|problem| error("issuer", problem.about(issuer)))?;
        if url.query().is_some() {
            return Err(error("issuer", "it may not have a query (RFC 8414 section 2)"));
        }
    }
    match (&provider.endpoints, &provider.issuer) {
        (Some(endpoints), _) => {
            check_endpoints(endpoints)?;
            Ok(Server::Known(Box::new(endpoints.clone())))
        }
        (None, Some(issuer)) => Ok(Server::Discovered { issuer: issuer.clone() }),
        (None, None) => Err(error("issuer", "an issuer or endpoints are needed")),
    }
}

fn check_endpoints(endpoints: &Endpoints) -> Result<(), ConfigError> {
    let named = [
        ("authorization endpoint", Some(&endpoints.authorization)),
        ("token endpoint", Some(&endpoints.token)),
        ("revocation endpoint", endpoints.revocation.as_ref()),
    ];
    for (setting, url) in named {
        if let Some(url) = url {
            check_endpoint(url).map_err(|problem| error(setting, problem.about(url)))?;
        }
    }
    Ok(())
}

/// RFC 8252 sections 7.1 to 7.3: loopback `http`, claimed `https`, or a private-use scheme with a dot.
fn check_redirect(uri: &str) -> Result<(), ConfigError> {
    let Some(address) = address::parse(uri) else {
        return Err(error("redirect_uri", text::joined(&[uri, ": it is not an absolute URL"])));
    };
    if address.fragment.is_some() {
        return Err(error("redirect_uri", "it may not have a fragment (RFC 6749 section 3.1.2)"));
    }
    if pieces::has(address.authority, "@") {
        return Err(error("redirect_uri", "it may not name a user"));
    }
    if !is_plain(uri) || has_dot_segment(address.path) {
        return Err(error("redirect_uri", "its path must stand as a browser sends it, without dot segments"));
    }
    if address.is_scheme("https") || address.is_scheme("http") {
        return check_endpoint(uri).map(|_| ()).map_err(|problem| error("redirect_uri", problem.about(uri)));
    }
    if !pieces::has(address.scheme, ".") {
        return Err(error("redirect_uri", "a private-use scheme is a reversed domain name (RFC 8252 section 7.1)"));
    }
    Ok(())
}

/// RFC 6749 section 3.3.
fn check_scopes(scopes: &[String]) -> Result<(), ConfigError> {
    for scope in scopes {
        let fits = !scope.is_empty() && scope.bytes().all(|b| matches!(b, 0x21 | 0x23..=0x5b | 0x5d..=0x7e));
        if !fits {
            return Err(error(
                "scopes",
                text::joined(&[&json::to_text(scope), " holds a character that no scope may have"]),
            ));
        }
    }
    Ok(())
}

/// RFC 8707 section 2.
fn check_resource(resource: &str) -> Result<(), ConfigError> {
    let Some(address) = address::parse(resource) else {
        return Err(error("resource", text::joined(&[resource, ": it is not an absolute URI"])));
    };
    if address.fragment.is_some() {
        return Err(error("resource", "it may not have a fragment (RFC 8707 section 2)"));
    }
    Ok(())
}

fn check_extra(parameters: &[Parameter]) -> Result<(), ConfigError> {
    for (at, parameter) in parameters.iter().enumerate() {
        let name = &parameter.name;
        if text::is_one_of(name, OUR_PARAMETERS) || name == "resource" {
            return Err(error("authorize_parameter", text::joined(&[name, " is set by the login itself"])));
        }
        if name.is_empty() || parameter.value.is_empty() {
            return Err(error("authorize_parameter", "neither name nor value may be empty (RFC 6749 section 3.1)"));
        }
        if parameters.iter().take(at).any(|earlier| earlier.name == *name) {
            return Err(error("authorize_parameter", text::joined(&[name, " is given twice (RFC 6749 section 3.1)"])));
        }
    }
    Ok(())
}

fn check_authentication(
    method: AuthenticationMethod,
    secret: Option<Secret>,
) -> Result<ClientAuthentication, ConfigError> {
    match (method, secret.filter(|secret| !secret.is_empty())) {
        (AuthenticationMethod::PublicClient, None) => Ok(ClientAuthentication::PublicClient),
        (AuthenticationMethod::Basic | AuthenticationMethod::PublicClient, Some(secret)) => {
            Ok(ClientAuthentication::Basic(secret))
        }
        (AuthenticationMethod::Post, Some(secret)) => Ok(ClientAuthentication::Post(secret)),
        (AuthenticationMethod::Basic | AuthenticationMethod::Post, None) => {
            Err(error("client_secret", "this client needs its secret"))
        }
    }
}

fn error(setting: &'static str, problem: impl Into<String>) -> ConfigError {
    ConfigError { setting, problem: problem.into() }
}

#[cfg(test)]
#[path = "builder_tests.rs"]
mod tests;
