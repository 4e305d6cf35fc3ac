//! Many processes whose token was refused, all at the same moment (F30).

mod commands;
mod process;
mod shelf;
mod trouble;

use std::time::Duration;

use tokenway_core::moment::Millis;

use crate::peer::{Home, Peer};
use crate::redis_server::Redis;
use process::{Caller, Served};
use shelf::{Kind, Shelf};

/// What a request may take: what people have who say nothing.
const DEADLINE: Millis = Millis::seconds(30);

#[test]
fn f30_processes_on_plain_files_cost_one_refresh_a_round() {
    let home = Home::new();
    storms(&Shelf::new(Kind::File, home.path()), &home);
}

#[test]
fn f30_processes_on_encrypted_files_cost_one_refresh_a_round() {
    let home = Home::new();
    storms(&Shelf::new(Kind::Encrypted, home.path()), &home);
}

#[test]
fn f30_processes_on_one_redis_cost_one_refresh_a_round() {
    let Some(redis) = Redis::start() else { return };
    storms(&Shelf::new(Kind::Redis, redis.url()), &Home::new());
}

/// Storms of every size, one after the other.
fn storms(shelf: &Shelf, home: &Home) {
    let (sizes, rounds): (&[usize], u64) = if crate::all_faults() { (&[2, 4, 8, 16, 32, 64], 50) } else { (&[8], 5) };
    let (peer, mut token) = logged_in(shelf, home);
    for processes in sizes.iter().copied() {
        peer.reset();
        let mut crowd: Vec<Caller> = (0..processes).map(|_| Caller::start(shelf, peer.issuer(), DEADLINE)).collect();
        crowd.iter_mut().for_each(Caller::is_ready);
        let mut figures = Figures::default();
        for round in 1..=rounds {
            token = figures.add(one_round(&mut crowd, &token), &token);
            assert_eq!((peer.count("refreshes"), peer.count("token_requests")), (round, round), "one refresh a round");
            assert_eq!((peer.count("reuses"), peer.count("grants_revoked")), (0, 0));
        }
        assert_eq!(peer.whose(&token), "alice");
        eprintln!(
            "storm: {} {processes} processes x {rounds}: {rounds} refreshes, 0 reuses; {}",
            shelf.name(),
            figures.told()
        );
    }
}

/// A server, and the token of the login at it that lies there.
fn logged_in(shelf: &Shelf, home: &Home) -> (Peer, String) {
    let peer = Peer::with_token_life(600);
    home.login(peer.issuer(), "native", &[]);
    let token = home.token(&[]);
    shelf.take_over(home.path(), peer.issuer());
    (peer, token)
}

fn one_round(crowd: &mut [Caller], rejected: &str) -> Vec<Served> {
    crowd.iter_mut().for_each(|caller| caller.asks(rejected));
    crowd.iter_mut().map(|caller| caller.served().unwrap_or_else(|failure| panic!("{failure}"))).collect()
}

/// How long things took, over all rounds.
#[derive(Default)]
struct Figures {
    posts: Vec<Duration>,
    waits: Vec<Duration>,
    /// How much longer each waiter waited than the request took that it waited for.
    overs: Vec<Duration>,
}

impl Figures {
    /// Returns the token of the round, which is everybody's.
    fn add(&mut self, round: Vec<Served>, rejected: &str) -> String {
        let mut tokens: Vec<&str> = round.iter().map(|served| served.token.as_str()).collect();
        tokens.dedup();
        assert!(tokens.len() == 1 && tokens[0] != rejected, "everybody has the same new token: {tokens:?}");
        let posts: Vec<Duration> = round.iter().filter_map(|served| served.posted).collect();
        let [post] = posts[..] else { panic!("one request a round, not {}", posts.len()) };
        self.posts.push(post);
        let waits = round.iter().filter(|served| served.posted.is_none()).map(|served| served.waited);
        let waits: Vec<Duration> = waits.collect();
        self.overs.extend(waits.iter().map(|wait| wait.saturating_sub(post)));
        self.waits.extend(waits);
        tokens[0].to_owned()
    }

    fn told(&self) -> String {
        format!(
            "POST p50 {} ms, waiters p50 {} p99 {} ms, p99 {} ms over their POST",
            percentile(&self.posts, 50),
            percentile(&self.waits, 50),
            percentile(&self.waits, 99),
            percentile(&self.overs, 99),
        )
    }
}

/// In milliseconds.
fn percentile(spans: &[Duration], percent: usize) -> String {
    let mut sorted = spans.to_vec();
    sorted.sort();
    format!("{:.1}", sorted[(sorted.len() - 1) * percent / 100].as_secs_f64() * 1_000.0)
}
