//! Leases that end by age, are renewed, and are lost.

use std::time::{Duration, Instant};

use tokenway::core::action::{LeaseNumber, Lock, Note, Save, Unlock};
use tokenway::core::event::Locked;
use tokenway::core::lifecycle::ledger::Ledger;
use tokenway::core::lifecycle::record::CredentialKey;
use tokenway::core::moment::Millis;
use tokenway::store::conformance::{sample_key, sample_record};
use tokenway::store::{LockAnswer, NoteAnswer, RedisStore, SaveAnswer, Store, UnlockAnswer};

use crate::redis::Redis;

/// A lease that is short enough to be seen ending.
const SHORT: Millis = Millis(600);

async fn lock(store: &RedisStore, key: &CredentialKey, wait: Millis) -> LockAnswer {
    store.lock(&Lock { key: key.clone(), wait, hold: SHORT }).await.unwrap()
}

async fn locked(store: &RedisStore, key: &CredentialKey) -> Locked {
    match lock(store, key, Millis::seconds(5)).await {
        LockAnswer::Locked(locked) => locked,
        LockAnswer::Busy(holder) => panic!("held by {}", holder.who),
    }
}

async fn note(store: &RedisStore, key: &CredentialKey, lease: LeaseNumber) -> NoteAnswer {
    store.note(&Note { key: key.clone(), lease, ledger: Ledger::default() }).await.unwrap()
}

#[tokio::test]
async fn a_lease_is_renewed_for_as_long_as_it_is_held_and_a_waiter_is_told_by_whom_and_since_when() {
    let Some(redis) = Redis::start() else { return };
    let (holder, waiter, key) = (redis.store(), redis.store(), sample_key("renewed", "default"));
    let lease = locked(&holder, &key).await.lease;
    let LockAnswer::Busy(who) = lock(&waiter, &key, Millis(1_800)).await else { panic!("it ended") };
    assert!(who.who.contains(&std::process::id().to_string()) && who.who.contains(" on "), "{}", who.who);
    assert!((1_700..3_000).contains(&who.since.0), "{:?}", who.since);
    assert!(holder.holds(&key, lease));
    assert_eq!(note(&holder, &key, lease).await, NoteAnswer::Noted);
}

/// By itself, and not by the heartbeat, which comes after twenty seconds here.
#[tokio::test]
async fn a_lease_begins_anew_with_each_note() {
    let Some(redis) = Redis::start() else { return };
    let (store, key) = (redis.store(), sample_key("noted", "default"));
    let lock = Lock { key: key.clone(), wait: Millis::ZERO, hold: Millis::seconds(60) };
    let LockAnswer::Locked(Locked { lease, .. }) = store.lock(&lock).await.unwrap() else { panic!("busy") };
    let name = format!("{}:lease", redis.says("keys *}"));
    redis.says(&format!("pexpire {name} 30000"));
    assert_eq!(note(&store, &key, lease).await, NoteAnswer::Noted);
    let left: u64 = redis.says(&format!("pttl {name}")).parse().unwrap();
    assert!(left > 30_000, "{left}");
}

#[tokio::test]
async fn a_waiter_hears_of_a_save_before_the_lease_is_free() {
    let Some(redis) = Redis::start() else { return };
    let (holder, waiter, key) = (redis.store(), redis.store(), sample_key("saved", "default"));
    holder.lock(&Lock { key: key.clone(), wait: Millis::ZERO, hold: Millis::seconds(60) }).await.unwrap();
    let waiting = tokio::spawn({
        let key = key.clone();
        async move { lock(&waiter, &key, Millis::seconds(60)).await }
    });
    let asked = Instant::now();
    let mut expected = None;
    // Whoever had not asked yet at one save hears of the next.
    for generation in 1.. {
        if waiting.is_finished() {
            break;
        }
        let record = Box::new(sample_record("login", generation, "token"));
        let version = record.version();
        let saved = holder.save(&Save { key: key.clone(), expected, record }).await.unwrap();
        assert_eq!(saved, SaveAnswer::Saved);
        expected = Some(version);
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    assert!(matches!(waiting.await.unwrap(), LockAnswer::Busy(_)));
    assert!(asked.elapsed() < Duration::from_secs(30), "{:?}", asked.elapsed());
}

#[tokio::test]
async fn f16_a_lease_that_redis_lost_is_noticed_and_nothing_is_done_under_it() {
    let Some(redis) = Redis::start() else { return };
    let (holder, other, key) = (redis.store(), redis.store(), sample_key("lost", "default"));
    let lease = locked(&holder, &key).await.lease;
    redis.says("flushall");
    assert_eq!(note(&holder, &key, lease).await, NoteAnswer::Lost);
    assert!(!holder.holds(&key, lease));
    let next = locked(&other, &key).await.lease;
    assert!(next > lease, "the numbers go on though the last one was lost");
    let unlock = Unlock { key: key.clone(), lease };
    assert_eq!(holder.unlock(&unlock).await.unwrap(), UnlockAnswer::Lost);
    assert!(other.holds(&key, next));
}

#[tokio::test]
async fn f16_the_heartbeat_notices_a_lost_lease_by_itself() {
    let Some(redis) = Redis::start() else { return };
    let (holder, key) = (redis.store(), sample_key("beat", "default"));
    let lease = locked(&holder, &key).await.lease;
    redis.says("flushall");
    tokio::time::sleep(Duration::from_millis(SHORT.0 / 2)).await;
    assert!(!holder.holds(&key, lease));
}

#[tokio::test]
async fn f16_a_lease_that_cannot_be_renewed_is_not_trusted_longer_than_it_lasts() {
    let Some(mut redis) = Redis::start() else { return };
    let (holder, key) = (redis.store(), sample_key("cut off", "default"));
    let lease = locked(&holder, &key).await.lease;
    assert!(holder.holds(&key, lease));
    redis.kill();
    tokio::time::sleep(Duration::from_millis(SHORT.0)).await;
    assert!(!holder.holds(&key, lease));
}

#[tokio::test]
async fn f22_a_lease_and_a_ledger_from_a_clock_that_went_back_end_in_the_new_time() {
    let Some(redis) = Redis::start() else { return };
    let (store, key) = (redis.store(), sample_key("clock", "default"));
    let lease = locked(&store, &key).await.lease;
    assert_eq!(note(&store, &key, lease).await, NoteAnswer::Noted);
    store.unlock(&Unlock { key: key.clone(), lease }).await.unwrap();
    let names = redis.says("keys *");
    // As they would lie there had the server's clock been a day ahead.
    redis.says(&format!("hincrby {names} noted 86400000"));
    std::process::Command::new("redis-cli")
        .args([
            "-p",
            &redis.port.to_string(),
            "set",
            &format!("{names}:lease"),
            "5 1 600 other someone",
            "px",
            "86400000",
        ])
        .output()
        .unwrap();
    let Locked { ledger, .. } = locked(&store, &key).await;
    assert!(matches!(ledger, tokenway::core::lifecycle::ledger::StoredLedger::Read(_)));
    let noted: u64 = redis.says(&format!("hget {names} noted")).parse().unwrap();
    assert!(noted <= tokenway::driver::now().0, "{noted}");
}
