//! The one connection of a store: broken under many calls, or led to another server (F16).

use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::Duration;

use tokenway::core::action::{Load, Save};
use tokenway::store::conformance::{sample_key, sample_record};
use tokenway::store::{RedisOptions, RedisStore, SaveAnswer, Store};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};

use crate::redis::{Redis, until};

/// How many calls are under way when their connection breaks.
const CALLS: usize = 20;

fn save(number: usize) -> Save {
    let key = sample_key("connections", &number.to_string());
    Save { key, expected: None, record: Box::new(sample_record("login", 1, "one")) }
}

/// How many connections the server has had, this question's own among them.
fn connections(redis: &Redis) -> u64 {
    redis.stat("total_connections_received")
}

#[tokio::test]
async fn a_connection_that_breaks_under_many_calls_is_opened_once_more_for_all_of_them() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store_with(|options| options.deadline = Duration::from_secs(60));
    store.probe().await.unwrap();
    let before = connections(&redis);
    redis.says("client pause 60000 write");
    let saving: Vec<_> = (0..CALLS)
        .map(|number| {
            let store = Arc::clone(&store);
            tokio::spawn(async move { store.save(&save(number)).await })
        })
        .collect();
    tokio::time::sleep(Duration::from_millis(200)).await; // Until all of them wait for the server.
    redis.says("client kill type normal skipme yes");
    redis.says("client unpause");
    for saved in saving {
        assert_eq!(saved.await.unwrap().unwrap(), SaveAnswer::Saved);
    }
    let of_the_test = 4; // Pause, kill, unpause, and this count.
    assert_eq!(connections(&redis) - before - of_the_test, 1);
}

#[tokio::test]
async fn a_server_that_refuses_is_not_connected_to_again() {
    let Some(redis) = Redis::start() else { return };
    let store = redis.store();
    store.probe().await.unwrap();
    redis.says("config set maxmemory 1");
    let before = connections(&redis);
    store.save(&save(1)).await.unwrap_err();
    assert_eq!(connections(&redis) - before, 1, "that of the test");
}

/// Hands every new connection on to the server at `port`.
async fn address_of(port: Arc<AtomicU16>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        loop {
            let (mut client, _) = listener.accept().await.unwrap();
            let mut server = TcpStream::connect(("127.0.0.1", port.load(Ordering::SeqCst))).await.unwrap();
            tokio::spawn(async move { copy_bidirectional(&mut client, &mut server).await });
        }
    });
    format!("redis://{address}")
}

#[tokio::test]
async fn f16_a_save_that_meets_the_primary_of_yesterday_goes_to_the_one_that_its_address_leads_to_now() {
    let Some(first) = Redis::start() else { return };
    let second = first.replica();
    let primary = Arc::new(AtomicU16::new(first.port));
    let store = RedisStore::new(RedisOptions::new(address_of(Arc::clone(&primary)).await)).unwrap();
    assert_eq!(store.save(&save(1)).await.unwrap(), SaveAnswer::Saved);
    until("the replica has it", || second.says("dbsize") == "1");
    second.says("replicaof no one");
    first.says(&format!("replicaof 127.0.0.1 {}", second.port));
    until("the first one follows", || first.says("role").contains("connected"));
    primary.store(second.port, Ordering::SeqCst);
    assert_eq!(store.save(&save(2)).await.unwrap(), SaveAnswer::Saved);
    assert!(second.store().load(&Load { key: save(2).key }).await.unwrap().is_some());
}
