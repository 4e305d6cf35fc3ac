//! Many callers with connections of their own whose token was refused, all at the same moment (F30).

use std::sync::Arc;
use std::time::Duration;

use tokenway::Client;
use tokenway::core::action::Save;
use tokenway::core::config::Timing;
use tokenway::core::error::NextStep;
use tokenway::core::lifecycle::Wish;
use tokenway::core::lifecycle::record::Record;
use tokenway::core::moment::Millis;
use tokenway::core::named::Named;
use tokenway::core::secret::{Secret, TokenHash};
use tokenway::driver::now;
use tokenway::store::conformance::sample_record;
use tokenway::store::{SaveAnswer, Store};

use crate::process;
use crate::redis::Redis;
use crate::server::Server;

const PROCESSES: usize = 8;
const PROCESS_ROUNDS: usize = 5;
const TASKS: usize = 32;
const TASK_ROUNDS: usize = 40;
const KILLS: u64 = 12;

/// Puts a record there whose access token is `access-old` and lives on.
pub(crate) async fn logged_in(redis: &Redis, server: &Server) {
    server.grants("refresh-old");
    let record = Record {
        token_endpoint: server.url("/token"),
        revocation_endpoint: Some(server.url("/revoke")),
        client_id: "native".to_owned(),
        issuer: None,
        claims: Named::new(),
        expires_at: Some(now().plus(Millis::seconds(3_600))),
        renewed_from: None,
        ..sample_record("login", 1, "old")
    };
    let save = Save { key: server.config().key().clone(), expected: None, record: Box::new(record) };
    assert_eq!(redis.store().save(&save).await.unwrap(), SaveAnswer::Saved);
}

#[tokio::test]
async fn f30_eight_processes_with_the_same_rejected_token_cost_one_refresh_a_round() {
    let Some(redis) = Redis::start() else { return };
    let server = Server::start();
    logged_in(&redis, &server).await;
    let mut token = "access-old".to_owned();
    for round in 1..=PROCESS_ROUNDS {
        let crowd: Vec<_> = (0..PROCESSES).map(|_| process::start(&redis, &server, &token)).collect();
        let mut ends: Vec<String> = crowd.into_iter().map(process::Caller::end).collect();
        ends.dedup();
        assert_eq!(ends.len(), 1, "everybody has the same token: {ends:?}");
        token = ends.remove(0);
        assert!(server.admits(&token), "{token}");
        let counts = server.counts();
        assert_eq!((counts.refresh_requests, counts.refreshes, counts.reuses), (round, round, 0));
    }
    eprintln!("redis storm: {PROCESSES} processes, {PROCESS_ROUNDS} rounds: {PROCESS_ROUNDS} refreshes, 0 reuses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f30_thirty_two_clients_with_connections_of_their_own_cost_one_refresh_a_round() {
    let Some(redis) = Redis::start() else { return };
    let server = Server::start();
    logged_in(&redis, &server).await;
    let timing = Timing { reject_interval: Millis::ZERO, ..Timing::default() };
    let config = server.builder().timing(timing).build().unwrap();
    let client = |_| Client::builder(config.clone()).store(redis.store()).build().unwrap();
    let clients: Vec<Client> = (0..TASKS).map(client).collect();
    let mut token = Arc::new("access-old".to_owned());
    for round in 1..=TASK_ROUNDS {
        let mut crowd = tokio::task::JoinSet::new();
        for client in &clients {
            let (client, rejected) = (client.clone(), Secret::new(token.as_str()).hash());
            crowd.spawn(async move {
                let wish = Wish { rejected: Some(rejected), ..Wish::default() };
                client.token_for(wish).await.unwrap().secret().expose().to_owned()
            });
        }
        let mut ends = crowd.join_all().await;
        ends.dedup();
        assert_eq!(ends.len(), 1, "everybody has the same token: {ends:?}");
        token = Arc::new(ends.remove(0));
        let counts = server.counts();
        assert_eq!((counts.refresh_requests, counts.refreshes, counts.reuses), (round, round, 0));
    }
    eprintln!("redis storm: {TASKS} connections, {TASK_ROUNDS} rounds: {TASK_ROUNDS} refreshes, 0 reuses");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f16_a_redis_that_is_killed_under_a_storm_costs_no_login_and_no_second_spending() {
    let Some(mut redis) = Redis::start() else { return };
    let server = Server::start();
    logged_in(&redis, &server).await;
    let timing = Timing { reject_interval: Millis::ZERO, request_deadline: Millis::seconds(2), ..Timing::default() };
    let config = server.builder().timing(timing).build().unwrap();
    let client = |_| Client::builder(config.clone()).store(redis.store()).build().unwrap();
    let clients: Vec<Client> = (0..8).map(client).collect();
    let (mut token, mut troubles) = ("access-old".to_owned(), 0);
    for round in 0..KILLS {
        let mut crowd = tokio::task::JoinSet::new();
        for client in &clients {
            crowd.spawn(renewed(client.clone(), Secret::new(token.as_str()).hash()));
        }
        tokio::time::sleep(Duration::from_millis(round * 4)).await;
        redis.kill();
        redis.rise();
        let ends = crowd.join_all().await;
        troubles += ends.iter().map(|(_, troubles)| troubles).sum::<usize>();
        // All that was on its way is saved: what lies there now is the newest.
        for client in &clients {
            token = client.token().await.unwrap().secret().expose().to_owned();
        }
        assert!(server.admits(&token), "{token}");
        assert_eq!(server.counts().reuses, 0, "round {round}");
    }
    let refreshes = server.counts().refreshes;
    eprintln!(
        "redis storm: {KILLS} deaths under 8 clients: {refreshes} refreshes, 0 reuses, 0 logins lost, {troubles} typed \
         errors"
    );
}

/// Asks until there is another token than the rejected one; how often it was told to try again.
async fn renewed(client: Client, rejected: TokenHash) -> (String, usize) {
    for troubles in 0.. {
        let wish = Wish { rejected: Some(rejected.clone()), ..Wish::default() };
        match client.token_for(wish).await {
            Ok(token) => return (token.secret().expose().to_owned(), troubles),
            Err(failure) => assert_ne!(failure.next, NextStep::LogIn, "{failure}"),
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    unreachable!()
}
