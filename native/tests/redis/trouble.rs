//! Servers that stop, die, are full or take no writes (F16).

use std::time::{Duration, Instant};

use tokenway::Client;
use tokenway::core::action::{Load, Lock, Save, Unlock};
use tokenway::core::error::NextStep;
use tokenway::core::http::IoFailureKind;
use tokenway::core::lifecycle::TokenNote;
use tokenway::core::moment::Millis;
use tokenway::store::conformance::{sample_key, sample_record};
use tokenway::store::{LockAnswer, SaveAnswer, Stamp, Store};

use crate::redis::{Redis, until};
use crate::server::Server;
use crate::storm::logged_in;

fn save(generation: u64) -> Save {
    let record = Box::new(sample_record("login", generation, &generation.to_string()));
    let expected = (generation > 1).then(|| sample_record("login", generation - 1, "").version());
    Save { key: sample_key("trouble", "default"), expected, record }
}

#[tokio::test]
async fn f16_a_redis_that_is_killed_and_restarted_twenty_times_loses_no_save_that_returned() {
    let Some(mut redis) = Redis::start() else { return };
    let store = redis.store();
    let load = Load { key: sample_key("trouble", "default") };
    let (mut saved, mut last) = (0, 0);
    for round in 0..20 {
        let saver = tokio::spawn({
            let store = std::sync::Arc::clone(&store);
            async move {
                for generation in last + 1.. {
                    match store.save(&save(generation)).await {
                        Ok(answer) => assert_eq!(answer, SaveAnswer::Saved),
                        Err(failure) => return (generation - 1, failure),
                    }
                }
                unreachable!()
            }
        });
        tokio::time::sleep(Duration::from_millis(20 + round * 3)).await;
        redis.kill();
        let (returned, failure) = saver.await.unwrap();
        assert_eq!(failure.kind, IoFailureKind::Unreachable, "{}", failure.detail);
        assert!(failure.detail.contains("start it"), "{}", failure.detail);
        assert_eq!(store.stamp(&load.key).await, Stamp::ABSENT);
        redis.rise();
        until("redis has read its disk", || redis.says("ping") == "PONG");
        let found = store.load(&load).await.unwrap().map_or(0, |record| record.generation);
        assert!(found == returned || found == returned + 1, "{returned} had returned, {found} is there");
        saved += returned - last;
        last = found;
    }
    eprintln!("redis kills: 20 deaths in the middle of saves: {saved} saves returned, none is lost");
}

#[tokio::test]
async fn f16_a_save_in_flight_when_redis_dies_is_whole_or_not_there_and_can_be_said_again() {
    let Some(mut redis) = Redis::start() else { return };
    let store = redis.store();
    store.save(&save(1)).await.unwrap();
    redis.signal("STOP");
    let next = save(2);
    let saving = tokio::spawn({
        let (store, next) = (std::sync::Arc::clone(&store), next.clone());
        async move { store.save(&next).await }
    });
    tokio::time::sleep(Duration::from_millis(100)).await;
    redis.kill();
    assert!(saving.await.unwrap().is_err());
    redis.rise();
    until("redis has read its disk", || redis.says("ping") == "PONG");
    assert_eq!(store.save(&next).await.unwrap(), SaveAnswer::Saved);
    assert_eq!(store.save(&next).await.unwrap(), SaveAnswer::Saved, "our own write is a success");
}

#[tokio::test]
async fn f16_a_redis_that_hangs_is_waited_for_within_the_deadline() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store_with(|options| options.deadline = Duration::from_millis(300));
    store.probe().await.unwrap();
    let lock = Lock { key: sample_key("trouble", "default"), wait: Millis::ZERO, hold: Millis::seconds(60) };
    let LockAnswer::Locked(locked) = store.lock(&lock).await.unwrap() else { panic!("busy") };
    store.unlock(&Unlock { key: lock.key.clone(), lease: locked.lease }).await.unwrap();
    redis.signal("STOP");
    let started = Instant::now();
    assert_eq!(store.lock(&lock).await.unwrap_err().kind, IoFailureKind::Deadline);
    let failure = store.save(&save(1)).await.unwrap_err();
    assert_eq!(failure.kind, IoFailureKind::Deadline, "{}", failure.detail);
    assert!(started.elapsed() < Duration::from_secs(2), "{:?}", started.elapsed());
    redis.signal("CONT");
    store.probe().await.unwrap();
    // What the server read only now took a lease whose holder never heard of it: it is given back before long.
    let other = redis.store();
    let lock = Lock { wait: Millis::seconds(10), ..lock };
    assert!(matches!(other.lock(&lock).await.unwrap(), LockAnswer::Locked(_)));
}

