//! Outcomes: `{"outcome":"opened","with":{"browser":true}}`.

use super::read::{FromJson, Reading};
use super::write::{ToJson, Writer};
use super::{object, words};
use crate::event::{ActionId, Callback, CallbackSource, Event, Holder, Listening, Locked, Opened, Outcome};
use crate::http::{AnswerBody, HttpAnswer, IoFailure, IoFailureKind, Sent};
use crate::lifecycle::ledger::{Intent, Ledger, StoredLedger};
use crate::wire::json::Value;

object!(ActionId { life, step });
object!(Callback { source, method, target, headers, body });
words!(CallbackSource { Listening = "listening", OneShot = "one_shot", Pasted = "pasted" });
object!(Event { id, outcome });
object!(Holder { who, since });
object!(HttpAnswer { status, headers, body, received_at });
object!(Intent { token, age, lands_in, resends });
object!(IoFailure { sent, kind, detail });
words!(IoFailureKind {
    Deadline = "deadline",
    Incomplete = "incomplete",
    TooLarge = "too_large",
    Unreachable = "unreachable",
    Unable = "unable",
    Cancelled = "cancelled",
});
object!(Ledger { login_id, intent, lands_in, cool_down, refused });
object!(Listening { redirect_uri });
object!(Locked { lease, ledger });
object!(Opened { browser });
words!(Sent { MaybeSent = "maybe_sent", NotSent = "not_sent" });

const OUTCOMES: &str = "already_begun begun busy callback conflict deleted elapsed failed http \
    listening loaded locked lost noted opened saved timed_out unlocked";

impl ToJson for Outcome {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        match self {
            Outcome::AlreadyBegun => out.member("outcome", "already_begun"),
            Outcome::Begun => out.member("outcome", "begun"),
            Outcome::Busy(holder) => outcome(out, "busy", holder),
            Outcome::Callback(callback) => outcome(out, "callback", callback),
            Outcome::Conflict(record) => outcome(out, "conflict", record),
            Outcome::Deleted => out.member("outcome", "deleted"),
            Outcome::Elapsed => out.member("outcome", "elapsed"),
            Outcome::Failed(failure) => outcome(out, "failed", failure),
            Outcome::Http(answer) => outcome(out, "http", answer),
            Outcome::Listening(listening) => outcome(out, "listening", listening),
            Outcome::Loaded(record) => outcome(out, "loaded", record),
            Outcome::Locked(locked) => outcome(out, "locked", locked),
            Outcome::Lost => out.member("outcome", "lost"),
            Outcome::Noted => out.member("outcome", "noted"),
            Outcome::Opened(opened) => outcome(out, "opened", opened),
            Outcome::Saved => out.member("outcome", "saved"),
            Outcome::TimedOut => out.member("outcome", "timed_out"),
            Outcome::Unlocked => out.member("outcome", "unlocked"),
        }
        out.close('}');
    }
}

fn outcome<T: ToJson>(out: &mut Writer, name: &str, with: &T) {
    out.member("outcome", name);
    out.member("with", with);
}

impl FromJson for Outcome {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let members = reading.members(value);
        let word = reading.value_of(&members, "outcome");
        match reading.word(word, OUTCOMES) {
            0 => Outcome::AlreadyBegun,
            1 => Outcome::Begun,
            2 => Outcome::Busy(reading.member(&members, "with")),
            3 => Outcome::Callback(reading.member(&members, "with")),
            4 => Outcome::Conflict(reading.member(&members, "with")),
            5 => Outcome::Deleted,
            6 => Outcome::Elapsed,
            7 => Outcome::Failed(reading.member(&members, "with")),
            8 => Outcome::Http(reading.member(&members, "with")),
            9 => Outcome::Listening(reading.member(&members, "with")),
            10 => Outcome::Loaded(reading.member(&members, "with")),
            11 => Outcome::Locked(reading.member(&members, "with")),
            13 => Outcome::Noted,
            14 => Outcome::Opened(reading.member(&members, "with")),
            15 => Outcome::Saved,
            16 => Outcome::TimedOut,
            17 => Outcome::Unlocked,
            _ => Outcome::Lost,
        }
    }
}

impl ToJson for AnswerBody {
    fn to_json(&self, out: &mut Writer) {
        match self {
            AnswerBody::Bytes(bytes) => out.only_member("bytes", bytes),
            AnswerBody::Text(text) => out.only_member("text", text),
            AnswerBody::TooLarge => out.text("too_large"),
        }
    }
}

impl FromJson for AnswerBody {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let (at, value) = reading.variant(value, "bytes text too_large");
        match at {
            0 => AnswerBody::Bytes(FromJson::from_json(value.as_ref(), reading)),
            1 => AnswerBody::Text(FromJson::from_json(value.as_ref(), reading)),
            _ => AnswerBody::TooLarge,
        }
    }
}

impl ToJson for StoredLedger {
    fn to_json(&self, out: &mut Writer) {
        match self {
            StoredLedger::Absent => out.text("absent"),
            StoredLedger::Newer => out.text("newer"),
            StoredLedger::Read(ledger) => out.only_member("read", ledger),
            StoredLedger::Unreadable => out.text("unreadable"),
        }
    }
}

impl FromJson for StoredLedger {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let (at, value) = reading.variant(value, "absent newer read unreadable");
        match at {
            0 => StoredLedger::Absent,
            1 => StoredLedger::Newer,
            2 => StoredLedger::Read(FromJson::from_json(value.as_ref(), reading)),
            _ => StoredLedger::Unreadable,
        }
    }
}
