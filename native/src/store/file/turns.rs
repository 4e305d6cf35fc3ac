//! A lock where the file system has none: whoever makes the file of the next number has the turn.
//!
//! ```text
//! NAME.lock.turns/17.held   a turn: whose, and how long it counts without a sign of life
//! NAME.lock.turns/17.free   the same, given back
//! NAME.lock.turns/clock     written to learn the time of the file system's clock
//! ```
//!
//! A new file is the one thing that every file system gives to one alone. The largest number counts, and it stays until a
//! larger one is there, so none comes back: whoever looked long ago makes a number that is behind, sees that, and has no
//! turn. Its holder gives a sign of life at each third of the time that it counts, and believes in it for no longer than
//! that; without a sign it is over, as a lease of a lease server is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};
use tokenway_core::moment::Millis;

use super::paths::hex;
use super::platform;
use crate::store::expiry::{self, Confirmed};

/// File systems keep the time of a change in steps of up to two seconds.
const COARSE: Duration = Duration::from_secs(2);

/// How soon a sign of life that failed is given again.
const SOON: Duration = Duration::from_secs(1);

/// How often a folder is read until two readings agree.
const READINGS: u32 = 100;

/// More than there will ever be.
const MAX_NUMBER: u64 = 1 << 53;

/// The most bytes of a claim that are read.
const MAX_CLAIM: u64 = 1024;

/// A turn that this process has. It ends when this is dropped; without its process, by its age.
pub(super) struct Turn {
    held: Arc<Held>,
    /// Dropped, it ends the thread that gives the signs of life.
    _living: Sender<()>,
}

/// The file of a turn that is held.
struct Held {
    path: PathBuf,
    claim: Vec<u8>,
    span: Duration,
    confirmed: Mutex<Confirmed>,
}

/// What is in it.
#[derive(Serialize, Deserialize)]
struct Claim {
    /// Random: a number that comes back, because somebody removed the folder, is another turn.
    name: String,
    span: Millis,
}

/// The turn that counts. Of one that is held and free the latter is true: whoever made it anew came too late.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Last {
    number: u64,
    is_free: bool,
}

/// Whether the lock on the file at `path` goes by turns: then nobody has it without one.
pub(super) fn are_taken(path: &Path) -> io::Result<bool> {
    match fs::metadata(folder_of(path)) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        found => found.map(|metadata| metadata.is_dir()),
    }
}

/// Whether a lock in the folder goes by turns.
pub(super) fn are_taken_in(folder: &Path) -> bool {
    let Ok(entries) = fs::read_dir(folder) else { return false };
    entries.flatten().any(|entry| entry.path().extension().is_some_and(|extension| extension == "turns"))
}

/// Whether the lock on the file at `path` goes by turns though the file may not be there yet. It is to, if another lock
/// beside it does.
pub(super) fn precede(path: &Path) -> io::Result<bool> {
    if are_taken(path)? {
        return Ok(true);
    }
    if path.try_exists()? || !path.parent().is_some_and(are_taken_in) {
        return Ok(false);
    }
    platform::private_folder(&folder_of(path))?;
    Ok(true)
}

impl Turn {
    /// Takes the turn for the file at `path` if nobody has it; it counts for `span` without a sign of life. `is_first`: we
    /// made the file, and after the folder of its turns, so that nobody can have locked it in another way.
    pub(super) fn try_take(path: &Path, span: Duration, is_first: bool) -> io::Result<Option<Self>> {
        let turns = folder_of(path);
        platform::private_folder(&turns)?;
        match last(&turns)? {
            None | Some(Last { number: 0, .. }) if is_first => Turn::take(&turns, 1, span),
            Some(last) if last.is_over(&turns, span)? => Turn::take(&turns, last.number + 1, span),
            Some(_) => Ok(None),
            None => {
                // The turn of whoever locked the file in another way. Nobody gives a sign of life for it.
                make(&turns.join("0.held"), &claim(span)?)?;
                Ok(None)
            }
        }
    }

