//! The contract of every store, and what only this one has to promise.

use std::sync::Arc;
use std::time::Duration;

use tokenway::core::action::{Load, Lock, Save};
use tokenway::core::moment::Millis;
use tokenway::core::secret::Secret;
use tokenway::store::conformance::{conformance, sample_key, sample_record};
use tokenway::store::{LockAnswer, RedisOptions, RedisStore, SaveAnswer, Store};

use crate::redis::{Redis, Tls, free_port, until};

#[tokio::test]
async fn the_redis_store_keeps_the_contract() {
    let Some(redis) = Redis::start() else { return };
    conformance(|| redis.store()).await;
}

#[tokio::test]
async fn the_redis_store_keeps_the_contract_with_a_replica_that_confirms_each_write() {
    let Some(redis) = Redis::start() else { return };
    let _replica = redis.replica();
    let confirmed = |options: &mut RedisOptions| {
        options.replicas = 1;
        options.replica_wait = Duration::from_secs(10);
    };
    conformance(|| redis.store_with(confirmed)).await;
}

#[tokio::test]
async fn one_store_serves_callers_of_several_runtimes() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store();
    let key = sample_key("runtimes", "default");
    let save = Save { key: key.clone(), expected: None, record: Box::new(sample_record("login", 1, "one")) };
    let elsewhere = Arc::clone(&store);
    let saved = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(elsewhere.save(&save)).unwrap()
    });
    assert_eq!(saved.join().unwrap(), SaveAnswer::Saved);
    assert!(store.load(&Load { key }).await.unwrap().is_some());
}

#[tokio::test]
async fn a_record_of_a_mebibyte_is_saved_and_a_larger_one_is_refused() {
    let Some(redis) = Redis::start() else { return };
    let (store, key) = (redis.store(), sample_key("size", "default"));
    let mut record = sample_record("login", 1, "");
    let fill = 1024 * 1024 - serde_json::to_string(&record).unwrap().len();
    record.access_token = Secret::new(format!("{}{}", record.access_token.expose(), "x".repeat(fill)));
    let largest = Save { key: key.clone(), expected: None, record: Box::new(record.clone()) };
    assert_eq!(store.save(&largest).await.unwrap(), SaveAnswer::Saved);
    assert_eq!(store.load(&Load { key: key.clone() }).await.unwrap().as_deref(), Some(&record));
    record.access_token = Secret::new(format!("{}x", record.access_token.expose()));
    let failure = store.save(&Save { record: Box::new(record), ..largest }).await.unwrap_err();
    assert!(failure.detail.contains("1048577 bytes"), "{}", failure.detail);
}

#[tokio::test]
async fn a_probe_saves_as_much_as_the_largest_tokens_have() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store();
    store.probe().await.unwrap(); // The first one brings the scripts, and says all twice.
    let before = redis.stat("total_net_input_bytes");
    store.probe().await.unwrap();
    let bytes = redis.stat("total_net_input_bytes") - before;
    assert!(bytes > 64 * 1024, "{bytes}");
}

