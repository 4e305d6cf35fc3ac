//! The authorization request (RFC 6749 section 4.1.1, RFC 7636 section 4.3) and its answer (RFC 9207).

use url::Url;

use super::CLIENT_ID;
use super::parameters::Parameters;

/// The path that is registered for the client; the port is free (RFC 8252 section 7.3).
const REDIRECT_PATH: &str = "/callback";

/// The length of a base64url SHA-256 digest: every S256 challenge has it.
const CHALLENGE_LENGTH: usize = 43;

/// A request that a person may be asked about.
pub(super) struct AuthorizationRequest {
    /// As it was sent: the token request must repeat it.
    pub(super) redirect_uri: String,
    /// What is asked for, separated by blanks.
    pub(super) scope: String,
    /// Of PKCE, S256.
    pub(super) challenge: String,
    back: Back,
}

/// Why a request is not put before a person.
#[derive(Debug)]
pub(super) enum Unacceptable {
    /// Nobody knows whose redirect URI that is: it is told to the person, never to the URI (RFC 9700 section 4.11).
    Here(&'static str),
    /// The client is told, at this URL.
    There(String),
}

impl AuthorizationRequest {
    /// Checks the query of a request to the authorization endpoint of `issuer`.
    pub(super) fn read(query: &str, issuer: &str) -> Result<Self, Unacceptable> {
        let parameters =
            Parameters::read(query).map_err(|_| Unacceptable::Here("The request repeats one of its parameters."))?;
        if parameters.value("client_id") != Some(CLIENT_ID) {
            return Err(Unacceptable::Here("The program that sent you here is not known to this server."));
        }
        let redirect_uri = parameters.value("redirect_uri").unwrap_or_default();
        let Some(target) = loopback_redirect(redirect_uri) else {
            return Err(Unacceptable::Here(
                "The program that sent you here asks for an answer at an address that is not its own.",
            ));
        };
        let state = parameters.value("state").map(str::to_owned);
        let back = Back { target, state, issuer: issuer.to_owned() };
        if parameters.value("response_type") != Some("code") {
            return Err(Unacceptable::There(back.with("error", "unsupported_response_type")));
        }
        let challenge = parameters.value("code_challenge").unwrap_or_default();
        if parameters.value("code_challenge_method") != Some("S256") || challenge.len() != CHALLENGE_LENGTH {
            return Err(Unacceptable::There(back.with("error", "invalid_request")));
        }
        Ok(AuthorizationRequest {
            redirect_uri: redirect_uri.to_owned(),
            scope: parameters.value("scope").unwrap_or_default().to_owned(),
            challenge: challenge.to_owned(),
            back,
        })
    }

    /// Where the browser goes once the person agreed.
    pub(super) fn allowed(&self, code: &str) -> String {
        self.back.with("code", code)
    }

    /// Where the browser goes once the person refused.
    pub(super) fn denied(&self) -> String {
        self.back.with("error", "access_denied")
    }
}

/// The way back to the client.
struct Back {
    target: Url,
    state: Option<String>,
    issuer: String,
}

impl Back {
    fn with(&self, name: &str, value: &str) -> String {
        let mut url = self.target.clone();
        let mut query = url.query_pairs_mut();
        query.append_pair(name, value);
        if let Some(state) = &self.state {
            query.append_pair("state", state);
        }
        query.append_pair("iss", &self.issuer);
        drop(query);
        url.into()
    }
}

/// Plain `http` to a loopback host, on any port, with exactly the registered path and nothing after it.
fn loopback_redirect(uri: &str) -> Option<Url> {
    let url = Url::parse(uri).ok()?;
    let host = url.host_str()?;
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    let registered = ["127.0.0.1", "[::1]", "localhost"].contains(&host);
    (registered && uri == format!("http://{host}{port}{REDIRECT_PATH}")).then_some(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUER: &str = "http://127.0.0.1:9";
    const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

    fn query(change: &[(&str, &str)]) -> String {
        let mut pairs = vec![
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", "http://127.0.0.1:4000/callback"),
            ("scope", "profile"),
            ("state", "s&1"),
            ("code_challenge", CHALLENGE),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in change {
            pairs.retain(|(key, _)| key != name);
            pairs.push((name, value));
        }
        url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
    }

    #[test]
    fn the_answer_carries_code_state_and_issuer() {
        let request = AuthorizationRequest::read(&query(&[]), ISSUER).ok().unwrap();
        let answer = Url::parse(&request.allowed("c/1")).unwrap();
        assert_eq!((answer.port(), answer.path()), (Some(4000), "/callback"));
        let pairs: Vec<_> = answer.query_pairs().into_owned().collect();
        let expected = [("code", "c/1"), ("state", "s&1"), ("iss", ISSUER)].map(|(k, v)| (k.to_owned(), v.to_owned()));
        assert_eq!(pairs, expected);
        assert!(request.denied().contains("?error=access_denied&state=s%261&iss="));
    }

    #[test]
    fn any_port_of_a_loopback_host_is_registered() {
        for uri in ["http://127.0.0.1:1/callback", "http://[::1]:65535/callback", "http://localhost:8080/callback"] {
            assert!(AuthorizationRequest::read(&query(&[("redirect_uri", uri)]), ISSUER).is_ok(), "{uri}");
        }
    }

    #[test]
    fn a_redirect_to_anywhere_else_is_refused_on_the_page() {
        for uri in [
            "",
            "http://example.test/callback",
            "http://127.0.0.1.example.test/callback",
            "http://127.0.0.1@example.test/callback",
            "http://user@127.0.0.1:1/callback",
            "http://127.1:1/callback",
            "http://2130706433/callback",
            "https://127.0.0.1:1/callback",
            "http://127.0.0.1:1/callback/",
            "http://127.0.0.1:1/x/../callback",
            "http://127.0.0.1:1/callback?next=1",
            "http://127.0.0.1:1/callback#f",
            "http://LOCALHOST:1/callback",
            "custom:/callback",
        ] {
            let refused = AuthorizationRequest::read(&query(&[("redirect_uri", uri)]), ISSUER);
            assert!(matches!(refused, Err(Unacceptable::Here(_))), "{uri}");
        }
    }

    #[test]
    fn an_unknown_client_or_a_repeated_parameter_is_refused_on_the_page() {
        for query in [query(&[("client_id", "other")]), query(&[]) + "&state=2"] {
            assert!(matches!(AuthorizationRequest::read(&query, ISSUER), Err(Unacceptable::Here(_))));
        }
    }

    #[test]
    fn the_client_is_told_that_pkce_s256_and_the_code_flow_are_mandatory() {
        for (name, value, code) in [
            ("code_challenge", "", "invalid_request"),
            ("code_challenge", "short", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
        ] {
            let Err(Unacceptable::There(url)) = AuthorizationRequest::read(&query(&[(name, value)]), ISSUER) else {
                panic!("{name}={value} is accepted");
            };
            assert!(url.starts_with(&format!("http://127.0.0.1:4000/callback?error={code}&state=s%261&iss=")), "{url}");
        }
    }
}