    fn take(turns: &Path, number: u64, span: Duration) -> io::Result<Option<Self>> {
        let confirmed = Mutex::new(Confirmed::now());
        let held = Held { path: turns.join(format!("{number}.held")), claim: claim(span)?, span, confirmed };
        if !make(&held.path, &held.claim)? {
            return Ok(None);
        }
        let (living, ended) = mpsc::channel();
        let turn = Turn { held: Arc::new(held), _living: living };
        // Before its claim was written it counted for no longer, whatever the span of who looked at it.
        if !turn.held.confirmed().lasts(COARSE) || last(turns)? != Some(Last { number, is_free: false }) {
            return Ok(None);
        }
        remove_before(turns, number);
        turn.give_signs_until(ended)?;
        Ok(Some(turn))
    }

    /// Whether it is ours still.
    pub(super) fn is_current(&self) -> bool {
        self.held.is_current()
    }

    /// Gives a sign of life: its time begins anew.
    pub(super) fn renew(&self) -> io::Result<()> {
        self.held.renew()
    }

    fn give_signs_until(&self, ended: Receiver<()>) -> io::Result<()> {
        let held = Arc::clone(&self.held);
        let give_signs = move || {
            let every = held.span / 3;
            let mut pause = every;
            while ended.recv_timeout(pause) == Err(RecvTimeoutError::Timeout) {
                pause = if held.renew().is_ok() { every } else { every.min(SOON) };
            }
        };
        thread::Builder::new().name("tokenway-turn".to_owned()).spawn(give_signs).map(|_| ())
    }
}

impl Drop for Turn {
    /// Gives it back. What cannot be given back ends by its age.
    fn drop(&mut self) {
        if self.held.is_ours() {
            let _ = fs::rename(&self.held.path, self.held.path.with_extension("free"));
        }
    }
}

impl Held {
    fn is_current(&self) -> bool {
        self.confirmed().lasts(self.span) && self.is_ours()
    }

    fn is_ours(&self) -> bool {
        fs::read(&self.path).is_ok_and(|claim| claim == self.claim)
    }

    fn renew(&self) -> io::Result<()> {
        let asked = Confirmed::now();
        if !self.is_current() {
            return Err(over());
        }
        let mut file = OpenOptions::new().write(true).open(&self.path)?;
        file.write_all(&self.claim)?;
        file.sync_data()?;
        let mut confirmed = self.confirmed();
        if !confirmed.lasts(self.span) {
            // The write took too long: others may have seen the turn as over before it came.
            return Err(over());
        }
        *confirmed = asked;
        Ok(())
    }

    fn confirmed(&self) -> MutexGuard<'_, Confirmed> {
        self.confirmed.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Last {
    /// Whether it was given back, or its holder gave no sign of life for as long as it counts: for `span`, if it does not
    /// say.
    fn is_over(self, turns: &Path, span: Duration) -> io::Result<bool> {
        if self.is_free {
            return Ok(true);
        }
        let mut held = match File::options().read(true).write(true).open(turns.join(format!("{}.held", self.number))) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(false),
            held => held?,
        };
        let mut bytes = Vec::new();
        (&held).take(MAX_CLAIM).read_to_end(&mut bytes)?;
        let claim = serde_json::from_slice::<Claim>(&bytes).ok();
        let metadata = held.metadata()?;
        // Until its maker has written it, a new file may bear any date as that of its last change.
        let signed = if claim.is_some() { metadata.modified() } else { platform::changed(&metadata) }?;
        let Ok(age) = now(turns)?.duration_since(signed) else {
            // The clock went back: no time has passed, and the turn's begins anew.
            held.seek(SeekFrom::Start(0))?;
            held.write_all(if bytes.is_empty() { b" " } else { &bytes })?;
            return Ok(false);
        };
        Ok(age >= claim.map_or(span, |claim| expiry::span(claim.span)) + COARSE)
    }
}

