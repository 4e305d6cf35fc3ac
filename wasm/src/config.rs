//! The configuration, in the form of a transcript's first line: `ts/config.ts` makes it of what people write.

use tokenway_core::config::{Config, ConfigData};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::{self, Misuse};
use crate::value;

/// Checks a configuration.
///
/// # Errors
/// It cannot work: the setting and the reason.
#[wasm_bindgen(js_name = checkConfig)]
pub fn check(given: &JsValue) -> Result<(), JsValue> {
    read(given).map(|_| ())
}

/// Reads and checks a configuration.
pub(crate) fn read(given: &JsValue) -> Result<Config, JsValue> {
    let data: ConfigData = value::read("the configuration", given)?;
    data.build().map_err(|error| thrown::misuse(Misuse::Config, &error.message()))
}
