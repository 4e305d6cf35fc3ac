//! The authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3, RFC 8707 section 2.1).

use url::Url;

use crate::provider::Parameter;

/// Everything that goes into the URL that the person opens.
pub(crate) struct AuthorizationRequest<'a> {
    pub(crate) endpoint: &'a Url,
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
        let theirs = self.endpoint.query_pairs().map(|(name, value)| Parameter::new(name, value));
        for pair in theirs.filter(|pair| !is_ours(&pair.name)).chain(ours.iter().cloned()) {
            if !pairs.contains(&pair) {
                pairs.push(pair);
            }
        }
        let mut url = self.endpoint.clone();
        url.query_pairs_mut().clear().extend_pairs(pairs.iter().map(|pair| (&pair.name, &pair.value)));
        url.into()
    }

    fn parameters(&self) -> Vec<Parameter> {
        let mut pairs = vec![
            Parameter::new("response_type", "code"),
            Parameter::new("client_id", self.client_id),
            Parameter::new("redirect_uri", self.redirect_uri),
        ];
        if !self.scopes.is_empty() {
            pairs.push(Parameter::new("scope", self.scopes.join(" ")));
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

#[cfg(test)]
mod tests {
    use super::*;

    fn url_for(endpoint: &str, resources: &[String]) -> String {
        let endpoint = Url::parse(endpoint).unwrap();
        AuthorizationRequest {
            endpoint: &endpoint,
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
        let url = Url::parse(&url).unwrap();
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
