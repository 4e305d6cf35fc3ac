//! What one run of the checker explores: how many processes, what may go wrong and how often, and what is taken away.

use tokenway_core::config::{Config, Timing};
use tokenway_core::provider::{Endpoints, Provider, Revocation};

use crate::clock::REQUEST_DEADLINE;
use crate::watch::{FATE_IS_KNOWN, OLDER_CAN_LAND, TWO_AT_A_TIME, WITHIN_THE_SECOND};

/// One run of the checker.
#[derive(Clone, Debug)]
pub struct Setting {
    /// What it is, for people.
    pub name: &'static str,
    /// How many processes run at a time.
    pub processes: usize,
    /// Whether the server takes the refresh token before the current one, too.
    pub grace: bool,
    /// Who gives a lease back when its holder does not.
    pub leases: Leases,
    /// What may still happen.
    pub budget: Budget,
    /// How many ticks pass at most.
    pub ticks: u8,
    /// Whether the API may refuse a token that lives.
    pub rejections: bool,
    /// By how many ticks the wall clock may jump.
    pub jumps: &'static [i8],
    /// Whether a sender may be suspended with its bytes under way: then its deadline does not fire, and they can arrive
    /// for as long as it sleeps.
    pub slow_bytes: bool,
    /// Whether no time passes between an answer and the end of its save (of its note, if it is a refusal).
    pub prompt_saves: bool,
    /// What the world does not do although it must.
    pub without: Option<Safeguard>,
}

/// Who gives a lease back when its holder does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Leases {
    /// The operating system, when the holder dies, and never before: a lock on a file.
    Hold,
    /// Time: a server of leases.
    Expire,
}

/// How often something may still happen.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Budget {
    /// Requests for a token.
    pub asks: u8,
    /// Logins beside the one that stands.
    pub logins: u8,
    /// Logouts.
    pub logouts: u8,
    /// Lost and late messages, crashes, servers and stores in trouble, stalls.
    pub faults: u8,
    /// Waits for the lease that end before it comes.
    pub busy: u8,
    /// Jumps of the wall clock.
    pub jumps: u8,
}

/// What holds the protocol up from outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Safeguard {
    /// `Lock` tells the true age of a sending.
    AgeOfASending,
    /// `Save` compares the generation.
    ComparedGeneration,
    /// A wait ends.
    EndOfAWait,
    /// The lease is given to one at a time.
    ExclusiveLease,
    /// The ledger keeps the intent.
    NotedIntent,
    /// `not_after` is checked before the bytes leave.
    NotAfter,
    /// Under the lease the record is read again.
    SecondLoad,
}

impl Setting {
    /// Two processes and no trouble at all.
    #[must_use]
    pub fn quiet(name: &'static str) -> Self {
        Setting {
            name,
            processes: 2,
            grace: false,
            leases: Leases::Hold,
            budget: Budget { asks: 3, ..Budget::default() },
            ticks: 3,
            rejections: false,
            jumps: &[],
            slow_bytes: false,
            prompt_saves: false,
            without: None,
        }
    }

    /// The ways in which a refresh token can be spent twice here, and no other: SECURITY.md says in words when there are any.
    #[must_use]
    pub fn ways(&self) -> &'static [&'static str] {
        let outlives_its_lease = self.leases == Leases::Expire && (self.slow_bytes || !self.prompt_saves);
        let ages_at_once = self.jumps.iter().any(|jump| *jump > 0);
        match (outlives_its_lease, ages_at_once) {
            (false, false) => &[],
            (true, false) if !self.slow_bytes => &[FATE_IS_KNOWN],
            (true, _) => &[FATE_IS_KNOWN, TWO_AT_A_TIME],
            (false, true) => &[WITHIN_THE_SECOND, OLDER_CAN_LAND],
        }
    }

    pub(crate) fn lacks(&self, safeguard: Safeguard) -> bool {
        self.without == Some(safeguard)
    }
}

/// The configuration of every session.
///
/// # Panics
/// Never: it is sound.
#[must_use]
pub fn config() -> Config {
    let mut provider = Provider::with_endpoints(Endpoints {
        authorization: "https://as.example/authorize".to_owned(),
        token: "https://as.example/token".to_owned(),
        revocation: Some("https://as.example/revoke".to_owned()),
        iss_in_response: false,
    });
    provider.revocation = Revocation { per_token: true, ..Revocation::default() };
    let timing = Timing { request_deadline: REQUEST_DEADLINE, ..Timing::default() };
    Config::builder(provider).client_id("native").timing(timing).build().expect("a sound configuration")
}
