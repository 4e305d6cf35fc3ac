//! The file store against faults that only Unix has: modes, owners, links, signals, inherited descriptors, a full disk.
//! What needs root is skipped, visibly, without it.

mod skipped;
mod small_disk;
mod strace;
mod traced;

use std::env;
use std::fs::{self, Permissions};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, PermissionsExt, chown, symlink};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tokenway_core::moment::Millis;

use super::*;
use crate::store::conformance::sample_record;
use skipped::skipped;
use small_disk::SmallDisk;

/// Where a test that runs itself in a second process finds the first one's home.
const HOME: &str = "TOKENWAY_TEST_HOME";

/// This very test once more, in a process of its own, which finds [`HOME`] set.
fn again(test: &str, home: &Home) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", "umask 000; exec \"$0\" \"$@\""]).arg(env::current_exe().unwrap());
    command.args(["--exact", &format!("store::file::tests::unix::{test}"), "--nocapture"]);
    command.env(HOME, home.folder.path().join("home")).stdout(Stdio::null());
    command
}

/// Set in the second process only.
fn second_process() -> Option<FileStore> {
    env::var_os(HOME).map(FileStore::new)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o777
}

fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

fn is_root() -> bool {
    let is_root = rustix::process::geteuid().is_root();
    if !is_root {
        skipped("needs root");
    }
    is_root
}

#[test]
fn all_files_are_private_from_birth_under_umask_000() {
    let home = Home::new();
    let Some(store) = second_process() else {
        let status = again("all_files_are_private_from_birth_under_umask_000", &home).status().unwrap();
        assert!(status.success());
        return;
    };
    run(async {
        let home = Home { store, ..home };
        home.save(None, sample_record("login", 1, "one")).await.unwrap();
        let lease = home.locked().await.lease;
        home.note(lease).await.unwrap();
        fs::write(home.store.cabinet.folder.join("control"), "").unwrap();
    });
    let folder = &FileStore::new(env::var_os(HOME).unwrap()).cabinet.folder;
    assert_eq!([mode(folder), mode(folder.parent().unwrap())], [0o700, 0o700]);
    assert_eq!(mode(&folder.join("control")), 0o666, "the umask is 000");
    let entries: Vec<_> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(entries.len(), 6, "record, ledger, spare, two locks and the control: {entries:?}");
    for path in entries.iter().filter(|path| !path.ends_with("control")) {
        assert_eq!(mode(path), 0o600, "{}", path.display());
    }
}

#[tokio::test]
async fn what_others_could_read_is_closed_to_them() {
    let home = Home::with_record().await;
    set_mode(&home.record(), 0o644);
    set_mode(&home.store.cabinet.folder, 0o755);
    assert_eq!(home.loaded_generation().await, Some(1));
    assert_eq!(mode(&home.record()), 0o600);
    home.save_next().await.unwrap();
    assert_eq!(mode(&home.store.cabinet.folder), 0o700);
}

#[tokio::test]
async fn f14_what_belongs_to_another_user_is_refused() {
    if !is_root() {
        return;
    }
    let home = Home::with_record().await;
    chown(home.record(), Some(12_345), None).unwrap();
    for failure in [home.load().await.unwrap_err(), home.save_next().await.unwrap_err()] {
        assert!(failure.detail.contains("it belongs to user 12345, and you are user 0"), "{}", failure.detail);
    }
    assert!(home.corrupt_copies().is_empty());
    chown(home.record(), Some(0), None).unwrap();
    chown(&home.store.cabinet.folder, Some(12_345), None).unwrap();
    for failure in [home.save_next().await.unwrap_err(), home.lock(Millis::ZERO).await.unwrap_err()] {
        assert!(failure.detail.contains("belongs to user 12345"), "{}", failure.detail);
    }
    chown(&home.store.cabinet.folder, Some(0), None).unwrap();
    assert_eq!(home.loaded_generation().await, Some(1));
}

#[tokio::test]
async fn f14_a_save_goes_through_a_link_to_a_file_of_ours() {
    let home = Home::with_record().await;
    let (dotfiles, target) = link_record(&home);
    assert_eq!(home.loaded_generation().await, Some(1));
    home.save_next().await.unwrap();
    assert!(fs::symlink_metadata(home.record()).unwrap().is_symlink());
    assert_eq!(home.loaded_generation().await, Some(2));
    assert_eq!(mode(&target), 0o600);
    assert_eq!(fs::read_dir(&dotfiles).unwrap().count(), 1, "no temporary file is left");
    assert_eq!(home.delete(2).await.unwrap(), DeleteAnswer::Deleted);
    assert!(!target.exists());
    assert!(home.names().is_empty());
}

