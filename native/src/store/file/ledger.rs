//! The ledger file: spans, and the instant from which they count by this machine's wall clock.

use serde::{Deserialize, Serialize};
use tokenway_core::action::LeaseNumber;
use tokenway_core::lifecycle::ledger::{LEDGER_FORMAT, Ledger, StoredLedger};
use tokenway_core::moment::UnixMillis;

use super::failure::failed;
use super::paths::Files;
use super::replace::{self, MayStill};
use super::seal::{seal, unseal};
use crate::store::Answer;

/// The content of the file.
#[derive(Serialize, Deserialize)]
struct Written {
    format: u32,
    /// Under which lease it was written, for people who look for a fault.
    lease: LeaseNumber,
    written_at: UnixMillis,
    ledger: Ledger,
}

/// What every format of the file has.
#[derive(Deserialize)]
struct AnyFormat {
    format: u32,
}

/// Writes the ledger durably. The caller holds the lease, unless `may_still` is an error.
pub(super) fn write(
    may_still: MayStill,
    files: &Files,
    lease: LeaseNumber,
    ledger: Ledger,
    now: UnixMillis,
) -> Answer<()> {
    let path = files.ledger();
    let written = Written { format: LEDGER_FORMAT, lease, written_at: now, ledger };
    let json = serde_json::to_string(&written).map_err(|error| failed("writing", &path, &error.into()))?;
    replace::replace_under(may_still, &path, seal(&json).expose().as_bytes())
}

/// Reads the ledger, its spans counted from `now`. The caller holds the lease, unless `may_still` is an error.
///
/// When the clock went back, no time has passed: the notes are written anew, so that their waits end in the new time.
pub(super) fn read(may_still: MayStill, files: &Files, lease: LeaseNumber, now: UnixMillis) -> Answer<StoredLedger> {
    let Some(bytes) = replace::read(&files.ledger())? else { return Ok(StoredLedger::Absent) };
    match parse(bytes) {
        Found::Ledger(written) => {
            let ledger = written.ledger.aged(now.since(written.written_at)).clamped();
            if now < written.written_at {
                write(may_still, files, lease, ledger.clone(), now)?;
            }
            Ok(StoredLedger::Read(ledger))
        }
        Found::Newer => Ok(StoredLedger::Newer),
        Found::Unreadable => Ok(StoredLedger::Unreadable),
    }
}

enum Found {
    Ledger(Written),
    Newer,
    Unreadable,
}

fn parse(bytes: Vec<u8>) -> Found {
    let Ok(json) = unseal(bytes) else { return Found::Unreadable };
    match serde_json::from_str::<AnyFormat>(json.expose()) {
        Ok(any) if any.format > LEDGER_FORMAT => Found::Newer,
        Ok(_) => serde_json::from_str(json.expose()).map_or(Found::Unreadable, Found::Ledger),
        Err(_) => Found::Unreadable,
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use tokenway_core::lifecycle::ledger::{Intent, MAX_COOL_DOWN, MAX_LANDING};
    use tokenway_core::moment::Millis;
    use tokenway_core::secret::Secret;

    use super::*;
    use crate::store::conformance::sample_key;

    const NOON: UnixMillis = UnixMillis(1_700_000_000_000);

    fn ledger() -> Ledger {
        Ledger {
            lands_in: Millis::seconds(40),
            cool_down: Millis::seconds(60),
            intent: Some(Intent {
                token: Secret::new("spent").hash(),
                age: Millis::seconds(2),
                lands_in: Millis::seconds(30),
                resends: 3,
            }),
            ..Ledger::default()
        }
    }

    fn read_at(files: &Files, now: UnixMillis) -> Ledger {
        let StoredLedger::Read(ledger) = read(&|| Ok(()), files, LeaseNumber(8), now).unwrap() else {
            panic!("not read")
        };
        ledger
    }

    fn written(ledger: Ledger) -> (tempfile::TempDir, Files) {
        let folder = tempfile::tempdir().unwrap();
        let files = Files::of(folder.path(), &sample_key("ledger", "default"));
        write(&|| Ok(()), &files, LeaseNumber(7), ledger, NOON).unwrap();
        (folder, files)
    }

    #[test]
    fn ages_grow_and_waits_shrink_with_the_clock() {
        let (_folder, files) = written(ledger());
        let later = read_at(&files, NOON.plus(Millis::seconds(35)));
        assert_eq!(later.lands_in, Millis::seconds(5));
        assert_eq!(later.cool_down, Millis::seconds(25));
        let intent = later.intent.unwrap();
        assert_eq!((intent.age, intent.lands_in, intent.resends), (Millis::seconds(37), Millis::ZERO, 3));
    }

    #[test]
    fn a_clock_that_went_back_passes_no_time_and_the_waits_end_in_the_new_time() {
        let (_folder, files) = written(ledger());
        let back = UnixMillis(1_000);
        assert_eq!(read_at(&files, back), ledger());
        let later = read_at(&files, back.plus(Millis::seconds(35)));
        assert_eq!((later.lands_in, later.cool_down), (Millis::seconds(5), Millis::seconds(25)));
    }

    #[test]
    fn a_clock_that_jumped_on_ends_all_waits() {
        let (_folder, files) = written(ledger());
        let far = read_at(&files, UnixMillis(u64::MAX));
        assert_eq!((far.lands_in, far.cool_down), (Millis::ZERO, Millis::ZERO));
    }

    #[test]
    fn absurd_spans_are_clamped() {
        let endless = Millis(u64::MAX);
        let (_folder, files) = written(Ledger { lands_in: endless, cool_down: endless, ..ledger() });
        let read = read_at(&files, UnixMillis(0));
        assert_eq!((read.lands_in, read.cool_down), (MAX_LANDING, MAX_COOL_DOWN));
    }

    #[test]
    fn a_ledger_cut_or_changed_anywhere_is_unreadable_and_never_absent() {
        let (_folder, files) = written(ledger());
        let whole = fs::read(files.ledger()).unwrap();
        for at in 0..whole.len() {
            assert!(matches!(parse(whole[..at].to_vec()), Found::Unreadable), "cut at {at}");
            let mut flipped = whole.clone();
            flipped[at] ^= 1;
            assert!(matches!(parse(flipped), Found::Unreadable), "changed at {at}");
        }
        fs::write(files.ledger(), "").unwrap();
        assert_eq!(read(&|| Ok(()), &files, LeaseNumber(8), NOON).unwrap(), StoredLedger::Unreadable);
    }

    #[test]
    fn a_newer_ledger_is_known_as_newer() {
        let (_folder, files) = written(ledger());
        fs::write(files.ledger(), seal("{\"format\":2,\"notes\":[]}").expose()).unwrap();
        assert_eq!(read(&|| Ok(()), &files, LeaseNumber(8), NOON).unwrap(), StoredLedger::Newer);
    }
}
