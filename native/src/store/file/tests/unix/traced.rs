//! What only the system calls show: which are made in which order, and what comes of one that fails.

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::{env, fs};

use super::strace::{RENAMES, strace};
use super::{Answer, BindMount, DeleteAnswer, FileStore, HOME, Home, conformance, run, sample_record, second_process};

/// What the traced process does; false in the first one. It fails when what it does fails.
fn did<T>(work: impl AsyncFnOnce(&Home) -> Answer<T>) -> bool {
    let Some(store) = second_process() else { return false };
    run(work(&Home { store, ..Home::new() })).unwrap();
    true
}

/// This very test in a process of its own, whose system calls strace looks at; `None`, said aloud, where nothing can be
/// traced.
fn traced(test: &str, home: &Home, options: &[&str]) -> Option<Command> {
    let mut traced = strace(options)?;
    traced.args(["--exact", &format!("store::file::tests::unix::traced::{test}")]);
    traced.env(HOME, home.folder.path().join("home")).stderr(Stdio::null());
    Some(traced)
}

/// Whether the test holds in a process in which `call` has that `error` wherever it has to do with `path`.
fn holds_with(test: &str, home: &Home, path: &Path, call: &str, error: &str) -> Option<bool> {
    let (trace, inject) = (format!("trace={call}"), format!("inject={call}:error={error}"));
    let options = ["-o", "/dev/null", "-P", path.to_str().unwrap(), "-e", &trace, "-e", &inject];
    traced(test, home, &options).map(|mut traced| traced.status().unwrap().success())
}

/// A home whose locks go by turns from the first one on.
fn home_with_turns() -> Home {
    let home = Home::new();
    fs::create_dir_all(home.store.cabinet.folder.join("another.lock.turns")).unwrap();
    home
}

#[test]
fn f20_the_contract_is_kept_where_flock_is_missing_by_strace() {
    const TEST: &str = "f20_the_contract_is_kept_where_flock_is_missing_by_strace";
    if let Some(home) = env::var_os(HOME) {
        return run(conformance(|| Arc::new(FileStore::new(&home))));
    }
    // With an error, or with a lock for everybody.
    for answer in ["error=ENOLCK", "error=EOPNOTSUPP", "retval=0"] {
        let inject = format!("inject=flock:{answer}");
        let options = ["-o", "/dev/null", "-e", "trace=flock", "-e", &inject];
        let home = home_with_turns();
        let Some(mut traced) = traced(TEST, &home, &options) else { return };
        assert!(traced.status().unwrap().success(), "{answer}");
    }
}

#[test]
fn f20_no_other_error_of_flock_is_taken_for_a_file_system_without_locks_by_strace() {
    const TEST: &str = "f20_no_other_error_of_flock_is_taken_for_a_file_system_without_locks_by_strace";
    if did(async |home| home.save(None, sample_record("login", 1, "one")).await) {
        return;
    }
    let home = Home::new();
    for error in ["EIO", "EINTR", "EBADF"] {
        let options = ["-o", "/dev/null", "-e", "trace=flock", "-e", &format!("inject=flock:error={error}")];
        let Some(mut traced) = traced(TEST, &home, &options) else { return };
        assert!(!traced.status().unwrap().success(), "{error}");
        assert_eq!(run(home.loaded_generation()), None, "{error}");
    }
}

/// Containers that were given the same file know it by different names, and would not see each other's turns.
#[test]
fn f20_a_save_in_place_where_flock_is_missing_is_refused_by_strace() {
    const TEST: &str = "f20_a_save_in_place_where_flock_is_missing_is_refused_by_strace";
    if did(async |home| home.save_next().await) {
        return;
    }
    let home = home_with_turns();
    run(home.save(None, sample_record("login", 1, "one"))).unwrap();
    let given = home.folder.path().join("given");
    fs::copy(home.record(), &given).unwrap();
    let Some(_mount) = BindMount::of(&given, &home.record()) else { return };
    let before = fs::read(&given).unwrap();
    for answer in ["error=ENOLCK", "retval=0"] {
        let options = ["-o", "/dev/null", "-e", "trace=flock", "-e", &format!("inject=flock:{answer}")];
        let Some(mut traced) = traced(TEST, &home, &options) else { return };
        assert!(!traced.status().unwrap().success(), "{answer}");
        assert_eq!(fs::read(home.record()).unwrap(), before, "{answer}");
    }
}

/// Its writer is killed at the rename: its bytes are complete and synced, and nobody is left to put them in their place.
#[test]
fn f05_a_save_killed_at_its_rename_is_finished_by_the_next_who_looks() {
    const TEST: &str = "f05_a_save_killed_at_its_rename_is_finished_by_the_next_who_looks";
    if did(async |home| home.save_next().await) {
        return;
    }
    let home = run(Home::with_record());
    let (trace, inject) = (format!("trace={RENAMES}"), format!("inject={RENAMES}:signal=SIGKILL:when=1"));
    let Some(mut killed) = traced(TEST, &home, &["-o", "/dev/null", "-e", &trace, "-e", &inject]) else { return };
    assert!(!killed.status().unwrap().success());
    assert_eq!(home.names().len(), 2, "the record, and what the killed writer left: {:?}", home.names());
    assert_eq!(run(home.loaded_generation()), Some(2));
    assert_eq!(home.names().len(), 1);
}