/// The turn that counts, by two readings that agree: one misses a name that changes under it.
fn last(turns: &Path) -> io::Result<Option<Last>> {
    let mut before = read_last(turns)?;
    for _ in 0..READINGS {
        let last = read_last(turns)?;
        if last == before {
            return Ok(last);
        }
        before = last;
    }
    Err(io::Error::other("the turns there change too fast to be read"))
}

fn read_last(turns: &Path) -> io::Result<Option<Last>> {
    let mut last = None;
    for entry in fs::read_dir(turns)? {
        last = last.max(parse(&entry?.path()));
    }
    Ok(last)
}

fn parse(path: &Path) -> Option<Last> {
    let stem = path.file_stem()?.to_str()?;
    let number = stem.parse().ok().filter(|number: &u64| *number < MAX_NUMBER && number.to_string() == stem)?;
    let is_free = match path.extension()?.to_str()? {
        "free" => true,
        "held" => false,
        _ => return None,
    };
    Some(Last { number, is_free })
}

/// Tidying up: what is left is behind, and does not count.
fn remove_before(turns: &Path, number: u64) {
    let Ok(entries) = fs::read_dir(turns) else { return };
    let paths = entries.flatten().map(|entry| entry.path());
    for path in paths.filter(|path| parse(path).is_some_and(|turn| turn.number < number)) {
        let _ = fs::remove_file(path);
    }
}

/// False: another has made it.
fn make(path: &Path, claim: &[u8]) -> io::Result<bool> {
    let mut file = match platform::create_private(path) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => return Ok(false),
        made => made?,
    };
    let written = file.write_all(claim);
    if written.is_err() {
        // There is no place for it. Nobody is to wait for its end.
        let _ = fs::rename(path, path.with_extension("free"));
    }
    written.map(|()| true)
}

fn over() -> io::Error {
    io::Error::other("the turn is over")
}

fn claim(span: Duration) -> io::Result<Vec<u8>> {
    let mut name = [0; 16];
    getrandom::fill(&mut name).map_err(|error| io::Error::other(format!("the system has no random bytes: {error}")))?;
    let span = Millis(u64::try_from(span.as_millis()).unwrap_or(u64::MAX));
    Ok(serde_json::to_vec(&Claim { name: hex(&name), span })?)
}

/// The time, by the clock that stamps the signs of life.
fn now(turns: &Path) -> io::Result<SystemTime> {
    let clock = turns.join("clock");
    platform::write_private(&clock, b".")?;
    fs::metadata(&clock)?.modified()
}

