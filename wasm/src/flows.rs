//! Whole flows, as functions that return promises: what `Client` of the package is made of.

use js_sys::Promise;
use tokenway_core::config::Config;
use tokenway_core::flow::Login;
use tokenway_core::json::{ToJson, Writer};
use tokenway_core::lifecycle::record::{RECORD_FORMAT, Record};
use tokenway_core::lifecycle::{GetToken, Logout, Standing, Wish, standing};
use tokenway_core::provider::Provider;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use crate::moment::{moment, now};
use crate::session::{Running, read_scope, read_wish};
use crate::world::World;
use crate::{config, driver, thrown, value};

/// Runs a flow to its end. `flow` is `login` (`wish`: the snapshot of a login that was interrupted, or `undefined`),
/// `get_token` (`wish`: what is wanted of the token) or `logout` (`wish`: whether the server is told).
#[wasm_bindgen(js_name = runFlow)]
pub fn run_flow(flow: String, given: JsValue, world: World, wish: JsValue) -> Promise {
    future_to_promise(async move {
        let config = config::config(&given)?;
        let running = start(&flow, &config, &wish)?;
        run(running, &config, &world).await
    })
}

fn start(flow: &str, config: &Config, wish: &JsValue) -> Result<Running, JsValue> {
    let moment = moment().map_err(|failure| thrown::failure(&failure))?;
    match flow {
        "get_token" => Ok(Running::GetToken(GetToken::start(config, read_wish(wish)?, moment))),
        "logout" => Ok(Running::Logout(Logout::start(config, read_scope(wish)?, moment))),
        _ => match wish.as_string() {
            Some(snapshot) => Running::resume(&snapshot, config, moment),
            None => Ok(Running::Login(Login::start(config, moment))),
        },
    }
}

async fn run(running: Running, config: &Config, world: &World) -> Result<JsValue, JsValue> {
    let ended = driver::run(running, world, config.key()).await.map_err(|failure| thrown::failure(&failure))?;
    match &ended.end {
        Ok(_) => Ok(value::write(&ended)),
        Err(failure) => Err(thrown::failure(failure)),
    }
}

/// What is known of a configuration before anything runs.
struct Known(Config);

impl ToJson for Known {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.member("key", self.0.key());
        out.member("provider", self.0.provider());
        out.close('}');
    }
}

/// Checks a configuration, and says which credential it leads to.
///
/// # Errors
/// It cannot work: the setting and the reason.
#[wasm_bindgen(js_name = checkConfig)]
pub fn check_config(given: &JsValue) -> Result<JsValue, JsValue> {
    Ok(value::write(&Known(config::config(given)?)))
}

/// How a stored record stands now: `fresh`, `due` or `dead`; `newer` when another version of tokenway wrote it.
///
/// # Errors
/// It is not a record.
#[wasm_bindgen(js_name = standingOf)]
pub fn standing_of(record: &JsValue) -> Result<String, JsValue> {
    let record: Record = value::read("the record", record)?;
    if record.format > RECORD_FORMAT {
        return Ok("newer".to_owned());
    }
    let word = match standing(&record, &Wish::default(), now()) {
        Standing::Due => "due",
        Standing::Fresh | Standing::FreshAsCanBe => "fresh",
        Standing::Unusable => "dead",
    };
    Ok(word.to_owned())
}

/// The presets that the package knows.
#[wasm_bindgen]
pub fn providers() -> JsValue {
    value::write(&Provider::built_in().unwrap_or_default())
}
