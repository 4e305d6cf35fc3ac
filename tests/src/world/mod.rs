//! A world without any machine: clocks, network, authorization server, store and processes are data, and nothing happens
//! unless a test lets it.
//!
//! It is lazier than any driver: it does what an action says and nothing more. Every run with the same seed is the same
//! run. What must hold whatever happens is checked at every step ([`invariants`]); a test ends with [`World::check`].

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a world that breaks is a failed test")]

mod browser;
mod clock;
mod effects;
pub mod faults;
pub mod flow;
pub mod invariants;
mod network;
mod processes;
pub mod random;
pub mod scheduler;
pub mod server;
pub mod store;

use std::collections::VecDeque;

use tokenway_core::action::AwaitCallback;
use tokenway_core::config::{Builder, Config, Timing};
use tokenway_core::error::NextStep;
use tokenway_core::event::Outcome;
use tokenway_core::lifecycle::{Logout, Scope, Wish};
use tokenway_core::moment::{Millis, Moment};
use tokenway_core::provider::{Endpoints, Provider, Revocation};

use clock::Clock;
use faults::{Fault, Line};
use flow::{End, Flow};
use invariants::Watch;
use network::Ghost;
pub use network::{Fate, Sending};
pub use processes::Dies;
use processes::Process;
use random::Random;
use server::{ISSUER, Server};
use store::Store;

/// The longest that a request is on its way here, as configured.
pub const REQUEST_DEADLINE: Millis = Millis::seconds(30);

/// What comes back from the browser.
pub type Redirect = Box<dyn Fn(&AwaitCallback) -> Outcome>;

/// One machine, its processes, and the server.
pub struct World {
    /// Wall clock and monotonic clock.
    pub clock: Clock,
    /// The authorization server.
    pub server: Server,
    /// The credential store with lease and ledger.
    pub store: Store,
    /// What happens to the next requests, one each. When it is empty, the line decides.
    pub faults: VecDeque<Fault>,
    /// What happens to requests without a fault of their own.
    pub line: Line,
    /// What comes back from the browser, one for each wait. When it is empty, the person approves.
    pub redirects: VecDeque<Redirect>,
    /// No port can be bound.
    pub ports_taken: bool,
    /// A mark could not be written, so a logout deletes without one.
    pub marking_failed: bool,
    /// Every request with a refresh token that left this machine.
    pub sendings: Vec<Sending>,
    /// What was done, step by step, for messages.
    pub trace: Vec<String>,
    watch: Watch,
    random: Random,
    processes: Vec<Process>,
    ghosts: Vec<Ghost>,
    begun: Vec<String>,
    codes_posted: Vec<String>,
    config: Config,
}

impl World {
    /// A quiet world: all is well, nobody is logged in.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self::with(seed, |builder| builder)
    }

    /// The same with another configuration.
    #[must_use]
    pub fn with(seed: u64, change: impl FnOnce(Builder) -> Builder) -> Self {
        World {
            clock: Clock::default(),
            server: Server::default(),
            store: Store::default(),
            faults: VecDeque::new(),
            line: Line::Good,
            redirects: VecDeque::new(),
            ports_taken: false,
            marking_failed: false,
            sendings: Vec::new(),
            trace: Vec::new(),
            watch: Watch::default(),
            random: Random::new(seed),
            processes: Vec::new(),
            ghosts: Vec::new(),
            begun: Vec::new(),
            codes_posted: Vec::new(),
            config: change(builder()).build().unwrap(),
        }
    }

    /// A world in which somebody has logged in, an instant ago.
    #[must_use]
    pub fn logged_in(seed: u64) -> Self {
        let mut world = Self::new(seed);
        world.log_in();
        world
    }

    /// The configuration of everybody here.
    #[must_use]
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// The next moment: the wall clock, and entropy that depends on the seed alone.
    pub fn moment(&mut self) -> Moment {
        Moment { now: self.clock.now(), entropy: self.random.bytes() }
    }

    /// Somebody logs in, and all is well.
    pub fn log_in(&mut self) {
        let flow = self.login();
        let end = self.run(flow);
        assert!(end.is_ok(), "{end:?}");
    }

    /// A login, not begun.
    pub fn login(&mut self) -> Flow {
        let moment = self.moment();
        Flow::Login(tokenway_core::flow::Login::start(&self.config, moment))
    }

    /// A request for a token that is good for anything.
    pub fn get_token(&mut self) -> Flow {
        self.get_token_for(Wish::default())
    }

    /// A request for a token.
    pub fn get_token_for(&mut self, wish: Wish) -> Flow {
        let moment = self.moment();
        Flow::GetToken(tokenway_core::lifecycle::GetToken::start(&self.config, wish, moment))
    }

    /// A logout.
    pub fn logout(&mut self, scope: Scope) -> Flow {
        let moment = self.moment();
        self.watch.local_logout |= scope == Scope::LocalOnly;
        Flow::Logout(Logout::start(&self.config, scope, moment))
    }

    /// A wish for another token than the one that is stored.
    #[must_use]
    pub fn rejecting_what_is_stored(&self) -> Wish {
        let record = self.store.record().expect("a stored login");
        Wish { min_ttl: Millis::ZERO, rejected: Some(record.access_token.hash()) }
    }

    /// Asks for a token, and runs to the end.
    pub fn ask(&mut self) -> End {
        let flow = self.get_token();
        self.run(flow)
    }

    /// Asks until there is an answer that stays: a token, or "log in again". Every wait that is told is kept.
    ///
    /// # Panics
    /// If another answer comes, or none that stays.
    pub fn ask_until_known(&mut self) -> End {
        for _ in 0..10 {
            let end = self.ask();
            let Some(failure) = end.failure() else { return end };
            let now = self.clock.now();
            match failure.next {
                NextStep::RetryAt { at } | NextStep::OutcomeUnknown { retry_at: at } => self.pass(at.since(now)),
                NextStep::LogIn => return end,
                NextStep::AskUser { .. } | NextStep::FixConfiguration { .. } | NextStep::ReportBug => {
                    panic!("{failure:?}")
                }
            }
        }
        panic!("it is never known\n{}", self.trace.join("\n"));
    }

    /// Time passes until the stored token is dead.
    pub fn expire(&mut self) {
        let life = self.server.token_life;
        self.pass(life.plus(Millis(1)));
    }

    /// Fails with what was broken and how it came about.
    ///
    /// # Panics
    /// If an invariant was broken.
    pub fn check(&self) {
        let broken = self.watch.broken();
        assert!(broken.is_empty(), "{}\n--- how it came about\n{}", broken.join("\n"), self.trace.join("\n"));
    }

    fn note(&mut self, line: impl FnOnce() -> String) {
        let line = format!("{:>10} ms  {}", self.clock.elapsed(), line());
        self.trace.push(line);
    }
}

/// The configuration of the quiet world.
#[must_use]
pub fn builder() -> Builder {
    let mut provider = Provider::generic(ISSUER);
    provider.endpoints = Some(endpoints());
    provider.revocation = Revocation::default();
    let timing = Timing { request_deadline: REQUEST_DEADLINE, ..Timing::default() };
    Config::builder(provider).client_id("native").scopes(["openid", "offline_access"]).timing(timing)
}

/// The endpoints of the server here.
#[must_use]
pub fn endpoints() -> Endpoints {
    Endpoints {
        authorization: format!("{ISSUER}/authorize"),
        token: format!("{ISSUER}/token"),
        revocation: Some(format!("{ISSUER}/revoke")),
        iss_in_response: false,
    }
}
