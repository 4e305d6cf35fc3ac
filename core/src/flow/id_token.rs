//! The checks of an ID token that need no keys (OIDC Core 3.1.3.7 and 12.2).
//!
//! The token came straight from the token endpoint over TLS. One that cannot be read never loses tokens; one that can
//! be read, and speaks of another login, is refused.

use crate::config::Config;
use crate::error::NextStep;
use crate::moment::{Millis, UnixMillis};
use crate::secret::Secret;
use crate::wire::jwt::{self, Claims};

/// How far a server's clock may lie from ours.
const SKEW: Millis = Millis::seconds(60);

/// What is wrong with an ID token, and what to do about it.
pub(crate) struct Unfit {
    pub(crate) detail: String,
    pub(crate) next: NextStep,
}

/// The ID token of a new login.
pub(crate) fn check_first(
    config: &Config,
    id_token: Option<&Secret>,
    nonce: Option<&Secret>,
    now: UnixMillis,
) -> Result<(), Unfit> {
    let Some(claims) = readable(id_token) else { return Ok(()) };
    if config.issuer().is_some() && claims.text(&["iss"]).is_none() {
        return Err(misconfigured("the ID token does not say who issued it (iss)"));
    }
    if claims.audience().is_empty() {
        return Err(misconfigured("the ID token does not say to whom it was issued (aud)"));
    }
    check_origin(config, &claims).map_err(|detail| misconfigured(&detail))?;
    if let Some(nonce) = nonce {
        let said = Secret::new(claims.text(&["nonce"]).unwrap_or_default());
        if said != *nonce {
            let detail = "the ID token's nonce is not the one that was sent".to_owned();
            return Err(Unfit { detail, next: NextStep::LogIn });
        }
    }
    let alive = |exp: u64| Millis::seconds(exp).plus(SKEW).0 >= now.0;
    if !claims.number(&["exp"]).is_some_and(alive) {
        let detail = "the ID token has expired, or does not say when it will".to_owned();
        let what = "Set this machine's clock, then log in again.";
        return Err(Unfit { detail, next: NextStep::fix(what) });
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

fn misconfigured(detail: &str) -> Unfit {
    let what = "Check the issuer and the client id.";
    Unfit { detail: detail.to_owned(), next: NextStep::fix(what) }
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