#[tokio::test]
async fn f16_a_full_redis_refuses_a_save_and_keeps_the_lease_of_who_has_tokens_to_save() {
    let Some(redis) = Redis::start() else { return };
    let (store, key) = (redis.store(), sample_key("trouble", "default"));
    store.save(&save(1)).await.unwrap();
    let lock = Lock { key: key.clone(), wait: Millis::ZERO, hold: Millis(600) };
    let LockAnswer::Locked(locked) = store.lock(&lock).await.unwrap() else { panic!("busy") };
    redis.says("config set maxmemory 1");
    let failure = store.save(&save(2)).await.unwrap_err();
    assert_eq!(failure.kind, IoFailureKind::Unable);
    assert!(failure.detail.contains("raise its `maxmemory`"), "{}", failure.detail);
    assert_eq!(store.load(&Load { key: key.clone() }).await.unwrap().unwrap().generation, 1, "the old one is whole");
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    assert!(store.holds(&key, locked.lease), "it is renewed without memory");
    redis.says("config set maxmemory 0");
    assert_eq!(store.save(&save(2)).await.unwrap(), SaveAnswer::Saved);
}

#[tokio::test]
async fn f16_a_redis_that_throws_keys_away_is_refused_before_the_browser_opens() {
    let Some(redis) = Redis::with(&["--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lru"]) else { return };
    let failure = redis.store().probe().await.unwrap_err();
    assert!(failure.detail.contains("noeviction"), "{}", failure.detail);
}

#[tokio::test]
async fn f16_a_replica_is_known_as_one_that_takes_no_writes() {
    let Some(redis) = Redis::start() else { return };
    let failure = redis.replica().store().probe().await.unwrap_err();
    assert!(failure.detail.contains("name the primary"), "{}", failure.detail);
}

#[tokio::test]
async fn what_another_program_wrote_there_is_an_error_and_never_an_absent_login() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store();
    store.save(&save(1)).await.unwrap();
    let load = Load { key: sample_key("trouble", "default") };
    let name = redis.says("keys *");
    for rubbish in ["rubbish", "{\"format\":1}"] {
        redis.says(&format!("hset {name} record {rubbish}"));
        let failure = store.load(&load).await.unwrap_err();
        assert!(failure.detail.contains("delete that key"), "{}", failure.detail);
    }
    redis.says(&format!("hset {name} record {{\"format\":99}} format 99"));
    let failures = [store.load(&load).await.unwrap_err(), store.save(&save(2)).await.unwrap_err()];
    for failure in failures {
        assert!(failure.detail.contains("update tokenway"), "{}", failure.detail);
    }
    redis.says(&format!("del {name}"));
    redis.says(&format!("set {name} x"));
    let failure = store.load(&load).await.unwrap_err();
    assert!(failure.detail.contains("another prefix"), "{}", failure.detail);
}

#[tokio::test]
async fn f16_while_redis_is_down_a_living_token_is_lent_with_a_note_and_a_dead_one_is_an_error_that_says_what_to_do() {
    let Some(mut redis) = Redis::start() else { return };
    let server = Server::start();
    logged_in(&redis, &server).await;
    let client = Client::builder(server.config()).store(redis.store()).build().unwrap();
    client.token().await.unwrap();
    redis.kill();
    tokio::time::sleep(Duration::from_millis(1_100)).await;
    let lent = client.token().await.unwrap();
    assert!(matches!(lent.notes(), [TokenNote::NotRenewed(_)]), "{:?}", lent.notes());
    let stranger = Client::builder(server.config()).store(redis.store()).build().unwrap();
    let failure = stranger.token().await.unwrap_err();
    assert!(failure.to_string().contains("cannot be reached"), "{failure}");
    assert_ne!(failure.next, NextStep::LogIn);
}
