//! The configuration as JavaScript writes it.

use tokenway_core::config::{AuthenticationMethod, Config, Timing};
use tokenway_core::json::{FromJson, Reading, Value, object};
use tokenway_core::moment::Millis;
use tokenway_core::provider::{Endpoints, Parameter, Provider};
use tokenway_core::secret::Secret;
use wasm_bindgen::JsValue;

use crate::thrown::{self, Misuse};
use crate::value;

/// What `ConfigInput` of the package's types says; the header of a transcript has this form, too.
struct Given {
    provider: Option<GivenProvider>,
    issuer: Option<String>,
    endpoints: Option<Endpoints>,
    account: Option<String>,
    client_id: Option<String>,
    client_secret: Option<String>,
    client_authentication: Option<AuthenticationMethod>,
    redirect_uri: Option<String>,
    scopes: Option<Vec<String>>,
    resources: Option<Vec<String>>,
    authorize_parameters: Option<Vec<Parameter>>,
    timing: Option<GivenTiming>,
}

object!(read strict Given {
    provider, issuer, endpoints, account, client_id, client_secret, client_authentication, redirect_uri, scopes, resources,
    authorize_parameters, timing
});

enum GivenProvider {
    Named(String),
    Whole(Box<Provider>),
}

impl FromJson for GivenProvider {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        match value {
            Some(Value::Text(name)) => GivenProvider::Named(name.to_string()),
            _ => GivenProvider::Whole(FromJson::from_json(value, reading)),
        }
    }
}

struct GivenTiming {
    request_deadline: Option<Millis>,
    reject_interval: Option<Millis>,
    login_timeout: Option<Millis>,
}

object!(read strict GivenTiming { request_deadline, reject_interval, login_timeout });

/// Reads and checks a configuration.
pub(crate) fn config(given: &JsValue) -> Result<Config, JsValue> {
    let given: Given = value::read("the configuration", given)?;
    let mut builder = Config::builder(named(given.provider, given.issuer, given.endpoints)?);
    if let Some(account) = given.account {
        builder = builder.account(account);
    }
    if let Some(client_id) = given.client_id {
        builder = builder.client_id(client_id);
    }
    if let Some(secret) = given.client_secret {
        builder = builder.client_secret(Secret::new(secret));
    }
    if let Some(method) = given.client_authentication {
        builder = builder.client_authentication(method);
    }
    if let Some(uri) = given.redirect_uri {
        builder = builder.redirect_uri(uri);
    }
    if let Some(scopes) = given.scopes {
        builder = builder.scopes(scopes);
    }
    for resource in given.resources.unwrap_or_default() {
        builder = builder.resource(resource);
    }
    for Parameter { name, value } in given.authorize_parameters.unwrap_or_default() {
        builder = builder.authorize_parameter(name, value);
    }
    if let Some(timing) = given.timing {
        builder = builder.timing(timing.complete());
    }
    builder.build().map_err(|error| thrown::misuse(Misuse::Config, &error.to_string()))
}

fn named(
    provider: Option<GivenProvider>,
    issuer: Option<String>,
    endpoints: Option<Endpoints>,
) -> Result<Provider, JsValue> {
    match (provider, issuer, endpoints) {
        (Some(GivenProvider::Whole(provider)), None, None) => Ok(*provider),
        (Some(GivenProvider::Named(name)), None, None) => built_in(&name),
        (None, Some(issuer), None) => Ok(Provider::generic(issuer)),
        (None, issuer, Some(endpoints)) => Ok(Provider { issuer, ..Provider::with_endpoints(endpoints) }),
        (Some(_), _, _) => Err(wrong("provider", "it has its issuer and endpoints in itself")),
        (None, None, None) => Err(wrong("provider", "a provider, an issuer or endpoints are needed")),
    }
}

fn built_in(name: &str) -> Result<Provider, JsValue> {
    let known = Provider::built_in().map_err(|error| wrong("provider", &error.to_string()))?;
    let found = known.into_iter().find(|provider| provider.id == name);
    found.ok_or_else(|| wrong("provider", "there is no built-in provider of that name"))
}

fn wrong(setting: &str, problem: &str) -> JsValue {
    thrown::misuse(Misuse::Config, &format!("{setting}: {problem}"))
}

impl GivenTiming {
    fn complete(self) -> Timing {
        let default = Timing::default();
        Timing {
            request_deadline: self.request_deadline.unwrap_or(default.request_deadline),
            reject_interval: self.reject_interval.unwrap_or(default.reject_interval),
            login_timeout: self.login_timeout.unwrap_or(default.login_timeout),
        }
    }
}
