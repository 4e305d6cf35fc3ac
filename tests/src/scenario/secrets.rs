//! What the walks plant, so that a test can look for it everywhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::json;

use super::{ISSUER, START, moment};

/// The stored access token; it is also the one that a caller rejects.
pub const ACCESS_TOKEN: &str = "planted-access-token-4f7d21c09b";
/// The stored refresh token.
pub const REFRESH_TOKEN: &str = "planted-refresh-token-8c1e55d3a7";
/// The access token that an exchange or a renewal brings.
pub const NEW_ACCESS_TOKEN: &str = "planted-new-access-token-03bb9e61f2";
/// The refresh token that an exchange or a renewal brings.
pub const NEW_REFRESH_TOKEN: &str = "planted-new-refresh-token-d94a7710ce";
/// The access token that another process stored.
pub const THEIR_ACCESS_TOKEN: &str = "planted-their-access-token-5a20fd8b14";
/// The refresh token that another process stored.
pub const THEIR_REFRESH_TOKEN: &str = "planted-their-refresh-token-e7630c9f88";
/// The authorization code.
pub const CODE: &str = "planted-code-b1f2937ad6";
/// The client's secret.
pub const CLIENT_SECRET: &str = "planted-client-secret-66e0c84d15";

/// The `state` of every login here.
#[must_use]
pub fn state() -> String {
    moment(0).draw_text("state")
}

/// The PKCE verifier of every login here.
#[must_use]
pub fn verifier() -> String {
    moment(0).draw_text("code verifier")
}

/// The nonce of every login here.
#[must_use]
pub fn nonce() -> String {
    moment(0).draw_text("nonce")
}

/// The ID token that an exchange or a renewal brings, for a person.
#[must_use]
pub fn id_token(sub: &str) -> String {
    let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
    let exp = START.0 / 1_000 + 3_600;
    let claims = json!({ "iss": ISSUER, "aud": "native", "sub": sub, "nonce": nonce(), "exp": exp });
    format!("{}.{}.planted-signature", part(json!({ "alg": "RS256" })), part(claims))
}

/// All twelve. `state` and nonce are in the authorization URL, for the server and the browser to see; the others are
/// nobody's but ours.
#[must_use]
pub fn all() -> Vec<String> {
    let fixed = [
        ACCESS_TOKEN,
        REFRESH_TOKEN,
        NEW_ACCESS_TOKEN,
        NEW_REFRESH_TOKEN,
        THEIR_ACCESS_TOKEN,
        THEIR_REFRESH_TOKEN,
        CODE,
        CLIENT_SECRET,
    ];
    let mut all: Vec<String> = fixed.into_iter().map(str::to_owned).collect();
    all.extend([state(), verifier(), nonce(), id_token("person-1")]);
    all
}
