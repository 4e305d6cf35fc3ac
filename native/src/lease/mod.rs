//! An access token on loan to a container or another machine: the token, its end, and nothing that renews it.
//!
//! A login has one owner. Whoever copies it to a second place has two owners of one rotating refresh token, and the
//! server ends the login as stolen. A [`Lease`] is what can be copied: where it is over, nothing is sent and nobody is
//! logged out; the error says on which machine the next one is to be had.
//!
//! ```no_run
//! # async fn run(client: tokenway::Client) -> Result<(), Box<dyn std::error::Error>> {
//! use std::path::Path;
//! use tokenway::core::lifecycle::Wish;
//! use tokenway::lease::Lease;
//!
//! // Where the login is:
//! let token = client.token().await?;
//! let lease = Lease::of(&token, client.config());
//! lease.write(Path::new("/srv/leases/codex.json")).map_err(|failure| failure.detail)?;
//! // Where it is not:
//! let token = Lease::read(Path::new("/srv/leases/codex.json"))?.token(&Wish::default())?;
//! # Ok(())
//! # }
//! ```

mod document;

use std::fmt;

use serde::{Deserialize, Serialize};
use tokenway_core::config::Config;
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::lifecycle::record::{CredentialKey, LoginId, Mark, RECORD_FORMAT, Record, Unknown};
use tokenway_core::lifecycle::{Standing, TokenNote, Wish, standing};
use tokenway_core::moment::UnixMillis;
use tokenway_core::named::Named;
use tokenway_core::secret::{self, Secret};

use crate::client::AccessToken;
use crate::driver::now;
use crate::machine;
pub use document::UnreadableLease;

/// The format that this version writes.
const LEASE_FORMAT: u32 = 1;

/// An access token on loan. `Debug` shows no secret.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lease {
    #[serde(rename = "tokenway_lease")]
    format: u32,
    key: CredentialKey,
    host: String,
    leased_at: UnixMillis,
    #[serde(with = "secret::exposed")]
    access_token: Secret,
    token_type: String,
    expires_at: Option<UnixMillis>,
    scopes: Option<Vec<String>>,
    claims: Named<String>,
}

impl Lease {
    /// The token as it may be handed to another machine. Of who is logged in only those claims are in it that the
    /// provider's API cannot do without (codex: `account_id`).
    #[must_use]
    pub fn of(token: &AccessToken, config: &Config) -> Self {
        let needed = config.provider().identity.iter().filter(|claim| claim.required);
        let claims = needed.filter_map(|claim| Some((claim.name.clone(), token.claim(&claim.name)?.to_owned())));
        let mut lease = Lease {
            format: LEASE_FORMAT,
            key: config.key().clone(),
            host: machine::name(),
            leased_at: now(),
            access_token: token.secret().clone(),
            token_type: token.token_type().to_owned(),
            expires_at: token.expires_at(),
            scopes: token.scopes().map(<[String]>::to_vec),
            claims: Named::new(),
        };
        claims.for_each(|(name, value)| lease.claims.insert(name, value));
        lease
    }

    /// The token, while it lives. One that lives shorter than `wish` asks for is lent with a note.
    ///
    /// # Errors
    /// The lease is over. Nothing was sent.
    pub fn token(&self, wish: &Wish) -> Result<AccessToken, LeaseOver> {
        let over = |why| LeaseOver { why, key: self.key.clone(), host: self.host.clone() };
        if wish.rejected.as_ref().is_some_and(|rejected| *rejected == self.access_token.hash()) {
            return Err(over(WhyOver::Rejected));
        }
        let record = self.record();
        match (standing(&record, wish, now()), self.expires_at) {
            (Standing::Unusable, at) => Err(over(WhyOver::Ended { at: at.unwrap_or_default() })),
            (Standing::Due | Standing::FreshAsCanBe, _) => Ok(AccessToken::new(record, vec![TokenNote::ShortLived])),
            (Standing::Fresh, _) => Ok(AccessToken::new(record, Vec::new())),
        }
    }

    /// Which login it comes from.
    #[must_use]
    pub fn key(&self) -> &CredentialKey {
        &self.key
    }

    /// The name of the machine that the login is on.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// When it ends, in milliseconds since 1970; `None` when the server did not say.
    #[must_use]
    pub fn expires_at(&self) -> Option<UnixMillis> {
        self.expires_at
    }

    /// When it was handed out, in milliseconds since 1970, by the clock of [`Lease::host`].
    #[must_use]
    pub fn leased_at(&self) -> UnixMillis {
        self.leased_at
    }

    /// Never stored: what a loan looks like to those who judge and lend tokens.
    fn record(&self) -> Box<Record> {
        Box::new(Record {
            format: RECORD_FORMAT,
            login_id: LoginId("lease".to_owned()),
            generation: 1,
            client_id: self.key.client_id.clone(),
            issuer: None,
            token_endpoint: String::new(),
            revocation_endpoint: None,
            mark: Mark::LoggedIn,
            access_token: self.access_token.clone(),
            token_type: self.token_type.clone(),
            refresh_token: None,
            scopes: self.scopes.clone(),
            resources: Vec::new(),
            claims: self.claims.clone(),
            expires_at: self.expires_at,
            due_at: None,
            renewed_at: self.leased_at,
            renewed_from: None,
            renewed_for_rejection: false,
            unknown: Unknown::default(),
        })
    }
}

