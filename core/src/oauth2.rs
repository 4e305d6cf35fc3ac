//! The `oauth2` crate's types and ours (feature `oauth2`).
//!
//! - Its typed secrets become a [`Secret`], its ids, URLs and scopes a configuration.
//! - [`token_response`] hands a stored login to code that is generic over its
//!   [`TokenResponse`] (RFC 6749 section 5.1).
//! - [`record_from_token_response`] makes a login of the answer that such code received, so that a program can move
//!   over without asking its users to log in again.

use std::time::Duration;

use oauth2::basic::{BasicTokenResponse, BasicTokenType};
use oauth2::{
    AccessToken, AuthUrl, ClientId, ClientSecret, EmptyExtraTokenFields, RedirectUrl, RefreshToken, RevocationUrl,
    Scope, TokenResponse, TokenUrl,
};

use crate::config::Builder;
use crate::lifecycle::policy;
use crate::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::provider::Endpoints;
use crate::secret::Secret;

macro_rules! secrets_become_ours {
    ($($theirs:ty),+ $(,)?) => {$(
        impl From<$theirs> for Secret {
            fn from(theirs: $theirs) -> Self {
                Secret::new(theirs.into_secret())
            }
        }
    )+};
}

secrets_become_ours!(
    oauth2::AccessToken,
    oauth2::AuthorizationCode,
    oauth2::ClientSecret,
    oauth2::PkceCodeVerifier,
    oauth2::RefreshToken,
);

impl Endpoints {
    /// The endpoints of a client of that crate. Nothing of RFC 9207 is known of such a server.
    #[must_use]
    pub fn from_oauth2(auth_url: &AuthUrl, token_url: &TokenUrl, revocation_url: Option<&RevocationUrl>) -> Self {
        Endpoints {
            authorization: auth_url.to_string(),
            token: token_url.to_string(),
            revocation: revocation_url.map(ToString::to_string),
            iss_in_response: false,
        }
    }
}

impl Builder {
    /// The ids, scopes and the redirect URI of a client of that crate, and its secret if it has one.
    #[must_use]
    pub fn oauth2_client(
        self,
        client_id: &ClientId,
        secret: Option<ClientSecret>,
        redirect_url: Option<&RedirectUrl>,
        scopes: impl IntoIterator<Item = Scope>,
    ) -> Self {
        let mut builder = self.client_id(client_id.as_str()).scopes(scopes.into_iter().map(|scope| scope.to_string()));
        if let Some(redirect_url) = redirect_url {
            builder = builder.redirect_uri(redirect_url.as_str());
        }
        match secret {
            Some(secret) => builder.client_secret(secret.into()),
            None => builder,
        }
    }
}

/// Where a token response came from, in that crate's types.
#[derive(Clone, Debug)]
pub struct Origin {
    /// The client that asked.
    pub client_id: oauth2::ClientId,
    /// The server's issuer (RFC 8414 section 2), when it has one.
    pub issuer: Option<String>,
    /// Where the tokens are renewed.
    pub token_url: TokenUrl,
    /// Where they are revoked.
    pub revocation_url: Option<RevocationUrl>,
    /// The scopes that were asked for: they count as granted when the response names none (RFC 6749 section 5.1).
    pub requested_scopes: Vec<Scope>,
    /// The resources that were named (RFC 8707): renewals name them again.
    pub resources: Vec<String>,
}

/// The tokens of a stored login as a token response of that crate. `expires_in` counts from `now`, in whole seconds; it
/// is zero for a dead token and absent when nobody knows.
#[must_use]
pub fn token_response(record: &Record, now: UnixMillis) -> BasicTokenResponse {
    let access_token = AccessToken::new(record.access_token.expose().to_owned());
    let mut response = BasicTokenResponse::new(access_token, token_type(record), EmptyExtraTokenFields {});
    response.set_expires_in(record.expires_at.map(|end| Duration::from_millis(end.since(now).0)).as_ref());
    response.set_refresh_token(record.refresh_token.as_ref().map(|token| RefreshToken::new(token.expose().to_owned())));
    response.set_scopes(record.scopes.as_ref().map(|scopes| scopes.iter().cloned().map(Scope::new).collect()));
    response
}

/// A new login from a token response that was received at `moment`. Its claims are empty: what a response tells beyond
/// RFC 6749 is not part of [`TokenResponse`].
#[must_use]
pub fn record_from_token_response(response: &impl TokenResponse, origin: Origin, moment: &Moment) -> Record {
    let life = response.expires_in().filter(|life| !life.is_zero());
    let (expires_at, due_at) = life
        .map(|life| policy::lifetime(moment, moment.now, Millis::seconds(life.as_secs())))
        .map_or((None, None), |(expires_at, due_at)| (Some(expires_at), Some(due_at)));
    let scopes = response.scopes().unwrap_or(&origin.requested_scopes);
    Record {
        format: RECORD_FORMAT,
        login_id: LoginId(moment.draw_text("login id")),
        generation: 1,
        client_id: origin.client_id.to_string(),
        issuer: origin.issuer,
        token_endpoint: origin.token_url.to_string(),
        revocation_endpoint: origin.revocation_url.map(|url| url.to_string()),
        mark: Mark::LoggedIn,
        access_token: response.access_token().clone().into(),
        token_type: token_type_name(response.token_type()),
        refresh_token: response.refresh_token().cloned().map(Secret::from),
        scopes: Some(scopes.iter().map(|scope| scope.to_string()).collect()),
        claims: Default::default(),
        expires_at,
        due_at,
        renewed_at: moment.now,
        renewed_from: None,
        resources: origin.resources,
        renewed_for_rejection: false,
        unknown: Unknown::default(),
    }
}

