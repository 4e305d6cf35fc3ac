//! What the server remembers and decides, apart from HTTP: codes, families of tokens, and what happened to them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sha2::{Digest, Sha256};
use tokenway_core::secret::{Secret, TokenHash};

use super::CLIENT_ID;
use super::authorize::AuthorizationRequest;
use super::parameters::Parameters;

/// RFC 6749 section 4.1.2 asks for ten minutes at most; a browser on the same machine needs a moment.
const CODE_LIFE: Duration = Duration::from_secs(60);

/// Bytes of randomness in a code or a token.
const TOKEN_BYTES: usize = 32;

/// What happened so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// Codes that became tokens.
    pub(crate) exchanges: u32,
    /// Refresh tokens that were rotated.
    pub(crate) refreshes: u32,
    /// Codes and refresh tokens that came a second time, and revoked their family.
    pub(crate) reuses: u32,
    /// Families that their client revoked.
    pub(crate) revocations: u32,
}

/// All codes and tokens, by their hashes.
pub(super) struct Grants {
    pub(super) issuer: String,
    access_token_life: Duration,
    /// Requests that a person was asked about and did not answer yet.
    asked: BTreeMap<TokenHash, AuthorizationRequest>,
    codes: BTreeMap<TokenHash, Code>,
    spent_codes: BTreeMap<TokenHash, FamilyId>,
    families: Vec<Family>,
    refresh_tokens: BTreeMap<TokenHash, FamilyId>,
    access_tokens: BTreeMap<TokenHash, AccessToken>,
    counts: Counts,
}

/// What a token request gives.
pub(super) struct Tokens {
    pub(super) access_token: Secret,
    pub(super) refresh_token: Secret,
    pub(super) expires_in: Duration,
    pub(super) scope: String,
}

/// An error of RFC 6749 section 5.2.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub(super) code: &'static str,
    pub(super) description: &'static str,
}

struct Code {
    request: AuthorizationRequest,
    expires: Instant,
}

/// All tokens that descend from one login.
struct Family {
    scope: String,
    /// The one refresh token that is good; nothing once the family is revoked.
    current: Option<TokenHash>,
}

#[derive(Clone, Copy)]
struct FamilyId(usize);

struct AccessToken {
    family: FamilyId,
    expires: Instant,
}

impl Grants {
    pub(super) fn new(issuer: String, access_token_life: Duration) -> Self {
        Grants {
            issuer,
            access_token_life,
            asked: BTreeMap::new(),
            codes: BTreeMap::new(),
            spent_codes: BTreeMap::new(),
            families: Vec::new(),
            refresh_tokens: BTreeMap::new(),
            access_tokens: BTreeMap::new(),
            counts: Counts::default(),
        }
    }

    pub(super) fn counts(&self) -> Counts {
        self.counts
    }

    /// Remembers a request until the person answers; what it returns names the question, once.
    pub(super) fn ask(&mut self, request: AuthorizationRequest) -> Result<Secret, Refusal> {
        let question = random()?;
        self.asked.insert(question.hash(), request);
        Ok(question)
    }

    /// Takes the person's answer. Returns where their browser goes, or nothing when nobody asked.
    pub(super) fn decide(&mut self, question: &str, allow: bool, now: Instant) -> Result<Option<String>, Refusal> {
        let Some(request) = self.asked.remove(&hash(question)) else { return Ok(None) };
        if !allow {
            return Ok(Some(request.denied()));
        }
        let code = random()?;
        let location = request.allowed(code.expose());
        self.codes.insert(code.hash(), Code { request, expires: now + CODE_LIFE });
        Ok(Some(location))
    }

    /// A request to the token endpoint.
    pub(super) fn token(&mut self, form: &Parameters, now: Instant) -> Result<Tokens, Refusal> {
        if form.value("client_id") != Some(CLIENT_ID) {
            return Err(Refusal { code: "invalid_client", description: "the client is not known" });
        }
        match form.value("grant_type") {
            Some("authorization_code") => self.exchange(form, now),
            Some("refresh_token") => self.refresh(form, now),
            Some(_) => Err(Refusal { code: "unsupported_grant_type", description: "use a code or a refresh token" }),
            None => Err(invalid_request("grant_type is missing")),
        }
    }

