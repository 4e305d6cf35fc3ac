//! What an arbitrary world answers.

use tokenway_core::action::{Action, AwaitCallback, LeaseNumber};
use tokenway_core::event::{Callback, CallbackSource, Holder, Listening, Locked, Opened, Outcome};
use tokenway_core::http::{AnswerBody, HttpAnswer, Sent};
use tokenway_core::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use tokenway_core::lifecycle::record::{LoginId, Mark, Record};
use tokenway_core::moment::{Millis, UnixMillis};
use tokenway_core::secret::{Secret, TokenHash};
use tokenway_core::wire::text;

use super::tape::Tape;
use crate::hand::{self, Hand};
use crate::pool::{self, KINDS};
use crate::scenario::{self, secrets};

const STATUSES: [u16; 14] = [200, 201, 204, 302, 400, 401, 403, 408, 429, 500, 502, 503, 504, 999];

/// Headers of answers that are looked at.
const HEADERS: [&str; 6] = ["content-type", "date", "dpop-nonce", "location", "retry-after", "www-authenticate"];

/// The events of one run, as its input has them.
pub(super) struct Events<'a> {
    tape: Tape<'a>,
    /// What a server was sent and may repeat: it stands for each `$` of an answer.
    sent: Vec<String>,
}

impl<'a> Events<'a> {
    pub(super) fn new(bytes: &'a [u8], sent: Vec<String>) -> Self {
        Events { tape: Tape::new(bytes), sent }
    }

    pub(super) fn are_over(&self) -> bool {
        self.tape.is_empty()
    }

    pub(super) fn chance(&mut self) -> bool {
        self.tape.chance()
    }

    pub(super) fn number(&mut self) -> u64 {
        self.tape.number()
    }

    /// Seldom: a recording is replayed and searched, which takes as long as ten runs.
    pub(super) fn is_recorded(&mut self) -> bool {
        self.tape.byte() % 8 == 7
    }

    pub(super) fn makes_a_mistake(&mut self) -> bool {
        self.tape.byte() % 8 == 7
    }

    pub(super) fn dies(&mut self) -> bool {
        self.tape.byte() % 8 == 7
    }

    pub(super) fn later(&mut self, now: UnixMillis) -> UnixMillis {
        match self.tape.byte() {
            0..=199 => now.plus(Millis(20)),
            200..=227 => now.plus(Millis(self.tape.number())),
            228..=254 => now.minus(Millis(self.tape.number())),
            255 => UnixMillis(self.tape.number()),
        }
    }

    /// Whatever a driver could mistake for an answer.
    pub(super) fn any_outcome(&mut self) -> Outcome {
        let mut outcomes = pool::outcomes();
        let at = self.tape.below(outcomes.len());
        outcomes.swap_remove(at)
    }

    /// An answer to this action.
    pub(super) fn outcome(&mut self, action: &Action, world: &mut Hand) -> Outcome {
        match self.tape.byte() {
            0..=127 => world.perform(action),
            128..=143 => self.failed(),
            144..=175 => {
                let mut fitting = pool::outcomes_for(action);
                fitting.retain(|outcome| action.accepts(outcome));
                let at = self.tape.below(fitting.len());
                fitting.swap_remove(at)
            }
            176..=255 => self.made(action),
        }
    }

    fn made(&mut self, action: &Action) -> Outcome {
        match action {
            Action::AwaitCallback(wait) => self.callback(wait),
            Action::Begin(_) => self.either(Outcome::Begun, Outcome::AlreadyBegun),
            Action::Delete(_) => self.written(Outcome::Deleted),
            Action::Fetch(_) => Outcome::Http(self.answer(false)),
            Action::Listen(_) => Outcome::Listening(Listening { redirect_uri: self.clean_text() }),
            Action::Load(_) => Outcome::Loaded(self.record()),
            Action::Lock(_) if self.chance() => {
                let holder = Holder { who: self.clean_text(), since: Millis(self.number()) };
                Outcome::Busy(holder)
            }
            Action::Lock(_) => {
                let (lease, ledger) = (LeaseNumber(self.number()), self.ledger());
                Outcome::Locked(Locked { lease, ledger })
            }
            Action::Note(_) => self.either(Outcome::Noted, Outcome::Lost),
            Action::OpenUrl(_) => Outcome::Opened(Opened { browser: self.chance() }),
            Action::PostForm(_) => Outcome::Http(self.answer(true)),
            Action::Save(_) => self.written(Outcome::Saved),
            Action::Unlock(_) => self.either(Outcome::Unlocked, Outcome::Lost),
            Action::WaitUntil(_) => Outcome::Elapsed,
        }
    }

    fn either(&mut self, one: Outcome, other: Outcome) -> Outcome {
        if self.chance() { other } else { one }
    }

    fn written(&mut self, done: Outcome) -> Outcome {
        if self.chance() { done } else { Outcome::Conflict(self.record()) }
    }