fn token_type(record: &Record) -> BasicTokenType {
    if record.token_type.eq_ignore_ascii_case("bearer") {
        BasicTokenType::Bearer
    } else {
        BasicTokenType::Extension(record.token_type.clone())
    }
}

/// A token type by the name that it writes itself with; the registered spelling for `Bearer`.
fn token_type_name(token_type: &impl oauth2::TokenType) -> String {
    let written = serde_json::to_value(token_type).ok();
    let name = written.as_ref().and_then(|value| value.as_str()).unwrap_or("Bearer");
    if name.eq_ignore_ascii_case("bearer") { "Bearer".to_owned() } else { name.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::provider::Provider;

    #[test]
    fn a_token_response_becomes_a_login_and_a_login_a_token_response() {
        let json =
            r#"{"access_token":"AT","token_type":"bearer","expires_in":3600,"refresh_token":"RT","scope":"a b"}"#;
        let response: BasicTokenResponse = serde_json::from_str(json).unwrap();
        let moment = Moment { now: UnixMillis(1_000_000), entropy: [7; 32] };

        let record = record_from_token_response(&response, origin(), &moment);

        assert_eq!(record.access_token, Secret::from("AT"));
        assert_eq!(record.refresh_token, Some(Secret::from("RT")));
        assert_eq!(record.token_type, "Bearer");
        assert_eq!(record.token_endpoint, "https://as.example/token");
        assert_eq!(record.resources, ["https://api.example/"]);
        assert_eq!(record.expires_at, Some(UnixMillis(4_600_000)));
        assert!(record.due_at < record.expires_at && record.due_at > Some(moment.now));

        let back = token_response(&record, UnixMillis(1_600_000));

        assert_eq!(back.expires_in(), Some(Duration::from_secs(3_000)));
        assert_eq!(back.access_token().secret(), "AT");
        assert_eq!(back.refresh_token().map(RefreshToken::secret).map(String::as_str), Some("RT"));
        assert_eq!(back.token_type(), &BasicTokenType::Bearer);
        assert_eq!(back.scopes(), Some(&vec![Scope::new("a".to_owned()), Scope::new("b".to_owned())]));
    }

    #[test]
    fn what_a_response_leaves_out_stays_unknown_and_unnamed_scopes_are_those_asked_for() {
        let json = r#"{"access_token":"AT","token_type":"DPoP","expires_in":0}"#;
        let response: BasicTokenResponse = serde_json::from_str(json).unwrap();

        let record = record_from_token_response(&response, origin(), &Moment { now: UnixMillis(5), entropy: [0; 32] });

        assert_eq!(record.expires_at, None);
        assert_eq!(record.due_at, None);
        assert_eq!(record.refresh_token, None);
        assert_eq!(record.scopes, Some(vec!["asked".to_owned()]));
        assert_eq!(token_response(&record, UnixMillis(6)).expires_in(), None);
    }

    #[test]
    fn their_secrets_become_ours_and_stay_hidden() {
        let secret: Secret = oauth2::ClientSecret::new("hunter2".to_owned()).into();
        assert_eq!(secret.expose(), "hunter2");
        assert_eq!(format!("{secret:?}"), "Secret(..)");
        assert_eq!(Secret::from(oauth2::AuthorizationCode::new("code".to_owned())).expose(), "code");
        assert_eq!(Secret::from(oauth2::PkceCodeVerifier::new("v".repeat(43))).expose().len(), 43);
    }

    #[test]
    fn their_client_becomes_a_configuration() {
        let auth = AuthUrl::new("https://as.example/authorize".to_owned()).unwrap();
        let token = TokenUrl::new("https://as.example/token".to_owned()).unwrap();
        let redirect = RedirectUrl::new("http://127.0.0.1:0/back".to_owned()).unwrap();
        let provider = Provider::with_endpoints(Endpoints::from_oauth2(&auth, &token, None));
        let id = ClientId::new("native".to_owned());
        let scopes = [Scope::new("read".to_owned())];

        let config = Config::builder(provider).oauth2_client(&id, None, Some(&redirect), scopes).build().unwrap();

        assert_eq!(config.key().client_id, "native");
        assert_eq!(config.scopes, ["read"]);
        assert_eq!(config.redirect_uris, [redirect.to_string()]);
    }

    fn origin() -> Origin {
        Origin {
            client_id: oauth2::ClientId::new("client".to_owned()),
            issuer: None,
            token_url: TokenUrl::new("https://as.example/token".to_owned()).unwrap(),
            revocation_url: None,
            requested_scopes: vec![Scope::new("asked".to_owned())],
            resources: vec!["https://api.example/".to_owned()],
        }
    }
}
