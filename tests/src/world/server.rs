//! The authorization server: codes bound by PKCE, refresh tokens that rotate, reuse detection that revokes the family.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};
use tokenway_core::http::{Body, HttpAnswer, HttpRequest};
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_core::secret::Secret;

use super::browser::query;
use super::faults::Reply;

/// The issuer of everything here.
pub const ISSUER: &str = "https://as.example";

/// The server, and its habits.
pub struct Server {
    /// How long the predecessor of a refresh token is still taken after the rotation.
    pub grace: Millis,
    /// How long an access token lives.
    pub token_life: Millis,
    /// Whether a refresh brings a new refresh token.
    pub rotates: bool,
    /// Who approves the logins, and of whom renewed tokens speak.
    pub subject: String,
    /// What the metadata says: a place (path) and its document; everything else is 404.
    pub metadata: BTreeMap<String, Reply>,
    /// `iss` in the redirect.
    pub iss: Option<String>,
    /// Changes the ID token of the next code exchange.
    pub id_token: Option<fn(&mut Value)>,
    /// Refresh tokens that were taken.
    pub rotations: u32,
    /// Refresh tokens that were refused.
    pub refusals: Vec<Grant>,
    /// Families that were revoked because a spent token came again.
    pub reuses: u32,
    /// Tokens that were revoked on request, in order.
    pub revocations: Vec<String>,
    families: Vec<Family>,
    codes: Vec<Code>,
    access_tokens: Vec<AccessToken>,
    nonces: BTreeMap<usize, String>,
}

/// One refresh token of one login.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Grant {
    /// The login, by number.
    pub family: usize,
    /// How many rotations came before.
    pub index: u32,
}

struct Family {
    current: u32,
    rotated_at: u64,
    revoked: bool,
}

struct Code {
    challenge: String,
    redirect_uri: String,
    nonce: Option<String>,
    family: Option<usize>,
}

struct AccessToken {
    family: usize,
    dies_at: u64,
}

impl Default for Server {
    fn default() -> Self {
        Server {
            grace: Millis::ZERO,
            token_life: Millis::seconds(3_600),
            rotates: true,
            subject: "person-1".to_owned(),
            metadata: BTreeMap::new(),
            iss: None,
            id_token: None,
            rotations: 0,
            refusals: Vec::new(),
            reuses: 0,
            revocations: Vec::new(),
            families: Vec::new(),
            codes: Vec::new(),
            access_tokens: Vec::new(),
            nonces: BTreeMap::new(),
        }
    }
}

impl Server {
    /// Whether a login still stands.
    #[must_use]
    pub fn is_alive(&self, family: usize) -> bool {
        self.families.get(family).is_some_and(|family| !family.revoked)
    }

    /// Whether an API would take this access token.
    #[must_use]
    pub fn accepts(&self, access_token: &Secret, elapsed: u64) -> bool {
        let number = access_token.expose().strip_prefix("virtual-access-token-").and_then(|text| text.parse().ok());
        let token = number.and_then(|number: usize| self.access_tokens.get(number));
        token.is_some_and(|token| self.is_alive(token.family) && elapsed < token.dies_at)
    }

    /// The person, or somebody on their behalf, ends a login at the server.
    pub fn revoke(&mut self, family: usize) {
        self.families[family].revoked = true;
    }

    /// The login to which a refresh token belongs, and its place in the chain.
    #[must_use]
    pub fn grant_of(refresh_token: &str) -> Option<Grant> {
        let (family, index) = refresh_token.strip_prefix("virtual-refresh-token-")?.split_once('-')?;
        Some(Grant { family: family.parse().ok()?, index: index.parse().ok()? })
    }

    /// The refresh token of a login at its place in the chain.
    #[must_use]
    pub fn refresh_token(grant: Grant) -> Secret {
        Secret::new(format!("virtual-refresh-token-{}-{}", grant.family, grant.index))
    }

    /// The person approves the request behind a URL: what the redirect carries.
    pub(super) fn authorize(&mut self, url: &str) -> String {
        let query = query(url);
        let get = |name: &str| query.get(name).cloned().unwrap_or_default();
        assert_eq!(get("response_type"), "code");
        assert_eq!(get("code_challenge_method"), "S256");
        self.codes.push(Code {
            challenge: get("code_challenge"),
            redirect_uri: get("redirect_uri"),
            nonce: query.get("nonce").cloned(),
            family: None,
        });
        let iss = self.iss.as_ref().map(|iss| format!("&iss={}", iss.replace(':', "%3A").replace('/', "%2F")));
        format!("code=virtual-code-{}&state={}{}", self.codes.len() - 1, get("state"), iss.unwrap_or_default())
    }