    /// RFC 7009: revokes the family of an access or refresh token. A token that nobody knows is no error.
    pub(super) fn revoke(&mut self, token: &str) {
        let token = hash(token);
        let access = self.access_tokens.get(&token).map(|access| access.family);
        if let Some(family) = self.refresh_tokens.get(&token).copied().or(access)
            && self.families[family.0].current.take().is_some()
        {
            self.counts.revocations += 1;
        }
    }

    /// Whether an access token is good now.
    pub(super) fn admits(&self, access_token: &str, now: Instant) -> bool {
        self.access_tokens
            .get(&hash(access_token))
            .is_some_and(|access| now < access.expires && self.families[access.family.0].current.is_some())
    }

    /// RFC 6749 section 4.1.3 and RFC 7636 section 4.6. Whatever comes of it, the code is spent.
    fn exchange(&mut self, form: &Parameters, now: Instant) -> Result<Tokens, Refusal> {
        let sent = hash(form.value("code").ok_or(invalid_request("code is missing"))?);
        let Some(code) = self.codes.remove(&sent) else {
            if let Some(family) = self.spent_codes.get(&sent).copied() {
                self.reused(family);
            }
            return Err(invalid_grant("the code is unknown or was used before"));
        };
        if now >= code.expires {
            return Err(invalid_grant("the code has expired"));
        }
        if form.value("redirect_uri") != Some(&code.request.redirect_uri) {
            return Err(invalid_grant("redirect_uri is not the one of the authorization request"));
        }
        if challenge(form.value("code_verifier").unwrap_or_default()) != code.request.challenge {
            return Err(invalid_grant("code_verifier does not match the code_challenge"));
        }
        let family = FamilyId(self.families.len());
        self.families.push(Family { scope: code.request.scope, current: None });
        self.spent_codes.insert(sent, family);
        self.counts.exchanges += 1;
        self.issue(family, now)
    }

    /// RFC 6749 section 6; the refresh token rotates (RFC 9700 section 4.14.2).
    fn refresh(&mut self, form: &Parameters, now: Instant) -> Result<Tokens, Refusal> {
        let sent = hash(form.value("refresh_token").ok_or(invalid_request("refresh_token is missing"))?);
        let family = *self.refresh_tokens.get(&sent).ok_or(invalid_grant("the refresh token is unknown"))?;
        match &self.families[family.0].current {
            Some(current) if *current == sent => {
                self.counts.refreshes += 1;
                self.issue(family, now)
            }
            Some(_) => {
                self.reused(family);
                Err(invalid_grant("the refresh token was used before: its whole family is revoked"))
            }
            None => Err(invalid_grant("the refresh token was revoked")),
        }
    }

    fn issue(&mut self, family: FamilyId, now: Instant) -> Result<Tokens, Refusal> {
        let (access_token, refresh_token) = (random()?, random()?);
        let expires = now + self.access_token_life;
        self.access_tokens.insert(access_token.hash(), AccessToken { family, expires });
        self.refresh_tokens.insert(refresh_token.hash(), family);
        let lineage = &mut self.families[family.0];
        lineage.current = Some(refresh_token.hash());
        Ok(Tokens { access_token, refresh_token, expires_in: self.access_token_life, scope: lineage.scope.clone() })
    }

    fn reused(&mut self, family: FamilyId) {
        self.families[family.0].current = None;
        self.counts.reuses += 1;
    }
}

impl Tokens {
    /// RFC 6749 section 5.1. A life is told in whole seconds, never longer than it is.
    pub(super) fn to_json(&self) -> serde_json::Value {
        serde_json::json!({
            "access_token": self.access_token.expose(),
            "token_type": "Bearer",
            "expires_in": self.expires_in.as_secs(),
            "refresh_token": self.refresh_token.expose(),
            "scope": self.scope,
        })
    }
}

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

fn hash(token: &str) -> TokenHash {
    Secret::from(token).hash()
}

fn random() -> Result<Secret, Refusal> {
    let mut bytes = [0; TOKEN_BYTES];
    getrandom::fill(&mut bytes)
        .map_err(|_| Refusal { code: "server_error", description: "the operating system gave no randomness" })?;
    Ok(Secret::new(URL_SAFE_NO_PAD.encode(bytes)))
}

pub(super) fn invalid_request(description: &'static str) -> Refusal {
    Refusal { code: "invalid_request", description }
}

fn invalid_grant(description: &'static str) -> Refusal {
    Refusal { code: "invalid_grant", description }
}
