//! The ledger beside the lease, as JSON. Its spans count from an instant of the server's clock that lies beside it.

use serde::{Deserialize, Serialize};
use tokenway_core::lifecycle::ledger::{LEDGER_FORMAT, Ledger, StoredLedger};
use tokenway_core::moment::Millis;

use super::failure::unable;
use crate::store::Answer;

#[derive(Serialize, Deserialize)]
struct Written<L> {
    format: u32,
    ledger: L,
}

/// What every format has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

pub(super) fn written(ledger: &Ledger) -> Answer<String> {
    let written = Written { format: LEDGER_FORMAT, ledger };
    serde_json::to_string(&written).map_err(|error| unable(format!("noting: the ledger cannot be written: {error}")))
}

/// What was noted `age` ago.
pub(super) fn read(json: Option<&str>, age: Millis) -> StoredLedger {
    let Some(json) = json else { return StoredLedger::Absent };
    match serde_json::from_str::<AnyFormat>(json) {
        Ok(any) if any.format > LEDGER_FORMAT => StoredLedger::Newer,
        Ok(_) => serde_json::from_str::<Written<Ledger>>(json)
            .map_or(StoredLedger::Unreadable, |written| StoredLedger::Read(written.ledger.aged(age).clamped())),
        Err(_) => StoredLedger::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_comes_back_older_and_within_its_limits() {
        let ledger = Ledger { lands_in: Millis::seconds(40), cool_down: Millis::seconds(90_000), ..Ledger::default() };
        let StoredLedger::Read(read) = read(Some(&written(&ledger).unwrap()), Millis::seconds(15)) else { panic!() };
        assert_eq!((read.lands_in, read.cool_down), (Millis::seconds(25), Millis::seconds(3_600)));
    }

    #[test]
    fn what_is_no_ledger_or_a_newer_one_is_known_as_that() {
        assert_eq!(read(None, Millis::ZERO), StoredLedger::Absent);
        assert_eq!(read(Some("{\"format\":1}"), Millis::ZERO), StoredLedger::Unreadable);
        assert_eq!(read(Some("x"), Millis::ZERO), StoredLedger::Unreadable);
        assert_eq!(read(Some("{\"format\":2,\"notes\":[]}"), Millis::ZERO), StoredLedger::Newer);
    }
}