#[tokio::test]
async fn f14_a_link_into_the_folder_of_another_user_is_refused() {
    if !is_root() {
        return;
    }
    let home = Home::with_record().await;
    let (dotfiles, target) = link_record(&home);
    chown(&dotfiles, Some(12_345), None).unwrap();
    let before = fs::read(&target).unwrap();
    let failure = home.save_next().await.unwrap_err();
    assert!(failure.detail.contains("belongs to user 12345"), "{}", failure.detail);
    assert_eq!(fs::read(&target).unwrap(), before);
}

#[tokio::test]
async fn f14_a_link_to_nothing_is_replaced() {
    let home = Home::with_record().await;
    let (_, target) = link_record(&home);
    fs::remove_file(target).unwrap();
    assert_eq!(home.loaded_generation().await, None);
    home.save(None, sample_record("login", 1, "one")).await.unwrap();
    assert!(fs::symlink_metadata(home.record()).unwrap().is_file());
    assert_eq!(home.loaded_generation().await, Some(1));
}

/// Moves the record to a folder of a dotfile manager, and puts a link in its place.
fn link_record(home: &Home) -> (PathBuf, PathBuf) {
    let dotfiles = home.folder.path().join("dotfiles");
    fs::DirBuilder::new().mode(0o755).create(&dotfiles).unwrap();
    let target = dotfiles.join("tokens.json");
    fs::rename(home.record(), &target).unwrap();
    symlink(&target, home.record()).unwrap();
    (dotfiles, target)
}

/// A file mounted over another, as containers are given single files; unmounted however the test ends.
struct BindMount(PathBuf);

impl BindMount {
    fn of(file: &Path, over: &Path) -> Option<Self> {
        let mut mount = Command::new("mount");
        mount.arg("--bind").args([file, over]).stderr(Stdio::null());
        if mount.status().is_ok_and(|status| status.success()) {
            return Some(BindMount(over.to_owned()));
        }
        skipped("needs the right to mount a file");
        None
    }
}

