//! What is thrown into JavaScript, as plain data: a flow's failure, or the caller's mistake.

use serde::Serialize;
use tokenway_core::error::{Failure, Rejected};
use wasm_bindgen::JsValue;

use crate::value;

/// The caller's mistakes; nothing has changed.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
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

#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Thrown<'a> {
    Failure { failure: &'a Failure, message: String, advice: String },
    Misuse { code: Misuse, message: &'a str },
}

/// The end of a flow that missed its goal.
pub(crate) fn failure(failure: &Failure) -> JsValue {
    value::write(&Thrown::Failure { failure, message: failure.to_string(), advice: failure.advice() })
}

pub(crate) fn misuse(code: Misuse, message: &str) -> JsValue {
    value::write(&Thrown::Misuse { code, message })
}

pub(crate) fn rejected(rejected: &Rejected) -> JsValue {
    let code = match rejected {
        Rejected::Ended => Misuse::Ended,
        Rejected::Stale { .. } => Misuse::Stale,
        Rejected::WrongOutcome { .. } => Misuse::WrongOutcome,
    };
    misuse(code, &rejected.to_string())
}
