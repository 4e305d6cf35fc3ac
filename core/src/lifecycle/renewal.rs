//! Records from token answers.

use crate::config::Config;
use crate::lifecycle::record::{LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use crate::lifecycle::{identity, policy};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::named::Named;
use crate::provider::Endpoints;
use crate::secret::Secret;
use crate::wire::jwt;
use crate::wire::token::Tokens;

/// The record of a new login.
pub(crate) fn first(
    config: &Config,
    endpoints: &Endpoints,
    requested: &[String],
    tokens: Tokens,
    received_at: UnixMillis,
    moment: &Moment,
) -> Record {
    let (expires_at, due_at) = lifetime(config, &tokens, received_at, moment);
    Record {
        format: RECORD_FORMAT,
        login_id: LoginId(moment.draw_text("login id")),
        generation: 1,
        client_id: config.client.id.clone(),
        issuer: config.provider.issuer.clone(),
        token_endpoint: endpoints.token.clone(),
        revocation_endpoint: endpoints.revocation.clone(),
        mark: Mark::LoggedIn,
        claims: identity::read(&config.provider, &tokens.access_token, tokens.id_token.as_ref()),
        token_type: tokens.token_type.as_str().to_owned(),
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
        scopes: Some(tokens.scopes.unwrap_or_else(|| requested.to_vec())),
        resources: config.resources.clone(),
        expires_at,
        due_at,
        renewed_at: received_at,
        renewed_from: None,
        renewed_for_rejection: false,
        unknown: Unknown::default(),
    }
}

/// The record after a renewal. What the answer leaves out is carried forward (RFC 6749 section 6).
pub(crate) fn next(
    config: &Config,
    before: &Record,
    spent: &Secret,
    tokens: Tokens,
    received_at: UnixMillis,
    for_rejection: bool,
    moment: &Moment,
) -> Record {
    let (expires_at, due_at) = lifetime(config, &tokens, received_at, moment);
    let mut claims: Named<String> = before.claims.clone();
    claims.extend(identity::read(&config.provider, &tokens.access_token, tokens.id_token.as_ref()));
    Record {
        format: before.format.max(RECORD_FORMAT),
        generation: before.generation.saturating_add(1),
        claims,
        token_type: tokens.token_type.as_str().to_owned(),
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token.or_else(|| before.refresh_token.clone()),
        scopes: tokens.scopes.or_else(|| before.scopes.clone()),
        expires_at,
        due_at,
        renewed_at: received_at,
        renewed_from: Some(spent.hash()),
        renewed_for_rejection: for_rejection,
        ..before.clone()
    }
}

/// The record after an answer whose access token is of no use, but whose refresh token is the only one left.
pub(crate) fn next_refresh_token_only(before: &Record, spent: &Secret, refresh_token: Secret) -> Record {
    Record {
        generation: before.generation.saturating_add(1),
        refresh_token: Some(refresh_token),
        renewed_from: Some(spent.hash()),
        ..before.clone()
    }
}

fn lifetime(
    config: &Config,
    tokens: &Tokens,
    received_at: UnixMillis,
    moment: &Moment,
) -> (Option<UnixMillis>, Option<UnixMillis>) {
    let answered = tokens.expires_in.map(|seconds| Millis::seconds(u64::from(seconds)));
    let read = || if config.provider.expiry_from_jwt { jwt_life(&tokens.access_token, received_at) } else { None };
    match answered.or_else(read) {
        Some(life) => {
            let (expires_at, due_at) = policy::lifetime(moment, received_at, life);
            (Some(expires_at), Some(due_at))
        }
        None => (None, None),
    }
}

/// The life that a JWT gives itself: `exp - iat` where it says both, so that a wrong clock here does not matter.
fn jwt_life(access_token: &Secret, received_at: UnixMillis) -> Option<Millis> {
    let claims = jwt::claims(access_token.expose()).ok()?;
    let exp = claims.number(&["exp"])?;
    let start = claims.number(&["iat"]).unwrap_or(received_at.0 / 1_000);
    exp.checked_sub(start).filter(|life| *life > 0).map(Millis::seconds)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::base64;

    fn life(claims: &str, received_at: u64) -> Option<Millis> {
        let token = format!("{}.{}.c2ln", base64::url_safe(b"{\"alg\":\"none\"}"), base64::url_safe(claims.as_bytes()));
        jwt_life(&Secret::new(token), UnixMillis(received_at))
    }

    #[test]
    fn a_jwt_says_how_long_it_lives_by_its_own_clock_or_else_by_ours() {
        assert_eq!(life(r#"{"iat":1000,"exp":1600}"#, 9_999_999_999), Some(Millis::seconds(600)));
        assert_eq!(life(r#"{"exp":1600}"#, 1_000_500), Some(Millis::seconds(600)));
        for lifeless in [r#"{"iat":1600,"exp":1600}"#, r#"{"iat":1601,"exp":1600}"#, r#"{"iat":1600}"#] {
            assert_eq!(life(lifeless, 0), None, "{lifeless}");
        }
    }
}