    /// Drivers say what they saw in texts that are fit for people.
    fn clean_text(&mut self) -> String {
        text::for_people(&self.tape.text())
    }

    fn failed(&mut self) -> Outcome {
        let sent = if self.chance() { Sent::MaybeSent } else { Sent::NotSent };
        let kind = self.tape.one_of(&KINDS);
        let detail = self.clean_text();
        hand::failed(sent, kind, &detail)
    }

    fn answer(&mut self, repeats: bool) -> HttpAnswer {
        let status = self.tape.one_of(&STATUSES);
        let mut headers = Vec::new();
        for _ in 0..self.tape.below(4) {
            let name = self.tape.one_of(&HEADERS).to_owned();
            headers.push((name, self.said(repeats)));
        }
        let body = match self.tape.below(3) {
            0 => AnswerBody::new(self.tape.bytes().to_vec()),
            1 => AnswerBody::Text(Secret::new(self.said(repeats))),
            _ => AnswerBody::Text(Secret::new(format!(r#"{{"{}"}}"#, self.said(repeats)))),
        };
        HttpAnswer { status, headers, body, received_at: scenario::START }
    }

    /// Words of a server, which may repeat what it was sent.
    fn said(&mut self, repeats: bool) -> String {
        let text = self.tape.text();
        let at = self.tape.below(self.sent.len());
        if repeats { text.replace('$', &self.sent[at]) } else { text }
    }

    fn callback(&mut self, wait: &AwaitCallback) -> Outcome {
        let said = self.tape.text();
        match self.tape.below(6) {
            0 => hand::redirect(wait, &said),
            1 => hand::callback(wait, &said),
            2 => hand::pasted(&said),
            3 => hand::pasted(&format!("{said}#{}", secrets::state())),
            4 => Outcome::TimedOut,
            _ => Outcome::Callback(Callback {
                source: self.tape.one_of(&[CallbackSource::Listening, CallbackSource::OneShot, CallbackSource::Pasted]),
                method: self.tape.one_of(&["GET", "POST", "URL", ""]).to_owned(),
                target: Secret::new(said.replace('$', &secrets::state())),
                headers: vec![(self.tape.one_of(&["host", "purpose", "content-type"]).to_owned(), self.tape.text())],
                body: Secret::new(self.tape.text().replace('$', &secrets::state())),
            }),
        }
    }

    /// A stored login, or none.
    pub(super) fn record(&mut self) -> Option<Box<Record>> {
        let mut record = match self.tape.below(6) {
            0 => scenario::record(Millis::seconds(600)),
            1 => scenario::record(Millis::ZERO),
            2 => scenario::theirs(),
            3 => scenario::marked(scenario::record(Millis::seconds(600))),
            4 => return None,
            _ => Record { format: u32::MAX, ..scenario::theirs() },
        };
        let changed = self.tape.byte();
        let mut changes = (0..8).map(|bit| changed >> bit & 1 == 1);
        let mut changes = || changes.next().unwrap_or_default();
        if changes() {
            record.expires_at = self.instant();
        }
        if changes() {
            record.due_at = self.instant();
        }
        if changes() {
            record.renewed_at = UnixMillis(self.number());
        }
        if changes() {
            record.refresh_token = None;
        }
        if changes() {
            record.generation = self.number();
        }
        if changes() {
            record.login_id = LoginId(self.clean_text());
        }
        if changes() {
            record.renewed_for_rejection = true;
            record.renewed_from = Some(Secret::new(secrets::REFRESH_TOKEN).hash());
        }
        if changes() {
            record.mark = if record.mark == Mark::LoggedIn { Mark::LoggedOut } else { Mark::LoggedIn };
        }
        Some(Box::new(record))
    }

    fn instant(&mut self) -> Option<UnixMillis> {
        match self.tape.below(3) {
            0 => None,
            1 => Some(scenario::START.plus(Millis(self.number()))),
            _ => Some(UnixMillis(self.number())),
        }
    }

    fn ledger(&mut self) -> StoredLedger {
        match self.tape.below(4) {
            0 => StoredLedger::Absent,
            1 => StoredLedger::Newer,
            2 => StoredLedger::Unreadable,
            _ => StoredLedger::Read(self.notes()),
        }
    }

    fn notes(&mut self) -> Ledger {
        let login_id = self.chance().then(|| LoginId("login-1".to_owned()));
        let intent = self.chance().then(|| Intent {
            token: self.hash(),
            age: Millis(self.number()),
            lands_in: Millis(self.number()),
            resends: u32::from(self.tape.byte()),
        });
        let refused = self.chance().then(|| self.hash());
        let (lands_in, cool_down) = (Millis(self.number()), Millis(self.number()));
        Ledger { login_id, intent, lands_in, cool_down, refused }
    }

    fn hash(&mut self) -> TokenHash {
        let known = [secrets::REFRESH_TOKEN, secrets::NEW_REFRESH_TOKEN, secrets::THEIR_REFRESH_TOKEN];
        Secret::new(self.tape.one_of(&known)).hash()
    }
}
