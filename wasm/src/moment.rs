//! Time and entropy of the host.

use js_sys::Date;
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::moment::UnixMillis;

/// The wall clock, 1970 at the earliest.
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the host's clock is whole and small")]
pub(crate) fn now() -> UnixMillis {
    UnixMillis(Date::now().max(0.0) as u64)
}

/// 32 bytes of the host's random source.
pub(crate) fn entropy() -> Result<[u8; 32], Box<Failure>> {
    let mut entropy = [0; 32];
    getrandom::fill(&mut entropy).map_err(|_| {
        let what = "Run this where crypto.getRandomValues is available.".to_owned();
        let next = NextStep::FixConfiguration { what };
        Box::new(Failure::new(FlowStep::Loading, FailureKind::Unable, "the host gives no random numbers", next))
    })?;
    Ok(entropy)
}