    /// A request arrives.
    pub(super) fn serve(&mut self, request: &HttpRequest, elapsed: u64, wall: UnixMillis) -> HttpAnswer {
        let path = request.url.strip_prefix(ISSUER).unwrap_or(&request.url);
        let form = fields(&request.body);
        let get = |name: &str| form.get(name).cloned().unwrap_or_default();
        let reply = match path {
            "/token" if get("grant_type") == "authorization_code" => self.exchange(&form, elapsed, wall),
            "/token" => self.refresh(&get("refresh_token"), elapsed, wall),
            "/revoke" => self.revoke_token(&get("token")),
            place => self.metadata.get(place).cloned().unwrap_or_else(|| Reply::text(404, "not found")),
        };
        reply.answer(wall)
    }

    fn exchange(&mut self, form: &BTreeMap<String, String>, elapsed: u64, wall: UnixMillis) -> Reply {
        let get = |name: &str| form.get(name).map(String::as_str).unwrap_or_default();
        let number = get("code").strip_prefix("virtual-code-").and_then(|text| text.parse::<usize>().ok());
        let Some(code) = number.and_then(|number| self.codes.get_mut(number)) else {
            return Reply::error(400, "invalid_grant");
        };
        if let Some(family) = code.family {
            self.families[family].revoked = true;
            return Reply::error(400, "invalid_grant");
        }
        let fits = challenge(get("code_verifier")) == code.challenge && get("redirect_uri") == code.redirect_uri;
        if !fits {
            return Reply::error(400, "invalid_grant");
        }
        let family = self.families.len();
        code.family = Some(family);
        if let Some(nonce) = code.nonce.clone() {
            self.nonces.insert(family, nonce);
        }
        self.families.push(Family { current: 0, rotated_at: elapsed, revoked: false });
        let mut answer = self.tokens(family, elapsed);
        answer["id_token"] = self.mint_id_token(family, wall).into();
        Reply::json(200, &answer.to_string())
    }

    fn refresh(&mut self, token: &str, elapsed: u64, wall: UnixMillis) -> Reply {
        let Some(grant) = Self::grant_of(token).filter(|grant| grant.family < self.families.len()) else {
            return Reply::error(400, "invalid_grant");
        };
        let family = &mut self.families[grant.family];
        let in_grace = grant.index + 1 == family.current && elapsed - family.rotated_at <= self.grace.0;
        let taken = !family.revoked && (grant.index == family.current || (in_grace && self.grace > Millis::ZERO));
        if !taken {
            self.reuses += u32::from(!family.revoked);
            family.revoked = true;
            self.refusals.push(grant);
            return Reply::error(400, "invalid_grant");
        }
        if grant.index == family.current && self.rotates {
            family.current += 1;
            family.rotated_at = elapsed;
        }
        self.rotations += 1;
        let mut answer = self.tokens(grant.family, elapsed);
        answer["id_token"] = self.mint_id_token(grant.family, wall).into();
        if !self.rotates {
            answer.as_object_mut().unwrap().remove("refresh_token");
        }
        Reply::json(200, &answer.to_string())
    }

    fn revoke_token(&mut self, token: &str) -> Reply {
        self.revocations.push(token.to_owned());
        if let Some(grant) = Self::grant_of(token).filter(|grant| grant.family < self.families.len()) {
            self.families[grant.family].revoked = true;
        }
        Reply::text(200, "")
    }

    fn tokens(&mut self, family: usize, elapsed: u64) -> Value {
        self.access_tokens.push(AccessToken { family, dies_at: elapsed + self.token_life.0 });
        json!({
            "access_token": format!("virtual-access-token-{}", self.access_tokens.len() - 1),
            "refresh_token": format!("virtual-refresh-token-{family}-{}", self.families[family].current),
            "token_type": "Bearer",
            "expires_in": self.token_life.0 / 1_000,
        })
    }

    fn mint_id_token(&mut self, family: usize, wall: UnixMillis) -> String {
        let mut claims = json!({
            "iss": ISSUER,
            "aud": "native",
            "sub": self.subject,
            "exp": wall.0 / 1_000 + 3_600,
            "nonce": self.nonces.get(&family),
        });
        if let Some(change) = self.id_token {
            change(&mut claims);
        }
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        format!("{}.{}.c2lnbmF0dXJl", part(&json!({ "alg": "RS256" })), part(&claims))
    }
}

pub(super) fn fields(body: &Body) -> BTreeMap<String, String> {
    match body {
        Body::Form(fields) => {
            fields.iter().map(|field| (field.name.clone(), field.value.expose().to_owned())).collect()
        }
        Body::Empty | Body::Json(_) => BTreeMap::new(),
    }
}

/// S256 (RFC 7636 section 4.2), from the hex digits of the verifier's SHA-256.
fn challenge(verifier: &str) -> String {
    let hash = Secret::new(verifier).hash();
    let bytes: Vec<u8> =
        (0..32).map(|at| u8::from_str_radix(&hash.as_str()[2 * at..2 * at + 2], 16).unwrap()).collect();
    URL_SAFE_NO_PAD.encode(bytes)
}
