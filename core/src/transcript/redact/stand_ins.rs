//! Which stand-in stands for which secret: the same for the same, whatever the place.

use std::collections::BTreeMap;

use zeroize::Zeroizing;

use crate::secret::{Secret, TokenHash};

/// What kind of secret, or of thing that is nobody else's business.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum SecretKind {
    /// The label that the person chose for the account.
    Account,
    /// An access token.
    AccessToken,
    /// What a token says of the person.
    Claim,
    /// The client secret.
    ClientSecret,
    /// An authorization code.
    Code,
    /// A nonce for DPoP proofs (RFC 9449 section 8).
    DpopNonce,
    /// The random bytes of a moment.
    Entropy,
    /// The hash of a token.
    Hash,
    /// An ID token.
    IdToken,
    /// The random name of a login.
    LoginId,
    /// The nonce of a login.
    Nonce,
    /// A parameter of the caller's.
    Parameter,
    /// A refresh token.
    RefreshToken,
    /// A scope that looks like more than a name.
    Scope,
    /// The signature of a JWT.
    Signature,
    /// The `state` of a login, or what somebody sent as such.
    State,
    /// The code verifier (RFC 7636).
    Verifier,
}

impl SecretKind {
    /// For people, after "would stand": `a refresh token`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            SecretKind::Account => "the account label",
            SecretKind::AccessToken => "an access token",
            SecretKind::Claim => "what a token says of the person",
            SecretKind::ClientSecret => "the client secret",
            SecretKind::Code => "an authorization code",
            SecretKind::DpopNonce => "a DPoP nonce",
            SecretKind::Entropy => "the random bytes of a moment",
            SecretKind::Hash => "the hash of a token",
            SecretKind::IdToken => "an ID token",
            SecretKind::LoginId => "the name of a login",
            SecretKind::Nonce => "the nonce",
            SecretKind::Parameter => "a parameter of the caller's",
            SecretKind::RefreshToken => "a refresh token",
            SecretKind::Scope => "a scope",
            SecretKind::Signature => "the signature of a token",
            SecretKind::State => "the state",
            SecretKind::Verifier => "the code verifier",
        }
    }

    /// Whether a value may not stand anywhere at all. Labels, parameters and scopes only may not stand in their places:
    /// `--account github` says nothing that the issuer does not say.
    fn is_private(self, value: &str) -> bool {
        let is_label = matches!(self, SecretKind::Account | SecretKind::Parameter | SecretKind::Scope);
        !is_label || value.contains('@')
    }

    pub(super) fn label(self) -> &'static str {
        match self {
            SecretKind::Account => "account",
            SecretKind::AccessToken => "access-token",
            SecretKind::Claim => "claim",
            SecretKind::ClientSecret => "client-secret",
            SecretKind::Code => "code",
            SecretKind::DpopNonce => "dpop-nonce",
            SecretKind::Entropy => "entropy",
            SecretKind::Hash => "hash",
            SecretKind::IdToken => "id-token",
            SecretKind::LoginId => "login",
            SecretKind::Nonce => "nonce",
            SecretKind::Parameter => "parameter",
            SecretKind::RefreshToken => "refresh-token",
            SecretKind::Scope => "scope",
            SecretKind::Signature => "signature",
            SecretKind::State => "state",
            SecretKind::Verifier => "verifier",
        }
    }
}

/// A secret of the run.
pub(in crate::transcript) struct Known {
    pub(in crate::transcript) kind: SecretKind,
    pub(in crate::transcript) bytes: Zeroizing<Vec<u8>>,
}

impl Known {
    pub(in crate::transcript) fn new(kind: SecretKind, bytes: &[u8]) -> Self {
        Known { kind, bytes: Zeroizing::new(bytes.to_vec()) }
    }
}

#[derive(Default)]
pub(super) struct StandIns {
    pairs: Vec<(Secret, String)>,
    known: Vec<Known>,
    /// Tokens that hashes may speak of.
    hashed: BTreeMap<TokenHash, (SecretKind, Secret)>,
    counts: BTreeMap<String, u32>,
}

impl StandIns {
    /// The stand-in of a text: `access-token-1`.
    pub(super) fn of(&mut self, kind: SecretKind, secret: &str) -> String {
        self.found(secret).unwrap_or_else(|| {
            let stand_in = self.numbered(kind.label());
            self.pair(kind, secret, &stand_in);
            stand_in
        })
    }

    /// The stand-in of a claim, called by its name: `email-1`.
    pub(super) fn of_claim(&mut self, name: &str, value: &str) -> String {
        self.found(value).unwrap_or_else(|| {
            let stand_in = self.numbered(name);
            self.pair(SecretKind::Claim, value, &stand_in);
            stand_in
        })
    }

    /// The hash of the stand-in of the token that was hashed; of an invention when nobody knows that token.
    pub(super) fn hash(&mut self, hash: &TokenHash) -> TokenHash {
        let stand_in = match self.hashed.get(hash).cloned() {
            Some((kind, secret)) => self.of(kind, secret.expose()),
            None => self.of(SecretKind::Hash, hash.as_str()),
        };
        Secret::new(stand_in).hash()
    }

    pub(super) fn expect_hash_of(&mut self, kind: SecretKind, token: &Secret) {
        self.hashed.entry(token.hash()).or_insert_with(|| (kind, token.clone()));
    }

    pub(super) fn found(&self, secret: &str) -> Option<String> {
        let secret = Secret::new(secret);
        self.pairs.iter().find(|(known, _)| *known == secret).map(|(_, stand_in)| stand_in.clone())
    }

    /// Fixes what stands for a secret. The first word counts.
    pub(super) fn pair(&mut self, kind: SecretKind, secret: &str, stand_in: &str) {
        if secret.is_empty() || self.found(secret).is_some() {
            return;
        }
        if kind.is_private(secret) {
            self.know(kind, secret.as_bytes());
        }
        let secret = Secret::new(secret);
        self.expect_hash_of(kind, &secret);
        self.pairs.push((secret, stand_in.to_owned()));
    }

    /// A secret that nothing stands for: it is only looked for.
    pub(super) fn know(&mut self, kind: SecretKind, secret: &[u8]) {
        self.known.push(Known::new(kind, secret));
    }

    pub(super) fn numbered(&mut self, label: &str) -> String {
        let count = self.counts.entry(label.to_owned()).or_default();
        *count += 1;
        format!("{label}-{count}")
    }

    pub(super) fn into_known(self) -> Vec<Known> {
        self.known
    }
}
