//! Requests to the token endpoint (RFC 6749 sections 4.1.3 and 6) and to the revocation endpoint (RFC 7009 section 2.1).

use crate::config::{Client, ClientAuthentication, Config};
use crate::http::{Body, FormField, Header, HttpRequest, Method};
use crate::json::{self, ToJson, Writer};
use crate::moment::Millis;
use crate::provider::RevocationDialect;
use crate::secret::Secret;
use crate::wire::basic;

/// The longest that a revocation may take: a logout does not wait for a dead server.
pub(crate) const REVOCATION_DEADLINE: Millis = Millis::seconds(5);

/// Spends a code.
pub(crate) fn code_exchange(
    config: &Config,
    token_endpoint: &str,
    code: &Secret,
    redirect_uri: &str,
    verifier: &Secret,
) -> HttpRequest {
    let mut fields = vec![
        field("grant_type", "authorization_code"),
        FormField { name: "code".to_owned(), value: code.clone() },
        field("redirect_uri", redirect_uri),
        FormField { name: "code_verifier".to_owned(), value: verifier.clone() },
    ];
    fields.extend(config.resources.iter().map(|resource| field("resource", resource)));
    single_use(config, token_endpoint, fields)
}

/// Spends a refresh token. No scope is sent: the answer carries what was granted, never more (RFC 6749 section 6).
pub(crate) fn refresh(
    config: &Config,
    token_endpoint: &str,
    resources: &[String],
    refresh_token: &Secret,
) -> HttpRequest {
    let mut fields = vec![
        field("grant_type", "refresh_token"),
        FormField { name: "refresh_token".to_owned(), value: refresh_token.clone() },
    ];
    fields.extend(resources.iter().map(|resource| field("resource", resource)));
    single_use(config, token_endpoint, fields)
}

/// What kind of token is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum TokenKind {
    Access,
    Refresh,
}

/// Tells the server that a token is over, in the provider's dialect.
pub(crate) fn revocation(config: &Config, endpoint: &str, kind: TokenKind, token: &Secret) -> HttpRequest {
    let hint = match kind {
        TokenKind::Access => "access_token",
        TokenKind::Refresh => "refresh_token",
    };
    let (headers, body) = match config.provider.revocation.dialect {
        RevocationDialect::Form => {
            let fields =
                vec![FormField { name: "token".to_owned(), value: token.clone() }, field("token_type_hint", hint)];
            authenticated(&config.client, fields)
        }
        RevocationDialect::Json => {
            let object = JsonRevocation {
                token,
                token_type_hint: hint,
                client_id: (kind == TokenKind::Refresh).then_some(&config.client.id),
            };
            (vec![accept_json()], Body::Json(Secret::new(json::to_text(&object))))
        }
    };
    HttpRequest {
        method: Method::Post,
        url: endpoint.to_owned(),
        headers,
        body,
        single_use: false,
        not_after: None,
        lease: None,
        deadline: REVOCATION_DEADLINE.min(config.timing.request_deadline),
    }
}

struct JsonRevocation<'a> {
    token: &'a Secret,
    token_type_hint: &'static str,
    client_id: Option<&'a String>,
}

impl ToJson for JsonRevocation<'_> {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.member("token", self.token);
        out.member("token_type_hint", self.token_type_hint);
        if let Some(client_id) = self.client_id {
            out.member("client_id", client_id);
        }
        out.close('}');
    }
}

fn single_use(config: &Config, url: &str, fields: Vec<FormField>) -> HttpRequest {
    let (headers, body) = authenticated(&config.client, fields);
    HttpRequest {
        method: Method::Post,
        url: url.to_owned(),
        headers,
        body,
        single_use: true,
        not_after: None,
        lease: None,
        deadline: config.timing.request_deadline,
    }
}

/// Adds the client's proof: by one method, never two (RFC 6749 section 2.3).
fn authenticated(client: &Client, mut fields: Vec<FormField>) -> (Vec<Header>, Body) {
    let mut headers = vec![accept_json()];
    match &client.authentication {
        ClientAuthentication::Basic(secret) => {
            headers.push(Header { name: "authorization".to_owned(), value: basic::authorization(&client.id, secret) });
        }
        ClientAuthentication::PublicClient => fields.push(field("client_id", &client.id)),
        ClientAuthentication::Post(secret) => {
            fields.push(field("client_id", &client.id));
            fields.push(FormField { name: "client_secret".to_owned(), value: secret.clone() });
        }
    }
    (headers, Body::Form(fields))
}

pub(crate) fn accept_json() -> Header {
    Header { name: "accept".to_owned(), value: Secret::new("application/json") }
}

fn field(name: &str, value: &str) -> FormField {
    FormField { name: name.to_owned(), value: Secret::new(value) }
}

#[cfg(test)]
#[path = "token_request_tests.rs"]
mod tests;
