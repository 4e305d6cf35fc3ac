//! Values on their way between Rust and JavaScript: as JSON, so that nothing but plain data crosses.

use js_sys::JSON;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wasm_bindgen::JsValue;

use crate::thrown::{self, Misuse};

/// Reads what JavaScript gave.
pub(crate) fn read<T: DeserializeOwned>(what: &str, given: &JsValue) -> Result<T, JsValue> {
    read_text(what, &text(what, given)?)
}

/// Reads JSON that JavaScript gave as text.
pub(crate) fn read_text<T: DeserializeOwned>(what: &str, text: &str) -> Result<T, JsValue> {
    serde_json::from_str(text).map_err(|error| thrown::misuse(Misuse::WrongValue, &format!("{what}: {error}")))
}

/// The JSON of a value; `undefined`, functions, cycles and big integers have none.
fn text(what: &str, given: &JsValue) -> Result<String, JsValue> {
    let json = JSON::stringify(given).ok().and_then(|json| JsValue::from(json).as_string());
    json.ok_or_else(|| thrown::misuse(Misuse::WrongValue, &format!("{what}: it is not plain data")))
}

/// A value for JavaScript.
pub(crate) fn write<T: Serialize>(value: &T) -> JsValue {
    // Everything that is written has text keys and finite numbers, so that neither step can fail.
    serde_json::to_string(value).ok().and_then(|text| JSON::parse(&text).ok()).unwrap_or(JsValue::NULL)
}
