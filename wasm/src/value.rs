//! Values on their way between Rust and JavaScript: as JSON, so that nothing but plain data crosses.

use js_sys::JSON;
use tokenway_core::json::{self, FromJson, ToJson};
use wasm_bindgen::JsValue;

use crate::thrown::{self, Misuse};

/// Reads what JavaScript gave.
pub(crate) fn read<T: FromJson>(what: &str, given: &JsValue) -> Result<T, JsValue> {
    json::from_text(&text(what, given)?).map_err(|bad| wrong(what, &bad.problem))
}

/// The JSON of a value; `undefined`, functions, cycles and big integers have none.
fn text(what: &str, given: &JsValue) -> Result<String, JsValue> {
    let json = JSON::stringify(given).ok().and_then(|json| JsValue::from(json).as_string());
    json.ok_or_else(|| wrong(what, "it is not plain data"))
}

fn wrong(what: &str, problem: &str) -> JsValue {
    thrown::misuse(Misuse::WrongValue, &[what, ": ", problem].concat())
}

/// A value for JavaScript. Everything that is written is JSON, so that the way back cannot fail.
pub(crate) fn write(value: &impl ToJson) -> JsValue {
    JSON::parse(&json::to_text(value)).unwrap_or(JsValue::NULL)
}
