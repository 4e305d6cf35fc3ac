//! What a flow needs beside HTTP and time, as the package's TypeScript modules offer it.

use js_sys::Promise;
use tokenway_core::action::{Action, LeaseNumber};
use tokenway_core::event::{Locked, Outcome};
use tokenway_core::http::{IoFailure, IoFailureKind, Sent};
use tokenway_core::json::object;
use tokenway_core::lifecycle::ledger::StoredLedger;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use crate::value;

#[wasm_bindgen]
extern "C" {
    /// The interface `World` of the package. Each method but `holds` may answer with a promise.
    pub type World;

    /// Performs an action that is neither HTTP nor a wait, and answers with its outcome.
    #[wasm_bindgen(method, catch)]
    fn perform(this: &World, action: JsValue) -> Result<JsValue, JsValue>;

    /// Why a request to that URL cannot succeed from here, if that is known: a permission is missing.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn unreachable(this: &World, url: &str) -> Result<JsValue, JsValue>;

    /// Whether this context still holds that lease on the credential. Answers at once.
    #[wasm_bindgen(method, catch)]
    fn holds(this: &World, lease: f64) -> Result<bool, JsValue>;

    /// What happened: `checkpoint`, with the snapshot of a login to be kept, `undefined` when it has ended; `ignored`, with
    /// the reason why the last outcome did not count and the same action is performed once more; `unsaved`, with new
    /// tokens that cannot be saved yet; `observe`, with a step that is about to be performed, or its outcome.
    #[wasm_bindgen(method, catch)]
    pub(crate) fn tell(this: &World, what: &str, of: JsValue) -> Result<JsValue, JsValue>;
}

/// Waits for what a method of the world answered: now, or by a promise.
pub(crate) fn settled(answer: Result<JsValue, JsValue>) -> JsFuture {
    JsFuture::from(match answer {
        Ok(answer) => Promise::resolve(&answer),
        Err(thrown) => Promise::reject(&thrown),
    })
}

/// Performs an action of the world's. Whatever is thrown is trouble that the machine decides on.
pub(crate) async fn perform(world: &World, action: &Action) -> Outcome {
    match settled(world.perform(value::write(action))).await {
        Ok(outcome) => read(action, &outcome),
        Err(thrown) => Outcome::Failed(failure(&thrown)),
    }
}

/// Ledgers come from a place that may hold anything: their spans are clamped.
fn read(action: &Action, given: &JsValue) -> Outcome {
    match value::read::<Outcome>("the outcome", given) {
        Ok(Outcome::Locked(locked)) => Outcome::Locked(clamped(locked)),
        Ok(outcome) if action.accepts(&outcome) => outcome,
        Ok(_) | Err(_) => {
            let detail =
                ["what performs \"", action.name(), "\" here answered something else than its outcome"].concat();
            Outcome::Failed(not_sent(IoFailureKind::Unable, detail))
        }
    }
}

fn clamped(locked: Locked) -> Locked {
    let ledger = match locked.ledger {
        StoredLedger::Read(ledger) => StoredLedger::Read(ledger.clamped()),
        StoredLedger::Absent | StoredLedger::Newer | StoredLedger::Unreadable => locked.ledger,
    };
    Locked { ledger, ..locked }
}

/// What a world throws on purpose: `IoTrouble` of the package.
struct Trouble {
    kind: IoFailureKind,
    detail: String,
}

object!(read Trouble { kind, detail });

fn failure(thrown: &JsValue) -> IoFailure {
    if let Ok(Trouble { kind, detail }) = value::read("the trouble", thrown) {
        return not_sent(kind, detail);
    }
    not_sent(IoFailureKind::Unable, message(thrown))
}

/// The longest text of an error that is repeated, in characters.
const MAX_MESSAGE: usize = 200;

/// What an error says: bounded, without control characters.
pub(crate) fn message(thrown: &JsValue) -> String {
    let text = js_sys::Reflect::get(thrown, &JsValue::from_str("message")).ok().and_then(|text| text.as_string());
    let text = text.or_else(|| thrown.as_string()).unwrap_or_else(|| "something was thrown".to_owned());
    text.chars().filter(|character| !character.is_control()).take(MAX_MESSAGE).collect()
}

pub(crate) fn not_sent(kind: IoFailureKind, detail: String) -> IoFailure {
    IoFailure { sent: Sent::NotSent, kind, detail }
}

/// Whether the lease is still held here.
#[allow(clippy::cast_precision_loss, reason = "leases count from 1, in steps of 1")]
pub(crate) fn holds(world: &World, lease: LeaseNumber) -> bool {
    world.holds(lease.0 as f64).unwrap_or(false)
}