#[tokio::test]
async fn a_write_that_nobody_waits_for_is_done() {
    let Some(redis) = Redis::start() else { return };
    let key = sample_key("dropped", "default");
    let save = Save { key: key.clone(), expected: None, record: Box::new(sample_record("login", 1, "one")) };
    let store = redis.store();
    let mut saving = store.save(&save);
    assert!(is_pending(&mut saving).await);
    drop(saving);
    drop(store);
    let other = redis.store();
    for _ in 0..200 {
        if other.load(&Load { key: key.clone() }).await.unwrap().is_some() {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    panic!("the write was dropped with its future");
}

/// True: it was polled and is not done.
async fn is_pending<T>(future: &mut (impl Future<Output = T> + Unpin)) -> bool {
    std::future::poll_fn(|context| std::task::Poll::Ready(std::pin::Pin::new(&mut *future).poll(context).is_pending()))
        .await
}

#[tokio::test]
async fn a_store_that_is_dropped_gives_its_leases_back() {
    let Some(redis) = Redis::start() else { return };
    let lock = Lock { key: sample_key("dropped", "lease"), wait: Millis::seconds(5), hold: Millis::seconds(60) };
    let first = redis.store();
    assert!(matches!(first.lock(&lock).await.unwrap(), LockAnswer::Locked(_)));
    drop(first);
    assert!(matches!(redis.store().lock(&lock).await.unwrap(), LockAnswer::Locked(_)));
}

#[tokio::test]
async fn all_keys_of_a_credential_have_one_hash_tag_and_only_its_lease_expires() {
    let bus = free_port().to_string();
    let Some(redis) = Redis::with(&["--cluster-enabled", "yes", "--cluster-port", &bus]) else { return };
    assert_eq!(redis.says("cluster addslotsrange 0 16383"), "OK");
    until("the cluster of one has all slots", || redis.says("cluster info").contains("cluster_state:ok"));
    let (store, key) = (redis.store(), sample_key("tags", "default"));
    let save = Save { key: key.clone(), expected: None, record: Box::new(sample_record("login", 1, "one")) };
    store.save(&save).await.unwrap();
    let lock = Lock { key, wait: Millis::ZERO, hold: Millis::seconds(60) };
    store.lock(&lock).await.unwrap();
    let text = redis.says("keys *");
    let mut names: Vec<&str> = text.lines().collect();
    names.sort_unstable();
    let [credential, lease] = names[..] else { panic!("{names:?}") };
    assert!(credential.starts_with("tokenway:{") && credential.ends_with('}'), "{credential}");
    assert_eq!(lease, format!("{credential}:lease"));
    assert_eq!(redis.says(&format!("pttl {credential}")), "-1");
    let left: u64 = redis.says(&format!("pttl {lease}")).parse().unwrap();
    assert!((50_000..=60_000).contains(&left), "{left}");
    let [slot, other] = [credential, lease].map(|name| redis.says(&format!("cluster keyslot {name}")).parse::<u16>());
    assert_eq!(slot.unwrap(), other.unwrap());
}

#[tokio::test]
async fn a_password_is_used_and_never_shown() {
    let Some(redis) = Redis::start() else { return };
    redis.says("acl setuser app on >hunter2 ~tokenway:* +@all");
    let url = |password: &str| format!("redis://app:{password}@127.0.0.1:{}", redis.port);
    let store = RedisStore::new(RedisOptions::new(url("hunter2"))).unwrap();
    store.probe().await.unwrap();
    for (shown, what) in [(format!("{store:?}"), redis.port.to_string()), (store.describe(), "user app".to_owned())] {
        assert!(!shown.contains("hunter2") && shown.contains(&what), "{shown}");
    }
    let stranger = RedisStore::new(RedisOptions::new(url("wrong-hunter"))).unwrap();
    let failure = stranger.probe().await.unwrap_err();
    assert!(failure.detail.contains("check user name and password"), "{}", failure.detail);
    assert!(!format!("{failure:?}").contains("wrong-hunter"), "{}", failure.detail);
}

#[tokio::test]
async fn an_acl_user_with_the_rights_that_are_documented_is_enough() {
    let Some(redis) = Redis::start() else { return };
    let commands = "+evalsha +eval +hget +hmget +hset +hdel +get +set +del +pttl +pexpire +persist +time +scan";
    assert_eq!(redis.says(&format!("acl setuser app on >hunter2 ~tokenway:* {commands}")), "OK");
    let url = format!("redis://app:hunter2@127.0.0.1:{}", redis.port);
    conformance(|| Arc::new(RedisStore::new(RedisOptions::new(url.clone())).unwrap())).await;
}

#[tokio::test]
async fn tokens_cross_the_network_under_tls_that_trusts_the_named_authority_and_nobody_else() {
    let Some(tls) = Tls::start() else { return };
    let mut options = RedisOptions::new(tls.url());
    let failure = RedisStore::new(options.clone()).unwrap().probe().await.unwrap_err();
    assert!(failure.detail.contains("certificate"), "{}", failure.detail);
    options.extra_ca = Some(tls.authority());
    let store = RedisStore::new(options).unwrap();
    store.probe().await.unwrap();
    assert!(store.describe().contains("over TLS"));
}
