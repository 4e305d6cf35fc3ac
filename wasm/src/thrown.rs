//! What is thrown into JavaScript, as plain data: a flow's failure, or the caller's mistake.

use tokenway_core::error::{Failure, Rejected};
use tokenway_core::json::{ToJson, Writer};
use wasm_bindgen::JsValue;

use crate::value;

/// The caller's mistakes; nothing has changed.
#[derive(Clone, Copy)]
pub(crate) enum Misuse {
    /// A configuration that cannot work.
    Config,
    /// The session has ended.
    Ended,
    /// The event answers another action than the one that stands.
    Stale,
    /// A snapshot that cannot be resumed.
    Unreadable,
    /// The outcome does not answer the action.
    WrongOutcome,
    /// A value of another type than the one that is wanted.
    WrongValue,
}

/// The end of a flow that missed its goal.
struct Failed<'a>(&'a Failure);

struct Misused<'a>(Misuse, &'a str);

impl ToJson for Misuse {
    fn to_json(&self, out: &mut Writer) {
        out.text(match self {
            Misuse::Config => "config",
            Misuse::Ended => "ended",
            Misuse::Stale => "stale",
            Misuse::Unreadable => "unreadable",
            Misuse::WrongOutcome => "wrong_outcome",
            Misuse::WrongValue => "wrong_value",
        });
    }
}

impl ToJson for Failed<'_> {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.name("failure");
        out.open('{');
        out.member("failure", self.0);
        out.member("message", &self.0.message());
        out.member("advice", &self.0.advice());
        out.close('}');
        out.close('}');
    }
}

impl ToJson for Misused<'_> {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.name("misuse");
        out.open('{');
        out.member("code", &self.0);
        out.member("message", self.1);
        out.close('}');
        out.close('}');
    }
}

pub(crate) fn failure(failure: &Failure) -> JsValue {
    value::write(&Failed(failure))
}

pub(crate) fn misuse(code: Misuse, message: &str) -> JsValue {
    value::write(&Misused(code, message))
}

pub(crate) fn rejected(rejected: &Rejected) -> JsValue {
    let code = match rejected {
        Rejected::Ended => Misuse::Ended,
        Rejected::Stale { .. } => Misuse::Stale,
        Rejected::WrongOutcome { .. } => Misuse::WrongOutcome,
    };
    misuse(code, &rejected.message())
}
