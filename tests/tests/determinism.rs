//! Same inputs, same bytes: long random walks through every flow, each walked twice.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use std::collections::BTreeSet;

use serde_json::Value;
use tokenway_core::action::{Action, LeaseNumber};
use tokenway_core::event::{Event, Listening, Locked, Opened, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::lifecycle::{GetToken, Logout, Scope, Wish};
use tokenway_core::machine::Machine;
use tokenway_core::moment::{Millis, Moment, UnixMillis};
use tokenway_core::secret::Secret;
use tokenway_core::session::{Session, Step};
use tokenway_tests::hand;
use tokenway_tests::pool;
use tokenway_tests::scenario::{self, secrets};

/// Walks of each flow, each from another seed.
const WALKS: u64 = 1_000;

/// Steps after which a walk stops that does not end by itself.
const MAX_STEPS: usize = 60;

/// The largest whole number that JavaScript reads exactly.
const MAX_SAFE: u64 = (1 << 53) - 1;

#[test]
fn a_login_with_the_same_inputs_writes_the_same_bytes() {
    let found = scenario::config(None);
    let known = scenario::config(Some(scenario::endpoints()));
    let names = twice(|dice| {
        let config = if dice.below(2) == 0 { &known } else { &found };
        let mut session = Login::start(config, dice.moment());
        let mut written = Vec::new();
        for _ in 0..MAX_STEPS {
            let alive = step(&mut session, dice, &mut written);
            let snapshot = session.checkpoint();
            written.extend(snapshot.iter().map(|snapshot| String::from_utf8(snapshot.as_bytes().to_vec()).unwrap()));
            let Some(snapshot) = snapshot.filter(|_| alive) else { break };
            if dice.below(8) == 0 {
                session = Session::<Login>::resume(snapshot.as_bytes(), config, dice.moment()).unwrap();
            }
        }
        written
    });
    let expected = ["await callback", "begin", "fetch", "listen", "open URL", "post form", "save", "wait"];
    assert_eq!(names, expected.into());
}

#[test]
fn a_request_for_a_token_with_the_same_inputs_writes_the_same_bytes() {
    let config = scenario::config(Some(scenario::endpoints()));
    let names = twice(|dice| {
        let rejected = (dice.below(2) == 0).then(|| Secret::new(secrets::ACCESS_TOKEN).hash());
        let wish = Wish { min_ttl: Millis(dice.below(10_000_000)), rejected };
        walk(GetToken::start(&config, wish, dice.moment()), dice)
    });
    assert_eq!(names, ["load", "lock", "note", "post form", "save", "unlock", "wait", "delete"].into());
}

#[test]
fn a_logout_with_the_same_inputs_writes_the_same_bytes() {
    let config = scenario::config(Some(scenario::endpoints()));
    let names = twice(|dice| {
        let scope = if dice.below(4) == 0 { Scope::LocalOnly } else { Scope::Everywhere };
        walk(Logout::start(&config, scope, dice.moment()), dice)
    });
    assert_eq!(names, ["load", "save", "post form", "delete"].into());
}

/// Walks each seed twice, compares what was written, and names the actions that were met.
fn twice(mut walk: impl FnMut(&mut Dice) -> Vec<String>) -> BTreeSet<&'static str> {
    let mut names = BTreeSet::new();
    let mut steps = 0;
    for seed in 0..WALKS {
        let mut dice = Dice::new(seed);
        let first = walk(&mut dice);
        let second = walk(&mut Dice::new(seed));
        for (at, (first, second)) in first.iter().zip(&second).enumerate() {
            assert_eq!(first, second, "walk {seed} differs at line {at}");
        }
        assert_eq!(first.len(), second.len(), "walk {seed}");
        steps += first.len();
        names.extend(dice.met);
    }
    assert!(steps > 1_000, "only {steps} lines in {WALKS} walks");
    names
}

fn walk<M: Machine<Output: std::fmt::Debug>>(mut session: Session<M>, dice: &mut Dice) -> Vec<String> {
    let mut written = Vec::new();
    for _ in 0..MAX_STEPS {
        if !step(&mut session, dice, &mut written) {
            break;
        }
    }
    written
}

