//! Records and ledgers, as a store brings them.

use super::jwt::OTHER_ISSUER;
use super::{Redactor, SecretKind};
use crate::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use crate::lifecycle::record::{LoginId, Record, Unknown};
use crate::secret::Secret;

/// The longest scope that is kept as it is.
const LONGEST_SCOPE: usize = 96;

/// The most digits in a row of a scope that is kept as it is: more name a thing or a person.
const MOST_DIGITS: usize = 3;

impl Redactor<'_> {
    pub(super) fn record(&mut self, record: &Record) -> Record {
        let is_ours = record.client_id == self.config.client.id;
        let client_id = if is_ours { record.client_id.clone() } else { "other-client".to_owned() };
        let issuer = record.issuer.as_ref().map(|issuer| self.issuer(issuer));
        let access_token = Secret::new(self.access_token(record.access_token.expose()));
        let refresh_token = record.refresh_token.as_ref().map(|token| Secret::new(self.refresh_token(token.expose())));
        let is_kept = |name: &String| self.config.provider.identity.iter().any(|claim| claim.name == *name);
        let kept: Vec<_> = record.claims.iter().filter(|(name, _)| is_kept(name)).collect();
        let claims =
            kept.into_iter().map(|(name, value)| (name.clone(), self.stand_ins.of_claim(name, value))).collect();
        Record {
            format: record.format,
            login_id: self.login_id(&record.login_id),
            generation: record.generation,
            client_id,
            issuer,
            token_endpoint: endpoint(&record.token_endpoint),
            revocation_endpoint: record.revocation_endpoint.as_deref().map(endpoint),
            mark: record.mark,
            access_token,
            token_type: name(&record.token_type),
            refresh_token,
            scopes: record.scopes.as_ref().map(|scopes| scopes.iter().map(|scope| self.scope(scope)).collect()),
            resources: record.resources.iter().map(|resource| self.resource(resource)).collect(),
            claims,
            expires_at: record.expires_at,
            due_at: record.due_at,
            renewed_at: record.renewed_at,
            renewed_from: record.renewed_from.as_ref().map(|hash| self.stand_ins.hash(hash)),
            renewed_for_rejection: record.renewed_for_rejection,
            unknown: Unknown::default(),
        }
    }

    pub(super) fn stored_ledger(&mut self, ledger: &StoredLedger) -> StoredLedger {
        match ledger {
            StoredLedger::Absent | StoredLedger::Newer | StoredLedger::Unreadable => ledger.clone(),
            StoredLedger::Read(ledger) => StoredLedger::Read(self.ledger(ledger)),
        }
    }

    fn ledger(&mut self, ledger: &Ledger) -> Ledger {
        let intent = ledger.intent.as_ref();
        Ledger {
            login_id: ledger.login_id.as_ref().map(|login_id| self.login_id(login_id)),
            intent: intent.map(|intent| Intent { token: self.stand_ins.hash(&intent.token), ..intent.clone() }),
            lands_in: ledger.lands_in,
            cool_down: ledger.cool_down,
            refused: ledger.refused.as_ref().map(|hash| self.stand_ins.hash(hash)),
        }
    }

    fn login_id(&mut self, login_id: &LoginId) -> LoginId {
        LoginId(self.text(SecretKind::LoginId, &login_id.0))
    }

    fn resource(&self, resource: &str) -> String {
        let asked_for = self.config.resources.iter().any(|asked| asked == resource);
        if asked_for { resource.to_owned() } else { "https://other-resource.example".to_owned() }
    }

    /// A scope that was asked for, or one that reads like a name; a stand-in for any other.
    pub(super) fn scope(&mut self, scope: &str) -> String {
        let asked_for = self.config.scopes.iter().any(|asked| asked == scope);
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:/".contains(c);
        let digits = scope.split(|c: char| !c.is_ascii_digit()).map(str::len).max().unwrap_or_default();
        let reads_like_a_name = scope.len() <= LONGEST_SCOPE && scope.chars().all(plain) && digits <= MOST_DIGITS;
        if asked_for || reads_like_a_name {
            return scope.to_owned();
        }
        let mark = if scope.bytes().all(|byte| byte.is_ascii_graphic()) { "" } else { "é" };
        format!("{}{mark}", self.text(SecretKind::Scope, scope))
    }
}

/// A token type that reads like one.
pub(super) fn name(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphabetic() || "-_ ".contains(c);
    if text.len() <= 24 && text.chars().all(plain) { text.to_owned() } else { "other-type".to_owned() }
}

/// Without a query, in which a server may hide anything.
fn endpoint(url: &str) -> String {
    let place = url.split(['?', '#']).next().unwrap_or_default();
    if place.contains('@') { OTHER_ISSUER.to_owned() } else { place.to_owned() }
}
