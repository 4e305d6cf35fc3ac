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

/// Logs in; from the snapshot of a login that was interrupted, if there is one.
#[wasm_bindgen(js_name = runLogin)]
pub fn run_login(given: JsValue, world: World, snapshot: Option<String>) -> Promise {
    future_to_promise(async move {
        let config = config::config(&given)?;
        let moment = moment().map_err(|failure| thrown::failure(&failure))?;
        let running = match snapshot {
            Some(snapshot) => Running::resume(&snapshot, &config, moment)?,
            None => Running::Login(Login::start(&config, moment)),
        };
        run(running, &config, &world).await
    })
}

/// Gets a usable token.
#[wasm_bindgen(js_name = runGetToken)]
pub fn run_get_token(given: JsValue, world: World, wish: JsValue) -> Promise {
    future_to_promise(async move {
        let (config, wish) = (config::config(&given)?, read_wish(&wish)?);
        let moment = moment().map_err(|failure| thrown::failure(&failure))?;
        run(Running::GetToken(GetToken::start(&config, wish, moment)), &config, &world).await
    })
}

/// Logs out.
#[wasm_bindgen(js_name = runLogout)]
pub fn run_logout(given: JsValue, world: World, everywhere: JsValue) -> Promise {
    future_to_promise(async move {
        let (config, scope) = (config::config(&given)?, read_scope(&everywhere)?);
        let moment = moment().map_err(|failure| thrown::failure(&failure))?;
        run(Running::Logout(Logout::start(&config, scope, moment)), &config, &world).await
    })
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