fn folder_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".turns");
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::Instant;

    use tempfile::TempDir;

    use super::*;

    const MINUTE: Duration = Duration::from_secs(60);

    fn path() -> (TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.lock");
        (folder, path)
    }

    fn taken(path: &Path) -> Option<Turn> {
        Turn::try_take(path, MINUTE, true).unwrap()
    }

    fn names(path: &Path) -> Vec<String> {
        let entries = fs::read_dir(folder_of(path)).unwrap();
        let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != "clock");
        names.sort();
        names
    }

    fn put(path: &Path, name: &str, span: Duration) {
        platform::private_folder(&folder_of(path)).unwrap();
        fs::write(folder_of(path).join(name), claim(span).unwrap()).unwrap();
    }

    /// As if the last sign of life had been given so long before, or after, now.
    fn age(path: &Path, name: &str, by: impl FnOnce(SystemTime) -> SystemTime) {
        let file = File::options().write(true).open(folder_of(path).join(name)).unwrap();
        file.set_modified(by(SystemTime::now())).unwrap();
    }

    #[test]
    fn a_turn_keeps_others_out_until_it_is_given_back() {
        let (_folder, path) = path();
        assert!(!are_taken(&path).unwrap());
        let turn = taken(&path).unwrap();
        assert!(turn.is_current() && are_taken(&path).unwrap() && are_taken_in(path.parent().unwrap()));
        assert!(taken(&path).is_none());
        drop(turn);
        assert_eq!(names(&path), ["1.free"]);
        let next = taken(&path).unwrap();
        assert!(next.is_current());
        assert_eq!(names(&path), ["2.held"], "what is behind is removed");
    }

    #[test]
    fn a_turn_without_a_sign_of_life_is_over_when_its_own_time_is() {
        let (_folder, path) = path();
        put(&path, "7.held", 2 * MINUTE);
        age(&path, "7.held", |now| now - 2 * MINUTE);
        assert!(taken(&path).is_none(), "a file system may be two seconds behind");
        age(&path, "7.held", |now| now - 2 * MINUTE - COARSE);
        assert!(taken(&path).is_some());
        assert_eq!(names(&path), ["8.free"]);
    }

    #[test]
    fn a_turn_that_says_nothing_yet_counts_from_when_it_was_made() {
        let (_folder, path) = path();
        put(&path, "7.held", MINUTE);
        fs::write(folder_of(&path).join("7.held"), "").unwrap();
        age(&path, "7.held", |now| now - 2 * MINUTE);
        assert!(taken(&path).is_none());
        let began = Instant::now();
        let soon = || Turn::try_take(&path, Duration::ZERO, false).unwrap();
        while soon().is_none() {
            assert!(began.elapsed() < 5 * COARSE, "it is never over");
            thread::sleep(Duration::from_millis(20));
        }
        assert!(began.elapsed() > COARSE - Duration::from_millis(200), "{:?}", began.elapsed());
    }

    #[test]
    fn a_clock_that_went_back_begins_the_time_of_a_turn_anew() {
        let (_folder, path) = path();
        put(&path, "7.held", MINUTE);
        age(&path, "7.held", |now| now + 1_000 * MINUTE);
        assert!(taken(&path).is_none());
        let held = folder_of(&path).join("7.held");
        assert!(fs::metadata(&held).unwrap().modified().unwrap() <= SystemTime::now());
        assert!(serde_json::from_slice::<Claim>(&fs::read(&held).unwrap()).is_ok());
    }

    #[test]
    fn a_file_that_was_there_may_be_locked_otherwise_for_a_whole_turn() {
        let (_folder, path) = path();
        let taken = |is_new| Turn::try_take(&path, MINUTE, is_new).unwrap();
        assert!(taken(false).is_none());
        assert!(taken(false).is_none());
        age(&path, "0.held", |now| now - MINUTE - COARSE);
        assert!(taken(false).is_some());
    }

    #[test]
    fn a_lock_that_is_new_goes_by_turns_where_others_do() {
        let (folder, path) = path();
        assert!(!precede(&path).unwrap() && !are_taken(&path).unwrap());
        let other = folder.path().join("other.lock");
        drop(taken(&other));
        fs::write(&path, "").unwrap();
        assert!(!precede(&path).unwrap(), "somebody may have locked it");
        fs::remove_file(&path).unwrap();
        assert!(precede(&path).unwrap() && are_taken(&path).unwrap());
        assert!(precede(&path).unwrap());
    }

    #[test]
    fn whoever_made_the_file_need_not_wait_though_another_looked_first() {
        let (_folder, path) = path();
        assert!(Turn::try_take(&path, MINUTE, false).unwrap().is_none());
        let turn = taken(&path).unwrap();
        assert_eq!(names(&path), ["1.held"]);
        assert!(taken(&path).is_none());
        drop(turn);
    }

    #[test]
    fn whoever_looked_long_ago_has_no_turn() {
        let (_folder, path) = path();
        for (there, late) in [("5.held", 3), ("5.free", 3), ("5.free", 5), ("5.held", 5)] {
            put(&path, there, MINUTE);
            assert!(Turn::take(&folder_of(&path), late, MINUTE).unwrap().is_none(), "{there}, {late}");
            assert!(names(&path).contains(&there.to_owned()));
            fs::remove_dir_all(folder_of(&path)).unwrap();
        }
    }

    #[test]
    fn what_cannot_be_looked_at_is_not_taken_for_a_lock_without_turns() {
        let (folder, _) = path();
        let file = folder.path().join("file");
        fs::write(&file, "").unwrap();
        assert!(are_taken(&file.join("x.lock")).is_err());
        assert!(!are_taken(&folder.path().join("nowhere/x.lock")).unwrap());
    }

    #[test]
    fn a_turn_that_vanished_is_to_be_looked_at_again_and_one_that_cannot_be_read_is_an_error() {
        let (_folder, path) = path();
        drop(taken(&path));
        let is_over = |number| Last { number, is_free: false }.is_over(&folder_of(&path), MINUTE);
        assert!(!is_over(7).unwrap());
        fs::create_dir(folder_of(&path).join("8.held")).unwrap();
        assert!(is_over(8).is_err());
        assert!(Turn::take(&path.join("nowhere"), 1, MINUTE).is_err());
    }

    #[test]
    fn what_is_no_turn_does_not_count() {
        for name in
            ["clock", "x.held", "7", "7.other", ".held", "-1.free", "+7.held", "007.free", "9007199254740992.held"]
        {
            assert_eq!(parse(Path::new(name)), None, "{name}");
        }
        assert_eq!(parse(Path::new("7.held")), Some(Last { number: 7, is_free: false }));
        assert_eq!(parse(Path::new("7.free")), Some(Last { number: 7, is_free: true }));
    }

    #[test]
    fn a_holder_gives_signs_of_life() {
        let (_folder, path) = path();
        let _turn = Turn::try_take(&path, Duration::from_millis(300), true).unwrap().unwrap();
        age(&path, "1.held", |now| now - MINUTE);
        let is_old = || {
            let signed = fs::metadata(folder_of(&path).join("1.held")).unwrap().modified().unwrap();
            signed.elapsed().unwrap_or_default() > MINUTE / 2
        };
        let began = Instant::now();
        while is_old() {
            assert!(began.elapsed() < Duration::from_secs(10), "no sign of life");
            thread::sleep(Duration::from_millis(10));
        }
    }

    #[test]
    fn a_holder_that_stood_still_believes_in_its_turn_no_more_and_cannot_begin_it_anew() {
        let (_folder, path) = path();
        let turn = taken(&path).unwrap();
        *turn.held.confirmed() = Confirmed::before(MINUTE / 2, MINUTE / 2);
        assert!(turn.is_current());
        turn.renew().unwrap();
        *turn.held.confirmed() = Confirmed::before(MINUTE, MINUTE);
        assert!(!turn.is_current());
        assert!(turn.renew().is_err());
    }

    #[test]
    fn a_sign_of_life_begins_the_time_of_a_turn_anew() {
        let (_folder, path) = path();
        let turn = taken(&path).unwrap();
        *turn.held.confirmed() = Confirmed::before(MINUTE * 9 / 10, MINUTE * 9 / 10);
        turn.renew().unwrap();
        assert!(turn.held.confirmed().lasts(MINUTE / 2));
    }

    #[test]
    fn a_turn_whose_folder_was_removed_is_lost_and_does_not_end_that_of_another() {
        let (_folder, path) = path();
        let turn = taken(&path).unwrap();
        fs::remove_dir_all(folder_of(&path)).unwrap();
        assert!(!turn.is_current());
        let next = taken(&path).unwrap();
        assert!(!turn.is_current());
        drop(turn);
        assert!(next.is_current());
        assert_eq!(names(&path), ["1.held"]);
    }

    #[test]
    fn of_eight_threads_one_has_the_turn_at_a_time() {
        const ROUNDS: u64 = 200;
        let (_folder, path) = path();
        let (taken, holders, began) = (AtomicU64::new(0), Mutex::new(()), Instant::now());
        let take_turns = || {
            while taken.load(Ordering::Relaxed) < ROUNDS {
                assert!(began.elapsed() < Duration::from_secs(20), "starved");
                let Some(turn) = Turn::try_take(&path, MINUTE, true).unwrap() else { continue };
                let alone = holders.try_lock().expect("two have the turn at once");
                taken.fetch_add(1, Ordering::Relaxed);
                assert!(turn.is_current());
                drop(alone);
            }
        };
        thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(take_turns))));
    }
}
