//! Providers as data: everything that differs between authorization servers, and nothing that decides.
//!
//! A preset is a JSON object ([`Provider`]); the built-in ones are in `presets/`, and a user's own file has the same
//! form. Whatever a preset leaves out is what RFC 6749 says.

use serde::{Deserialize, Serialize};

use crate::config::{AuthenticationMethod, Redirect};
use crate::json::{self, BadText, object, words};
use crate::named::Named;
use crate::wire::token_options::{CodeMeaning, TokenAnswerOptions};

const PRESETS: [&str; 2] = [include_str!("presets/codex.json"), include_str!("presets/google.json")];

/// One authorization server (or product behind one) and its habits.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    /// Short name: the first word after `tokenway login`.
    pub id: String,
    /// For people.
    pub name: String,
    /// The issuer. Without `endpoints` it is where discovery starts (RFC 8414).
    #[serde(default)]
    pub issuer: Option<String>,
    /// The endpoints, when they are known without discovery.
    #[serde(default)]
    pub endpoints: Option<Endpoints>,
    /// The public client registered there, when there is one for everybody.
    #[serde(default)]
    pub client_id: Option<String>,
    /// How the client proves itself at the token endpoint.
    #[serde(default)]
    pub client_authentication: AuthenticationMethod,
    /// Scopes to ask for. Empty: `openid` (and `offline_access`) where the server's metadata offers them.
    #[serde(default)]
    pub scopes: Vec<String>,
    /// More parameters of the authorization request, in this order.
    #[serde(default)]
    pub authorize_parameters: Vec<Parameter>,
    /// Where the server may redirect to.
    #[serde(default)]
    pub redirect: Redirect,
    /// Whether a nonce goes with the scope `openid` (OIDC Core 3.1.2.1).
    #[serde(default = "yes")]
    pub nonce: bool,
    /// How token answers are to be read.
    #[serde(default)]
    pub answers: TokenAnswerOptions,
    /// Error codes with a meaning of their own.
    #[serde(default)]
    pub error_codes: Named<CodeMeaning>,
    /// Whether the lifetime may be read from the access token's `exp` when `expires_in` is missing.
    #[serde(default)]
    pub expiry_from_jwt: bool,
    /// How tokens are revoked.
    #[serde(default)]
    pub revocation: Revocation,
    /// Where tokens say who is logged in. Left out: what an ID token says (OIDC Core sections 2 and 5.1).
    #[serde(default = "openid_identity")]
    pub identity: Vec<IdentityClaim>,
}

/// The endpoints of an authorization server.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Endpoints {
    /// RFC 6749 section 3.1.
    pub authorization: String,
    /// RFC 6749 section 3.2.
    pub token: String,
    /// RFC 7009.
    #[serde(default)]
    pub revocation: Option<String>,
    /// Whether every authorization response carries `iss` (RFC 9207 section 3).
    #[serde(default)]
    pub iss_in_response: bool,
}

/// A request parameter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parameter {
    /// Its name.
    pub name: String,
    /// Its value, decoded.
    pub value: String,
}

object!(strict Provider {
    id,
    name,
    issuer,
    endpoints,
    client_id,
    client_authentication or AuthenticationMethod::default(),
    scopes or Vec::new(),
    authorize_parameters or Vec::new(),
    redirect or Redirect::default(),
    nonce or true,
    answers or TokenAnswerOptions::default(),
    error_codes or Named::new(),
    expiry_from_jwt or false,
    revocation or Revocation::default(),
    identity or openid_identity(),
});
object!(strict Endpoints { authorization, token, revocation, iss_in_response or false });
object!(strict Parameter { name, value });
object!(strict Revocation { dialect or RevocationDialect::default(), per_token or false });
words!(RevocationDialect { Form = "form", Json = "json" });
object!(strict IdentityClaim { name, places, required or false, fixed or false });
object!(strict ClaimPlace { token, path });
words!(TokenName { AccessToken = "access_token", IdToken = "id_token" });