impl Drop for BindMount {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[tokio::test]
async fn f14_a_lock_file_that_is_a_link_to_nothing_is_made_where_it_leads() {
    let home = Home::with_record().await;
    let elsewhere = home.folder.path().join("elsewhere");
    symlink(&elsewhere, home.files().lease()).unwrap();
    let lease = home.locked().await.lease;
    assert!(elsewhere.exists() && home.store.holds(&home.key, lease));
}

#[test]
fn two_openings_of_a_file_are_the_same_and_two_files_are_not() {
    let folder = tempfile::tempdir().unwrap();
    let open = |name: &str| File::create(folder.path().join(name)).unwrap();
    let is_same = |one, other| platform::is_same(&open(one), &open(other)).unwrap();
    assert!(is_same("one", "one"));
    assert!(!is_same("one", "other"));
}

#[tokio::test]
async fn f14_a_record_that_is_a_mount_point_is_saved_and_deleted_in_place() {
    let home = Home::with_record().await;
    let given = home.folder.path().join("given");
    fs::copy(home.record(), &given).unwrap();
    let Some(_mount) = BindMount::of(&given, &home.record()) else { return };
    assert_eq!(home.save_next().await.unwrap(), SaveAnswer::Saved);
    assert_eq!(home.loaded_generation().await, Some(2));
    assert_eq!(fs::read(&given).unwrap(), fs::read(home.record()).unwrap(), "it is the same file");
    assert!(!copy(&home).exists());
    assert_eq!(home.save_next().await.unwrap(), SaveAnswer::Saved, "our own record once more");
    assert_eq!(home.delete(2).await.unwrap(), DeleteAnswer::Deleted);
    assert_eq!(home.loaded_generation().await, None);
    assert!(!String::from_utf8(fs::read(&given).unwrap()).unwrap().contains("token"), "nothing of it is left");
    home.save(None, sample_record("again", 1, "one")).await.unwrap();
    assert_eq!(home.loaded_generation().await, Some(1));

    fs::write(&given, "rubbish").unwrap();
    assert!(home.load().await.unwrap_err().detail.contains("moved aside"));
    assert_eq!(fs::read(&home.corrupt_copies()[0]).unwrap(), b"rubbish");
    assert_eq!(home.loaded_generation().await, None);
}

/// The file in which a save in place keeps the whole record.
fn copy(home: &Home) -> PathBuf {
    home.files().with_suffix("json.copy")
}

#[tokio::test]
async fn f14_a_save_in_place_that_was_killed_anywhere_is_finished_by_the_next_who_looks() {
    let home = Home::with_record().await;
    let old = fs::read(home.record()).unwrap();
    home.save(Some(1), sample_record("login", 2, "a longer one")).await.unwrap();
    let new = fs::read(home.record()).unwrap();
    assert!(new.len() > old.len());
    for written in (0..new.len()).step_by(7).chain([old.len(), new.len()]) {
        let torn = [&new[..written], old.get(written..).unwrap_or_default()].concat();
        fs::write(home.record(), torn).unwrap();
        fs::write(copy(&home), &new).unwrap();
        assert_eq!(home.loaded_generation().await, Some(2), "killed after {written} bytes");
        assert_eq!(fs::read(home.record()).unwrap(), new);
    }
    fs::write(home.record(), &new[..9]).unwrap();
    fs::write(copy(&home), &new).unwrap();
    assert_eq!(home.store.list().await.unwrap(), [Home::key()], "a listing finishes it, too");
}

#[tokio::test]
async fn f14_the_copy_of_a_save_in_place_brings_nothing_back_that_is_over() {
    let home = Home::with_record().await;
    let old = fs::read(home.record()).unwrap();
    fs::write(copy(&home), &old).unwrap();
    home.save_next().await.unwrap();
    assert_eq!(home.loaded_generation().await, Some(2), "it is older");
    home.save(Some(2), Record { mark: Mark::LoggedOut, ..sample_record("login", 3, "three") }).await.unwrap();
    fs::write(copy(&home), &old).unwrap();
    assert_eq!(home.load().await.unwrap().unwrap().mark, Mark::LoggedOut);
    home.delete(3).await.unwrap();
    assert!(!copy(&home).exists(), "a delete leaves no secret behind");
    fs::write(copy(&home), &old).unwrap();
    assert_eq!(home.loaded_generation().await, None);
    home.save(None, sample_record("another", 1, "one")).await.unwrap();
    assert_eq!(home.load().await.unwrap().unwrap().login_id, LoginId("another".to_owned()));
    fs::write(home.record(), "torn").unwrap();
    fs::write(copy(&home), "torn, too").unwrap();
    assert!(home.load().await.unwrap_err().detail.contains("moved aside"));
}

#[tokio::test]
async fn what_is_not_a_file_is_an_error_and_blocks_nobody() {
    let home = Home::with_record().await;
    fs::remove_file(home.record()).unwrap();
    assert!(Command::new("mkfifo").arg(home.record()).status().unwrap().success());
    for failure in [home.load().await.unwrap_err(), home.save_next().await.unwrap_err()] {
        assert!(failure.detail.contains("not a file"), "{}", failure.detail);
    }
}

/// Ends a child process however the test ends.
struct Killed(Child);

impl Drop for Killed {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn f17_the_lease_of_a_killed_process_is_free_at_once() {
    run(async {
        if let Some(store) = second_process() {
            let _held = lock(&store, &Home::key(), Millis::seconds(10)).await.unwrap();
            return std::future::pending().await;
        }
        let home = Home::new();
        let first = home.locked().await.lease;
        home.note(first).await.unwrap();
        home.unlock(first).await;
        let mut holder = Killed(again("f17_the_lease_of_a_killed_process_is_free_at_once", &home).spawn().unwrap());
        let who = format!("process {} (", holder.0.id());
        let started = Instant::now();
        while !matches!(try_lock(&home).await, LockAnswer::Busy(holder) if holder.who.starts_with(&who)) {
            assert!(started.elapsed() < Duration::from_secs(20), "the second process never took the lease");
        }
        holder.0.kill().unwrap();
        holder.0.wait().unwrap();
        let killed = Instant::now();
        let locked = home.locked().await;
        assert!(killed.elapsed() < Duration::from_millis(500), "free {:?} after the kill", killed.elapsed());
        assert!(locked.lease.0 > first.0 + 1, "the dead holder had a number too");
        assert!(matches!(locked.ledger, tokenway_core::lifecycle::ledger::StoredLedger::Read(_)));
    });
}

/// Looks at the lease without keeping it.
async fn try_lock(home: &Home) -> LockAnswer {
    let answer = home.lock(Millis::ZERO).await.unwrap();
    if let LockAnswer::Locked(locked) = &answer {
        home.unlock(locked.lease).await;
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
    answer
}

#[tokio::test]
async fn f21_a_child_process_inherits_no_lease() {
    let home = Home::with_record().await;
    let lease = home.locked().await.lease;
    let child = Killed(Command::new("sleep").arg("600").spawn().unwrap());
    let descriptors = fs::read_dir(format!("/proc/{}/fd", child.0.id()));
    if let Ok(descriptors) = descriptors {
        let open = descriptors.filter_map(|entry| fs::read_link(entry.unwrap().path()).ok());
        assert_eq!(open.filter(|path| path.starts_with(&home.store.cabinet.folder)).count(), 0);
    }
    home.unlock(lease).await;
    assert!(matches!(home.lock(Millis::ZERO).await.unwrap(), LockAnswer::Locked(_)));
}

#[tokio::test]
async fn f09_a_full_disk_loses_nothing_and_is_named() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    let Some(disk) = SmallDisk::mount(&home.folder.path().join("home")) else { return };
    home.save(None, sample_record("login", 1, "one")).await.unwrap();
    fs::remove_file(home.files().spare()).unwrap();
    let lease = home.locked().await.lease;
    let ballast = disk.fill();
    let failures = [
        home.save_next().await.unwrap_err(),
        home.note(lease).await.unwrap_err(),
        home.store.probe().await.unwrap_err(),
    ];
    for failure in failures {
        assert!(failure.detail.contains("No space left"), "{}", failure.detail);
        assert!(failure.detail.contains("free some space"), "{}", failure.detail);
        assert!(failure.detail.contains(home.store.cabinet.folder.to_str().unwrap()), "{}", failure.detail);
    }
    assert_eq!(home.loaded_generation().await, Some(1));
    assert_eq!(home.names().len(), 1, "no temporary file is left: {:?}", home.names());
    fs::remove_file(ballast).unwrap();
    assert_eq!(home.save_next().await.unwrap(), SaveAnswer::Saved);
    assert_eq!(home.loaded_generation().await, Some(2));
}

#[tokio::test]
async fn f09b_a_spare_file_lets_one_more_save_succeed_on_a_full_disk() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    let Some(disk) = SmallDisk::mount(&home.folder.path().join("home")) else { return };
    let long = |generation| Record {
        access_token: Secret::new("x".repeat(6_000)),
        ..sample_record("login", generation, "long")
    };
    home.save(None, long(1)).await.unwrap();
    assert_eq!(mode(&home.files().spare()), 0o600);
    let ballast = disk.fill();
    assert_eq!(home.save(Some(1), long(2)).await.unwrap(), SaveAnswer::Saved);
    assert_eq!(home.loaded_generation().await, Some(2));
    fs::remove_file(ballast).unwrap();
    assert_eq!(home.save(Some(2), long(3)).await.unwrap(), SaveAnswer::Saved);
    assert!(fs::metadata(home.files().spare()).unwrap().len() >= 6_000, "the spare is laid in again");
    home.delete(3).await.unwrap();
    assert!(!home.files().spare().exists());
}

#[tokio::test]
async fn a_link_that_leads_nowhere_is_an_error_that_names_it() {
    let home = Home::new();
    fs::create_dir_all(&home.store.cabinet.folder).unwrap();
    symlink(home.record(), home.record()).unwrap();
    let failure = home.save_next().await.unwrap_err();
    assert!(failure.detail.starts_with("following the link"), "{}", failure.detail);
}

/// Closing what is closed would change the time by which others see that it was touched.
#[tokio::test]
async fn a_look_at_a_private_record_touches_nothing() {
    let home = Home::with_record().await;
    let stamp = home.store.stamp(&home.key).await;
    tokio::time::sleep(Duration::from_millis(20)).await;
    assert_eq!(home.loaded_generation().await, Some(1));
    assert_eq!(home.store.stamp(&home.key).await, stamp);
}

#[tokio::test]
async fn a_probe_is_as_large_as_a_record_with_two_large_tokens() {
    if !is_root() {
        return;
    }
    let home = Home::new();
    let Some(disk) = SmallDisk::mount(&home.folder.path().join("home")) else { return };
    home.store.probe().await.unwrap();
    let ballast = disk.fill();
    let filled = fs::metadata(&ballast).unwrap().len();
    fs::File::options().write(true).open(ballast).unwrap().set_len(filled - 8 * 1_024).unwrap();
    assert!(home.store.probe().await.unwrap_err().detail.contains("No space left"));
}
