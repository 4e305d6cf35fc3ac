//! The checks of an ID token that need no keys (OIDC Core 3.1.3.7 and 12.2).
//!
//! The token came straight from the token endpoint over TLS. One that cannot be read never loses tokens; one that can
//! be read, and speaks of another login, is refused.

use crate::config::Config;
use crate::moment::{Millis, UnixMillis};
use crate::secret::Secret;
use crate::wire::jwt::{self, Claims};

/// How far a server's clock may lie from ours.
const SKEW: Millis = Millis::seconds(60);

/// The ID token of a new login. The error says which claim is wrong, for people.
pub(crate) fn check_first(
    config: &Config,
    id_token: Option<&Secret>,
    nonce: Option<&Secret>,
    now: UnixMillis,
) -> Result<(), String> {
    let Some(claims) = readable(id_token) else { return Ok(()) };
    if config.issuer().is_some() && claims.text(&["iss"]).is_none() {
        return Err("the ID token does not say who issued it (iss)".to_owned());
    }
    if claims.audience().is_empty() {
        return Err("the ID token does not say to whom it was issued (aud)".to_owned());
    }
    check_origin(config, &claims)?;
    if let Some(nonce) = nonce {
        let said = Secret::new(claims.text(&["nonce"]).unwrap_or_default());
        if said != *nonce {
            return Err("the ID token's nonce is not the one that was sent".to_owned());
        }
    }
    let alive = |exp: u64| Millis::seconds(exp).plus(SKEW).0 >= now.0;
    if !claims.number(&["exp"]).is_some_and(alive) {
        return Err("the ID token has expired, or does not say when it will: is this machine's clock right?".to_owned());
    }
    Ok(())
}

/// The ID token of a renewal (OIDC Core 12.2). Who it speaks of is checked with the other identity claims.
pub(crate) fn check_renewed(config: &Config, id_token: Option<&Secret>) -> Result<(), String> {
    match readable(id_token) {
        Some(claims) => check_origin(config, &claims),
        None => Ok(()),
    }
}

fn check_origin(config: &Config, claims: &Claims) -> Result<(), String> {
    let says_other = |issuer: &str| claims.text(&["iss"]).is_some_and(|said| said != issuer);
    if config.issuer().is_some_and(says_other) {
        return Err("the ID token was issued by another server (iss)".to_owned());
    }
    let audience = claims.audience();
    if !audience.is_empty() && !audience.contains(&config.client.id) {
        return Err("the ID token was issued to another client (aud)".to_owned());
    }
    Ok(())
}

fn readable(id_token: Option<&Secret>) -> Option<Claims> {
    id_token.and_then(|token| jwt::claims(token.expose()).ok())
}
