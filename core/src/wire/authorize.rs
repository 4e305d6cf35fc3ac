//! The authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 8707 section 2.1).

use crate::config::Endpoint;
use crate::provider::Parameter;
use crate::wire::{form, text};

/// Everything that goes into the URL that the person opens.
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) endpoint: Endpoint<'a>,
    pub(crate) client_id: &'a str,
    pub(crate) redirect_uri: &'a str,
    pub(crate) scopes: &'a [String],
    pub(crate) resources: &'a [String],
    pub(crate) state: &'a str,
    pub(crate) challenge: &'a str,
    pub(crate) nonce: Option<&'a str>,
    pub(crate) extra: &'a [Parameter],
}

impl AuthorizationRequest<'_> {
    /// The URL. A query that the endpoint has already is kept, except for parameters that are ours.
    pub(crate) fn url(&self) -> String {
        let ours = self.parameters();
        let is_ours = |name: &str| name != "resource" && ours.iter().any(|pair| pair.name == name);
        let mut pairs: Vec<Parameter> = Vec::new();
        for (name, value) in form::decode(self.endpoint.query().unwrap_or_default()) {
            if !is_ours(&name) {
                push_new(&mut pairs, Parameter { name, value });
            }
        }
        for pair in ours {
            push_new(&mut pairs, pair);
        }
        let query = form::encode(pairs.iter().map(|pair| (&*pair.name, &*pair.value)));
        text::joined(&[&self.endpoint.origin(), self.endpoint.path(), "?", &query])
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut pairs = vec![
            Parameter::new("response_type", "code"),
            Parameter::new("client_id", self.client_id),
            Parameter::new("redirect_uri", self.redirect_uri),
        ];
        let mut scope = String::new();
        for one in self.scopes {
            text::append(&mut scope, " ", one);
        }
        if !scope.is_empty() {
            pairs.push(Parameter::new("scope", scope));
        }
        pairs.push(Parameter::new("state", self.state));
        pairs.push(Parameter::new("code_challenge", self.challenge));
        pairs.push(Parameter::new("code_challenge_method", "S256"));
        pairs.extend(self.nonce.map(|nonce| Parameter::new("nonce", nonce)));
        pairs.extend(self.resources.iter().map(|resource| Parameter::new("resource", resource)));
        pairs.extend(self.extra.iter().cloned());
        pairs
    }
}

fn push_new(pairs: &mut Vec<Parameter>, pair: Parameter) {
    if !pairs.contains(&pair) {
        pairs.push(pair);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::check_endpoint;

    fn url_for(endpoint: &str, resources: &[String]) -> String {
        AuthorizationRequest {
            endpoint: check_endpoint(endpoint).unwrap(),
            client_id: "native",
            redirect_uri: "http://127.0.0.1:1/callback",
            scopes: &["openid".to_owned(), "read all".to_owned()],
            resources,
            state: "s",
            challenge: "c",
            nonce: None,
            extra: &[Parameter::new("prompt", "consent")],
        }
        .url()
    }

    #[test]
    fn the_endpoints_own_query_is_kept_and_nothing_is_sent_twice() {
        let resource = ["https://api.example/".to_owned()];
        let url = url_for("https://as.example/a?tenant=1&state=old&resource=https%3A%2F%2Fapi.example%2F", &resource);
        let url = url::Url::parse(&url).unwrap();
        let names: Vec<_> = url.query_pairs().map(|(name, _)| name.into_owned()).collect();
        for name in &names {
            assert_eq!(names.iter().filter(|other| *other == name).count(), 1, "{name}");
        }
        assert!(url.query_pairs().any(|pair| pair == ("tenant".into(), "1".into())));
        assert!(url.query_pairs().any(|pair| pair == ("state".into(), "s".into())));
    }

    #[test]
    fn several_resources_are_several_pairs() {
        let url = url_for("https://as.example/a", &["https://a.example/".to_owned(), "https://b.example/".to_owned()]);
        assert_eq!(url.matches("resource=").count(), 2);
    }
}