/// One step, written down in full; false when the flow has ended.
fn step<M: Machine<Output: std::fmt::Debug>>(
    session: &mut Session<M>,
    dice: &mut Dice,
    written: &mut Vec<String>,
) -> bool {
    let (id, action) = match session.poll() {
        Step::Act { id, action } => (id, action),
        Step::Done(end) => {
            written.push(format!("{end:?}"));
            return false;
        }
    };
    let value = serde_json::to_value(&action).unwrap();
    assert_safe(&value, &action);
    written.push(serde_json::to_string(&action).unwrap());
    dice.met.insert(action.name());
    let outcome = dice.outcome(&action);
    let progress = session.handle(dice.moment(), Event { id, outcome }).unwrap();
    written.push(format!("{progress:?}"));
    true
}

fn assert_safe(value: &Value, action: &Action) {
    match value {
        Value::Number(number) => assert!(number.as_u64().is_some_and(|n| n <= MAX_SAFE), "{number} in {action:?}"),
        Value::Array(values) => values.iter().for_each(|value| assert_safe(value, action)),
        Value::Object(members) => members.values().for_each(|value| assert_safe(value, action)),
        Value::Bool(_) | Value::Null | Value::String(_) => {}
    }
}

/// Numbers that depend on nothing but a seed (SplitMix64), and a clock that mostly goes on.
struct Dice {
    seed: u64,
    now: UnixMillis,
    met: BTreeSet<&'static str>,
}

impl Dice {
    fn new(seed: u64) -> Self {
        Dice { seed, now: scenario::START, met: BTreeSet::new() }
    }

    fn next(&mut self) -> u64 {
        self.seed = self.seed.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.seed ^ (self.seed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, end: u64) -> u64 {
        self.next() % end
    }

    fn moment(&mut self) -> Moment {
        self.now = match self.below(10) {
            0 => self.now.minus(Millis(self.next() % 100_000)),
            1 => self.now.plus(Millis(self.next() % 100_000)),
            _ => self.now.plus(Millis(self.next() % 500)),
        };
        let mut entropy = [0; 32];
        for chunk in entropy.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_be_bytes());
        }
        Moment { now: self.now, entropy }
    }

    /// Mostly what leads on, sometimes anything that fits.
    fn outcome(&mut self, action: &Action) -> Outcome {
        if self.below(5) > 0 {
            return self.good(action);
        }
        let mut fitting = pool::outcomes_for(action);
        fitting.retain(|outcome| action.accepts(outcome));
        let at = usize::try_from(self.below(fitting.len() as u64)).unwrap();
        hand::received(fitting.swap_remove(at), self.now)
    }

    fn good(&mut self, action: &Action) -> Outcome {
        let number = self.next();
        let due = scenario::record(Millis::seconds(60));
        let tokens = serde_json::json!({
            "access_token": format!("access-{number}"), "refresh_token": format!("refresh-{number}"),
            "token_type": "Bearer", "expires_in": number % 100_000,
        });
        let metadata = serde_json::json!({
            "issuer": scenario::ISSUER,
            "authorization_endpoint": scenario::endpoints().authorization,
            "token_endpoint": scenario::endpoints().token,
        });
        match action {
            Action::AwaitCallback(wait) => hand::redirect(wait, "code=the-code"),
            Action::Begin(_) => Outcome::Begun,
            Action::Delete(_) => Outcome::Deleted,
            Action::Fetch(_) => hand::received(hand::json(200, &metadata), self.now),
            Action::Listen(listen) => {
                let redirect_uri = listen.candidates[0].replace(":0/", ":49152/");
                Outcome::Listening(Listening { redirect_uri })
            }
            Action::Load(_) => Outcome::Loaded(Some(Box::new(due))),
            Action::Lock(_) => Outcome::Locked(Locked { lease: LeaseNumber(1), ledger: StoredLedger::Absent }),
            Action::Note(_) => Outcome::Noted,
            Action::OpenUrl(_) => Outcome::Opened(Opened { browser: true }),
            Action::PostForm(_) if number.is_multiple_of(8) => {
                hand::failed(Sent::NotSent, IoFailureKind::Unreachable, "no route")
            }
            Action::PostForm(_) => hand::received(hand::json(200, &tokens), self.now),
            Action::Save(_) => Outcome::Saved,
            Action::Unlock(_) => Outcome::Unlocked,
            Action::WaitUntil(_) => Outcome::Elapsed,
        }
    }
}
