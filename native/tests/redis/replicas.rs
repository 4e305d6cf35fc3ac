//! A replica that takes over, with and without `WAIT` (F16): what is lost is counted.

use std::time::Duration;

use tokenway::core::action::{Load, Save};
use tokenway::store::conformance::{sample_key, sample_record};
use tokenway::store::{SaveAnswer, Store};

use crate::redis::{Redis, until};

const SAVES: usize = 50;

fn save(number: usize) -> Save {
    let key = sample_key("failover", &number.to_string());
    Save { key, expected: None, record: Box::new(sample_record("login", 1, "one")) }
}

/// Saves, cuts the replica off, saves on, kills the primary and promotes the replica. How many saves returned, and how
/// many of those the replica does not have.
async fn fail_over(replicas: u32) -> Option<(usize, usize)> {
    let mut primary = Redis::start()?;
    let replica = primary.replica();
    let waiting = |milliseconds| {
        primary.store_with(|options| {
            options.replicas = replicas;
            options.replica_wait = if replicas == 0 { Duration::ZERO } else { Duration::from_millis(milliseconds) };
        })
    };
    let store = waiting(10_000);
    for number in 0..SAVES {
        assert_eq!(store.save(&save(number)).await.unwrap(), SaveAnswer::Saved);
    }
    until("the replica has them", || replica.says("dbsize") == SAVES.to_string());
    let mut returned: Vec<usize> = (0..SAVES).collect();
    replica.says("replicaof 127.0.0.1 1");
    until("the primary knows", || primary.says("info replication").contains("connected_slaves:0"));
    let store = waiting(50);
    for number in SAVES..2 * SAVES {
        match store.save(&save(number)).await {
            Ok(answer) => {
                assert_eq!(answer, SaveAnswer::Saved);
                returned.push(number);
            }
            Err(failure) => assert!(failure.detail.contains("0 of 1 replicas"), "{}", failure.detail),
        }
    }
    primary.kill();
    replica.says("replicaof no one");
    let heir = replica.store();
    let mut lost = 0;
    for number in &returned {
        lost += usize::from(heir.load(&Load { key: save(*number).key }).await.unwrap().is_none());
    }
    Some((returned.len(), lost))
}

#[tokio::test]
async fn f16_without_wait_a_replica_that_takes_over_has_lost_what_the_primary_had_not_handed_on() {
    let Some((returned, lost)) = fail_over(0).await else { return };
    assert_eq!((returned, lost), (2 * SAVES, SAVES));
    eprintln!("redis failover: without WAIT {returned} saves returned and {lost} are lost with the primary");
}

#[tokio::test]
async fn f16_with_wait_no_save_that_returned_is_lost_when_a_replica_takes_over() {
    let Some((returned, lost)) = fail_over(1).await else { return };
    assert_eq!((returned, lost), (SAVES, 0));
    eprintln!("redis failover: with WAIT {returned} saves returned and {lost} are lost; {SAVES} were refused");
}