/// What a traced process synced, renamed and made, in that order: the path of each.
fn durable_steps(test: &str, home: &Home) -> Option<Vec<String>> {
    let log = home.folder.path().join("log");
    let calls = format!("trace=mkdir,mkdirat,fsync,fdatasync,{RENAMES}");
    let status = traced(test, home, &["-y", "-o", log.to_str().unwrap(), "-e", &calls])?.status().unwrap();
    assert!(status.success());
    let home = home.folder.path().to_str().unwrap();
    let lines = fs::read_to_string(&log).unwrap();
    Some(lines.lines().filter(|line| line.contains(home) && line.ends_with("= 0")).map(step).collect())
}

/// `fsync(9</a/b>) = 0` is "sync /a/b", and of the two paths of a rename the last counts.
fn step(line: &str) -> String {
    let call = line.split_whitespace().nth(1).unwrap().split('(').next().unwrap();
    let (word, path) = match call {
        "fsync" | "fdatasync" => ("sync", line.split(['<', '>']).nth(1)),
        "mkdir" | "mkdirat" => ("mkdir", line.split('"').nth(1)),
        _ => ("rename", line.split('"').nth(3)),
    };
    format!("{word} {}", path.unwrap())
}

#[test]
fn f06_each_step_of_a_save_is_made_durable_before_the_next_by_strace() {
    const TEST: &str = "f06_each_step_of_a_save_is_made_durable_before_the_next_by_strace";
    if did(async |home| home.save(None, sample_record("login", 1, "one")).await) {
        return;
    }
    let home = Home::new();
    let Some(steps) = durable_steps(TEST, &home) else { return };
    let (above, record) = (home.folder.path().display(), home.record());
    let (inside, temp) =
        (home.store.cabinet.folder.display(), format!("sync {}/.tokenway-", record.parent().unwrap().display()));
    let (synced, others): (Vec<_>, Vec<_>) = steps.iter().cloned().partition(|step| step.starts_with(&temp));
    assert_eq!(synced.len(), 1, "{steps:?}");
    assert_eq!(steps.iter().position(|step| step.starts_with(&temp)), Some(4), "before its rename: {steps:?}");
    let expected = [
        format!("mkdir {above}/home"),
        format!("sync {above}"),
        format!("mkdir {inside}"),
        format!("sync {above}/home"),
        format!("rename {}", record.display()),
        format!("sync {inside}"),
    ];
    assert_eq!(others, expected);
}

#[test]
fn f14_a_save_in_place_is_made_durable_by_strace() {
    const TEST: &str = "f14_a_save_in_place_is_made_durable_by_strace";
    if did(async |home| home.save_next().await) {
        return;
    }
    let home = run(Home::with_record());
    let given = home.folder.path().join("given");
    fs::copy(home.record(), &given).unwrap();
    let Some(_mount) = BindMount::of(&given, &home.record()) else { return };
    let Some(steps) = durable_steps(TEST, &home) else { return };
    let synced = format!("sync {}", home.record().display());
    assert_eq!(steps.last(), Some(&synced), "{steps:?}");
}

/// One may write to it and not list it.
#[test]
fn a_folder_that_cannot_be_synced_for_want_of_rights_is_used_without_by_strace() {
    const TEST: &str = "a_folder_that_cannot_be_synced_for_want_of_rights_is_used_without_by_strace";
    if did(async |home| home.save(None, sample_record("login", 1, "one")).await) {
        return;
    }
    for (error, is_used) in [("EACCES", true), ("EIO", false)] {
        let home = Home::new();
        let Some(holds) = holds_with(TEST, &home, home.folder.path(), "openat", error) else { return };
        assert_eq!(holds, is_used, "{error}");
    }
}

#[test]
fn a_record_that_cannot_be_opened_is_not_taken_for_none_by_strace() {
    const TEST: &str = "a_record_that_cannot_be_opened_is_not_taken_for_none_by_strace";
    if did(async |home| home.load().await.map(|record| assert_eq!(record, None))) {
        return;
    }
    let home = run(Home::with_record());
    for (error, is_none) in [("ENOENT", true), ("EACCES", false), ("EIO", false)] {
        let Some(holds) = holds_with(TEST, &home, &home.record(), "openat", error) else { return };
        assert_eq!(holds, is_none, "{error}");
    }
}

#[test]
fn a_delete_that_removes_nothing_is_an_error_by_strace() {
    const TEST: &str = "a_delete_that_removes_nothing_is_an_error_by_strace";
    if did(async |home| home.delete(1).await.map(|answer| assert_eq!(answer, DeleteAnswer::Deleted))) {
        return;
    }
    let home = run(Home::with_record());
    let Some(holds) = holds_with(TEST, &home, &home.record(), "unlink,unlinkat", "EIO") else { return };
    assert!(!holds);
    assert_eq!(run(home.loaded_generation()), Some(1));
    assert_eq!(holds_with(TEST, &home, &home.record(), "unlink,unlinkat", "ENOENT"), Some(true), "somebody was faster");
}

#[test]
fn a_damaged_record_that_cannot_be_moved_aside_stays_as_it_is_by_strace() {
    const TEST: &str = "a_damaged_record_that_cannot_be_moved_aside_stays_as_it_is_by_strace";
    if did(async |home| home.load().await) {
        return;
    }
    let home = run(Home::with_record());
    fs::write(home.record(), "damaged").unwrap();
    let Some(holds) = holds_with(TEST, &home, &home.record(), RENAMES, "EIO") else { return };
    assert!(!holds);
    assert_eq!(fs::read(home.record()).unwrap(), b"damaged");
    assert!(home.corrupt_copies().is_empty());
}