impl Parameter {
    /// A pair.
    #[must_use]
    pub fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Parameter { name: name.into(), value: value.into() }
    }
}

/// How a server wants to be told that a token is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Revocation {
    /// The form of the request.
    #[serde(default)]
    pub dialect: RevocationDialect,
    /// Whether revoking one token leaves other logins of the same person alone.
    #[serde(default)]
    pub per_token: bool,
}

/// The form of a revocation request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RevocationDialect {
    /// RFC 7009: a form, with client authentication.
    #[default]
    Form,
    /// A JSON object with `token`, `token_type_hint` and, for a refresh token, `client_id`.
    Json,
}

/// A claim that says who is logged in, and where it may stand.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IdentityClaim {
    /// The name under which it is kept in the record.
    pub name: String,
    /// The places to look, in order.
    pub places: Vec<ClaimPlace>,
    /// Whether a login without it is refused.
    #[serde(default)]
    pub required: bool,
    /// Whether a renewal that changes it is refused.
    #[serde(default)]
    pub fixed: bool,
}

/// One place of a claim.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClaimPlace {
    /// The token.
    pub token: TokenName,
    /// Member names from the outside in.
    pub path: Vec<String>,
}

/// Tokens that may hold claims.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenName {
    /// The access token, where the provider's are JWTs.
    AccessToken,
    /// The ID token (OIDC Core section 2).
    IdToken,
}

/// The text is not a list of providers.
#[derive(Debug)]
pub struct UnreadableProviders(BadText);

impl std::fmt::Display for UnreadableProviders {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "not a list of providers: {}", self.0)
    }
}

impl std::error::Error for UnreadableProviders {}

impl Provider {
    /// A server of which nothing is known but its issuer: endpoints by discovery, identity by OpenID Connect.
    #[must_use]
    pub fn generic(issuer: impl Into<String>) -> Self {
        let issuer = issuer.into();
        Provider { issuer: Some(issuer.clone()), ..Provider::with_id(issuer) }
    }

    /// A server of which the endpoints are known, and nothing else. Its id is the token endpoint.
    #[must_use]
    pub fn with_endpoints(endpoints: Endpoints) -> Self {
        Provider { endpoints: Some(endpoints.clone()), ..Provider::with_id(endpoints.token) }
    }

    /// ChatGPT's login as the Codex command line uses it, and Google's.
    ///
    /// # Errors
    /// None in practice: a test reads every built-in preset.
    pub fn built_in() -> Result<Vec<Provider>, UnreadableProviders> {
        let mut all = Vec::new();
        for preset in PRESETS {
            all.extend(Provider::read_list(preset)?);
        }
        Ok(all)
    }

    /// Reads a list of providers (a JSON array), such as a user's own file.
    ///
    /// # Errors
    /// The text is not a JSON array of [`Provider`]; the message names line and member.
    pub fn read_list(text: &str) -> Result<Vec<Provider>, UnreadableProviders> {
        json::from_text(text).map_err(UnreadableProviders)
    }

    fn with_id(id: String) -> Self {
        Provider {
            name: id.clone(),
            id,
            issuer: None,
            endpoints: None,
            client_id: None,
            client_authentication: AuthenticationMethod::default(),
            scopes: Vec::new(),
            authorize_parameters: Vec::new(),
            redirect: Redirect::default(),
            nonce: true,
            answers: TokenAnswerOptions::default(),
            error_codes: Named::new(),
            expiry_from_jwt: false,
            revocation: Revocation::default(),
            identity: openid_identity(),
        }
    }
}

/// What an ID token says about the person (OIDC Core sections 2 and 5.1).
fn openid_identity() -> Vec<IdentityClaim> {
    let mut claims = Vec::new();
    for name in ["sub", "email", "name"] {
        let places = vec![ClaimPlace { token: TokenName::IdToken, path: vec![name.to_owned()] }];
        claims.push(IdentityClaim { name: name.to_owned(), places, required: false, fixed: name == "sub" });
    }
    claims
}

fn yes() -> bool {
    true
}

#[cfg(test)]
mod tests;