/// A lease gives no token any more. Nothing was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeaseOver {
    /// Why not.
    pub why: WhyOver,
    /// The login that it came from.
    pub key: CredentialKey,
    /// The name of the machine which that login is on: the next lease is to be had there.
    pub host: String,
}

/// Why a lease is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyOver {
    /// Its token is dead.
    Ended {
        /// Since when, in milliseconds since 1970.
        at: UnixMillis,
    },
    /// The API refused its token.
    Rejected,
}

impl LeaseOver {
    fn seen(&self) -> String {
        match self.why {
            WhyOver::Ended { at } => {
                format!(
                    "the lease of {} ended {} s ago, and a lease is not renewed",
                    self.key,
                    now().since(at).0 / 1_000
                )
            }
            WhyOver::Rejected => {
                format!("the API refused the token of the lease of {}, and a lease is not renewed", self.key)
            }
        }
    }

    fn advice(&self) -> String {
        format!("Take a new lease where the login is kept: on {}.", self.host)
    }
}

impl fmt::Display for LeaseOver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}. {}", self.seen(), self.advice())
    }
}

impl std::error::Error for LeaseOver {}

/// For programs that take tokens from logins and leases alike.
impl From<LeaseOver> for Box<Failure> {
    fn from(over: LeaseOver) -> Self {
        let next = NextStep::AskUser { what: over.advice() };
        Box::new(Failure::new(FlowStep::Loading, FailureKind::NoCredential, over.seen(), next))
    }
}

#[cfg(test)]
mod tests {
    use tokenway_core::moment::Millis;
    use tokenway_core::provider::Provider;

    use super::*;
    use crate::store::conformance::sample_record;

    fn config() -> Config {
        Config::builder(Provider::generic("https://as.example")).client_id("app").build().unwrap()
    }

    fn lease_for(life: Millis) -> Lease {
        let (expires_at, renewed_at) = (Some(now().plus(life)), now());
        let record = Record { expires_at, renewed_at, ..sample_record("login", 1, "one") };
        Lease::of(&AccessToken::new(Box::new(record), Vec::new()), &config())
    }

    #[test]
    fn a_lease_has_the_token_and_its_end_and_nothing_that_renews_or_names_the_person() {
        let lease = lease_for(Millis::seconds(60));
        let text = lease.to_json();
        assert!(text.expose().contains("access-one"));
        for absent in ["refresh", "zoë", "login_id", "endpoint"] {
            assert!(!text.expose().contains(absent), "{absent}");
        }
        let token = Lease::parse(text.expose()).unwrap().token(&Wish::default()).unwrap();
        assert_eq!((token.secret().expose(), token.authorization().expose()), ("access-one", "Bearer access-one"));
        assert_eq!((token.expires_at(), token.notes()), (lease.expires_at(), &[][..]));
        assert!(!format!("{lease:?}").contains("access-one"));
    }

    #[test]
    fn claims_that_the_api_needs_go_with_it() {
        let codex = Provider::built_in().unwrap().into_iter().find(|provider| provider.id == "codex").unwrap();
        let config = Config::builder(codex).build().unwrap();
        let mut record = sample_record("login", 1, "one");
        record.claims.insert("account_id".to_owned(), "acc-1".to_owned());
        let lease = Lease::of(&AccessToken::new(Box::new(record), Vec::new()), &config);
        let lent = Lease { expires_at: None, ..lease }.token(&Wish::default()).unwrap();
        assert_eq!((lent.claim("account_id"), lent.claim("email")), (Some("acc-1"), None));
    }

    #[test]
    fn a_lease_that_is_over_says_since_when_and_where_the_next_one_is_to_be_had() {
        let ended =
            Lease { leased_at: UnixMillis(1_000), expires_at: Some(UnixMillis(2_000)), ..lease_for(Millis::ZERO) };
        let over = ended.token(&Wish::default()).unwrap_err();
        assert_eq!(over.why, WhyOver::Ended { at: UnixMillis(2_000) });
        assert_eq!(over.host, machine::name());
        let text = over.to_string();
        assert!(text.contains("https://as.example") && text.contains(&over.host), "{text}");
        let failure = Box::<Failure>::from(over);
        assert_eq!(failure.kind, FailureKind::NoCredential);
        assert!(failure.advice().contains("where the login is kept"), "{}", failure.advice());
    }

    #[test]
    fn a_rejected_token_ends_its_lease_and_no_other() {
        let lease = lease_for(Millis::seconds(60));
        let rejecting = |token: &str| Wish { rejected: Some(Secret::new(token).hash()), ..Wish::default() };
        assert_eq!(lease.token(&rejecting("access-one")).unwrap_err().why, WhyOver::Rejected);
        assert!(lease.token(&rejecting("access-zero")).is_ok());
    }

    #[test]
    fn a_lease_shorter_than_asked_for_is_lent_with_a_note_while_it_lives() {
        let lease = lease_for(Millis::seconds(60));
        let wish = Wish { min_ttl: Millis::seconds(3_600), ..Wish::default() };
        let later = Lease { leased_at: UnixMillis(lease.leased_at.0 - 30_000), ..lease.clone() };
        for lease in [lease, later] {
            assert_eq!(lease.token(&wish).unwrap().notes(), [TokenNote::ShortLived]);
        }
    }
}
