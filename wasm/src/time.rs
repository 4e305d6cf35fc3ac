//! Waiting, by two clocks: the wall's jumps, the monotonic one may stop while the machine sleeps.

use js_sys::Promise;
use tokenway_core::action::WaitUntil;
use tokenway_core::event::Outcome;
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::JsFuture;

use crate::moment::now;

/// The longest single sleep, in milliseconds: the wall clock is looked at again after it, because it may have jumped.
const LONGEST_SLEEP: f64 = 1_000.0;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(js_name = setTimeout)]
    pub(crate) fn set_timeout(handler: &JsValue, milliseconds: f64) -> JsValue;
    #[wasm_bindgen(js_name = clearTimeout)]
    pub(crate) fn clear_timeout(timer: &JsValue);
    #[wasm_bindgen(js_namespace = performance, js_name = now)]
    fn monotonic() -> f64;
}

/// Milliseconds by a clock that never goes back.
pub(crate) fn passed_since(start: f64) -> f64 {
    monotonic() - start
}

/// The monotonic clock.
pub(crate) fn start() -> f64 {
    monotonic()
}

/// Until the instant by the wall clock, or until the span has passed by the monotonic one.
pub(crate) async fn wait_until(wait: &WaitUntil) -> Outcome {
    let started = start();
    loop {
        let by_wall = wait.at.since(now()).0 as f64;
        let left = by_wall.min(wait.span.0 as f64 - passed_since(started));
        if left <= 0.0 {
            return Outcome::Elapsed;
        }
        sleep(left.min(LONGEST_SLEEP)).await;
    }
}

async fn sleep(milliseconds: f64) {
    let promise = Promise::new(&mut |resolve, _| {
        set_timeout(&resolve, milliseconds);
    });
    // A promise that nobody rejects.
    let _ = JsFuture::from(promise).await;
}
