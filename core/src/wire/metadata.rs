//! Authorization server metadata (RFC 8414, OpenID Connect Discovery 1.0).

use crate::config::{Endpoint, check_endpoint};
use crate::http::{AnswerBody, HttpAnswer};
use crate::provider::Endpoints;
use crate::wire::json::{self, Members, Value};
use crate::wire::{pieces, pkce, text};

/// The places where the metadata of an issuer may lie, in the order in which they are asked: RFC 8414 section 3.1
/// (inserted between host and path), then OpenID Connect inserted, then appended.
pub(crate) fn locations(issuer: &Endpoint<'_>) -> Vec<String> {
    let path = pieces::trim_end(issuer.path(), "/");
    let origin = issuer.origin();
    let mut places = vec![
        text::joined(&[&origin, "/.well-known/oauth-authorization-server", path]),
        text::joined(&[&origin, "/.well-known/openid-configuration", path]),
    ];
    if !path.is_empty() {
        places.push(text::joined(&[&origin, path, "/.well-known/openid-configuration"]));
    }
    places
}

/// Members that decide where secrets go.
const READ_ONCE: &str =
    "issuer authorization_endpoint token_endpoint revocation_endpoint code_challenge_methods_supported";

/// What a login needs of the metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Metadata {
    pub(crate) endpoints: Endpoints,
    pub(crate) scopes_supported: Vec<String>,
}

/// Why a document does not help.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum MetadataError {
    /// Nothing lies there: the next place may have it.
    NotHere(String),
    /// The server is in trouble. Going on to another place would let trouble choose the document.
    Trouble(String),
    /// A document that may not be used.
    Unusable(String),
}

/// Reads the answer of one of the [`locations`].
pub(crate) fn read(answer: &HttpAnswer, issuer: &str) -> Result<Metadata, MetadataError> {
    match answer.status {
        200 => {}
        300..=399 => return Err(MetadataError::Trouble("it redirects, which is never followed".to_owned())),
        429 | 500..=599 => {
            return Err(MetadataError::Trouble(text::joined(&["it answers ", &text::decimal(answer.status)])));
        }
        status => return Err(MetadataError::NotHere(text::joined(&["it answers ", &text::decimal(status)]))),
    }
    let AnswerBody::Text(body) = &answer.body else {
        return Err(MetadataError::NotHere("it answers something else than JSON".to_owned()));
    };
    let Ok(object) = json::object(body.expose()) else {
        return Err(MetadataError::NotHere("it answers something else than a JSON object".to_owned()));
    };
    let unusable = |text: String| MetadataError::Unusable(text);
    if let Some(name) = object.repeated(READ_ONCE) {
        return Err(unusable(text::joined(&["it gives ", name, " more than once"])));
    }
    let said = object.text("issuer").unwrap_or_default();
    if said != issuer {
        let said = text::name_for_people(said);
        return Err(unusable(text::joined(&[
            "it speaks for the issuer \"",
            &said,
            "\", not for \"",
            &text::name_for_people(issuer),
            "\" (RFC 8414 section 3.3)",
        ])));
    }
    let methods = texts(&object, "code_challenge_methods_supported");
    if methods.is_some_and(|methods| !methods.iter().any(|method| method == pkce::METHOD)) {
        return Err(unusable("the server does not support PKCE with S256 (RFC 7636 section 4.2)".to_owned()));
    }
    let over_tls = issuer.starts_with("https:");
    let endpoint = |name: &str| match object.text(name).map(|url| (url, check_endpoint(url))) {
        Some((_, Ok(parsed))) if over_tls && !parsed.is_https() => {
            Err(unusable(text::joined(&["its ", name, " is not https, although the issuer is"])))
        }
        Some((url, Ok(_))) => Ok(Some(url.to_owned())),
        Some((_, Err(problem))) => Err(unusable(text::joined(&["its ", name, " may not be used: ", problem.as_str()]))),
        None => Ok(None),
    };
    let missing = |name: &str| unusable(text::joined(&["it names no ", name]));
    Ok(Metadata {
        endpoints: Endpoints {
            authorization: endpoint("authorization_endpoint")?.ok_or_else(|| missing("authorization_endpoint"))?,
            token: endpoint("token_endpoint")?.ok_or_else(|| missing("token_endpoint"))?,
            revocation: endpoint("revocation_endpoint")?,
            iss_in_response: object.get("authorization_response_iss_parameter_supported") == Some(&Value::Bool(true)),
        },
        scopes_supported: texts(&object, "scopes_supported").unwrap_or_else(|| scopes_unsaid(&object)),
    })
}

/// `scopes_supported` is only recommended. Whoever has a userinfo endpoint or signs ID tokens offers `openid`.
fn scopes_unsaid(object: &Members<'_>) -> Vec<String> {
    let openid = ["userinfo_endpoint", "id_token_signing_alg_values_supported"];
    let offered = openid.iter().any(|name| object.get(name).is_some());
    if offered { vec!["openid".to_owned()] } else { Vec::new() }
}

fn texts(object: &Members<'_>, name: &str) -> Option<Vec<String>> {
    let mut texts = Vec::new();
    for element in object.get(name)?.as_array()? {
        texts.extend(element.as_text().map(str::to_owned));
    }
    Some(texts)
}

#[cfg(test)]
#[path = "metadata_tests.rs"]
mod tests;
