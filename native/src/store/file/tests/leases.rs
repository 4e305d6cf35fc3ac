//! Leases of the file store: who holds one, who hears of it, and what becomes of one whose file is changed under it.

use std::fs;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Barrier, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use tokenway_core::moment::Millis;

use super::*;

#[tokio::test]
async fn a_waiter_is_told_which_process_holds_the_lease_and_since_when() {
    let home = Home::new();
    home.locked().await;
    thread::sleep(Duration::from_millis(5));
    let LockAnswer::Busy(holder) = home.lock(Millis::ZERO).await.unwrap() else { panic!("two holders") };
    let us = std::env::current_exe().unwrap();
    let name: String = us.file_name().unwrap().to_str().unwrap().chars().take(40).collect();
    assert_eq!(holder.who, format!("process {} ({name})", std::process::id()));
    assert!((5..60_000).contains(&holder.since.0), "{:?}", holder.since);
}

#[tokio::test]
async fn a_waiter_hears_of_a_save_before_the_lease_is_free() {
    let home = Home::with_record().await;
    let other = FileStore::new(home.folder.path().join("home"));
    home.locked().await;
    let asked = Instant::now();
    let (answer, saved) = tokio::join!(lock(&other, &home.key, Millis::seconds(60)), home.save_next());
    assert_eq!(saved.unwrap(), SaveAnswer::Saved);
    assert!(matches!(answer.unwrap(), LockAnswer::Busy(_)));
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn a_waiter_that_is_dropped_leaves_the_lease_free() {
    let home = Home::new();
    for polls in 0..20 {
        {
            let attempt = home.lock(Millis::seconds(10));
            tokio::pin!(attempt);
            for _ in 0..polls {
                let taken = tokio::select! { biased; taken = &mut attempt => Some(taken), () = async {} => None };
                if let Some(taken) = taken {
                    let LockAnswer::Locked(locked) = taken.unwrap() else { panic!("busy") };
                    assert_eq!(home.unlock(locked.lease).await, UnlockAnswer::Unlocked);
                    break;
                }
                tokio::task::yield_now().await;
            }
        }
        let Locked { lease, .. } = home.locked().await;
        assert_eq!(home.unlock(lease).await, UnlockAnswer::Unlocked);
    }
}

#[tokio::test]
async fn f07_a_holder_that_ends_after_its_save_leaves_the_lease_free_and_the_record_new() {
    let home = Home::with_record().await;
    let first = home.locked().await.lease;
    home.note(first).await.unwrap();
    home.save_next().await.unwrap();
    let next = FileStore::new(home.folder.path().join("home"));
    let Home { folder: _folder, key, store } = home;
    drop(store);
    let LockAnswer::Locked(locked) = lock(&next, &key, Millis::ZERO).await.unwrap() else { panic!("still held") };
    assert!(locked.lease > first);
    assert!(matches!(locked.ledger, StoredLedger::Read(_)));
    assert_eq!(next.load(&Load { key }).await.unwrap().unwrap().generation, 2);
}

#[tokio::test]
async fn f19_a_lease_on_a_removed_or_replaced_file_is_lost() {
    let home = Home::new();
    for replace in [false, true] {
        let lease = home.locked().await.lease;
        fs::remove_file(home.files().lease()).unwrap();
        if replace {
            fs::write(home.files().lease(), "").unwrap();
        }
        assert!(!home.store.holds(&home.key, lease));
        assert_eq!(home.note(lease).await.unwrap(), NoteAnswer::Lost);
        let next = home.locked().await.lease;
        assert!(next > lease, "numbers go on without the file");
        assert_eq!(home.unlock(lease).await, UnlockAnswer::Lost);
        assert!(home.store.holds(&home.key, next));
        assert_eq!(home.unlock(next).await, UnlockAnswer::Unlocked);
    }
}

#[tokio::test]
async fn f19_a_lease_whose_file_names_another_number_or_process_is_lost() {
    let home = Home::new();
    let lease = home.locked().await.lease;
    let path = home.files().lease();
    let ours: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    for (member, other) in [("number", lease.0 + 1), ("pid", 1)] {
        let mut others = ours.clone();
        others[member] = other.into();
        fs::write(&path, others.to_string()).unwrap();
        assert!(!home.store.holds(&home.key, lease), "{member}");
    }
    fs::write(&path, ours.to_string()).unwrap();
    assert!(home.store.holds(&home.key, lease));
}

#[tokio::test]
async fn where_leases_are_turns_a_note_begins_its_time_anew() {
    let home = Home::with_record().await;
    let turns = home.files().with_suffix("lock.turns");
    fs::create_dir(&turns).unwrap();
    let lease = home.locked().await.lease;
    let held = File::options().write(true).open(turns.join("1.held")).unwrap();
    let an_hour_ago = SystemTime::now() - Duration::from_secs(3_600);
    held.set_modified(an_hour_ago).unwrap();
    assert!(home.store.holds(&home.key, lease));
    assert_eq!(home.note(lease).await.unwrap(), NoteAnswer::Noted);
    assert!(held.metadata().unwrap().modified().unwrap() > an_hour_ago + Duration::from_secs(1_800));
    assert_eq!(home.unlock(lease).await, UnlockAnswer::Unlocked);
    assert!(turns.join("1.free").exists());
    assert!(home.store.describe().ends_with("; programs take turns there, because that file system had no locks"));
}

/// It was stopped after it had asked for the last time whether it holds its turn, just before the rename.
#[tokio::test]
async fn f20_a_writer_whose_turn_was_taken_over_finds_its_new_file_gone() {
    let home = Home::with_record().await;
    let (record, ledger) = (home.left("0011223344556677"), home.left_of("ledger.json", "0011223344556677"));
    for left in [&record, &ledger] {
        fs::write(left, "older").unwrap();
    }
    home.save(Some(1), sample_record("login", 2, "two")).await.unwrap();
    let lease = home.locked().await.lease;
    assert!(record.exists() && ledger.exists(), "a lock that does not end by its age leaves them to the next");
    home.unlock(lease).await;
    for lock in ["save.turns", "lock.turns"] {
        fs::create_dir(home.files().with_suffix(lock)).unwrap();
        fs::remove_file(home.files().with_suffix(lock.strip_suffix(".turns").unwrap())).unwrap();
    }
    home.save(Some(2), sample_record("login", 3, "three")).await.unwrap();
    assert!(!record.exists() && ledger.exists());
    home.locked().await;
    assert!(!ledger.exists());
}

#[test]
fn whoever_makes_the_same_folders_at_the_same_time_has_them() {
    const ROUNDS: usize = 500;
    let (folder, start, trouble) = (tempfile::tempdir().unwrap(), Barrier::new(8), Mutex::new(Vec::new()));
    let make = || {
        for round in 0..ROUNDS {
            start.wait();
            let made = platform::private_folder(&folder.path().join(format!("{round}/home/credentials")));
            trouble.lock().unwrap().extend(made.err());
        }
    };
    thread::scope(|scope| (0..8).for_each(|_| drop(scope.spawn(make))));
    let trouble = trouble.into_inner().unwrap();
    assert!(trouble.is_empty(), "{} times: {:?}", trouble.len(), trouble.first());
}

#[test]
fn f19_of_eight_threads_one_holds_the_lease_at_a_time_though_its_file_is_removed_in_a_loop() {
    const ROUNDS: u64 = 400;
    let home = Home::new();
    let (done, taken, holders) = (AtomicBool::new(false), AtomicU64::new(0), Mutex::new(()));
    let take_turns = || async {
        let store = FileStore::new(home.folder.path().join("home"));
        while taken.load(Ordering::Relaxed) < ROUNDS {
            let LockAnswer::Locked(locked) = lock(&store, &home.key, Millis::seconds(20)).await.unwrap() else {
                panic!("starved")
            };
            let alone = holders.try_lock().expect("two hold the lease at once");
            taken.fetch_add(1, Ordering::Relaxed);
            assert!(store.holds(&home.key, locked.lease));
            drop(alone);
            let unlock = Unlock { key: home.key.clone(), lease: locked.lease };
            assert_eq!(store.unlock(&unlock).await.unwrap(), UnlockAnswer::Unlocked);
        }
    };
    // A program that removes its lock file before it unlocks it: those who have it open already lock a nameless file.
    let remove_in_a_loop = || {
        let path = home.files().lease();
        while !done.load(Ordering::Relaxed) {
            if let Ok(Some(lock)) = lock_file::LockFile::try_for_save(&path) {
                fs::remove_file(&path).unwrap();
                thread::yield_now();
                drop(lock);
            }
            thread::sleep(Duration::from_micros(100));
        }
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..8).map(|_| scope.spawn(|| run(take_turns()))).collect();
        scope.spawn(remove_in_a_loop);
        let ended: Vec<_> = threads.into_iter().map(thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::Relaxed);
        assert!(ended.iter().all(Result::is_ok));
    });
}

#[tokio::test]
async fn leases_whose_files_are_removed_under_them_are_lost_and_never_share_a_number() {
    let home = Home::new();
    let path = home.files().lease();
    let mut numbers = Vec::new();
    for _ in 0..50 {
        numbers.push(home.locked().await.lease);
        fs::remove_file(&path).unwrap();
    }
    assert!(numbers.is_sorted_by(|one, next| one < next));
    assert_eq!(numbers.iter().filter(|number| home.store.holds(&home.key, **number)).count(), 0);
}
