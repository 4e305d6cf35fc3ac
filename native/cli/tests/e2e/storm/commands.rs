//! The command itself in a storm: each round is of new processes.

use std::process::Stdio;
use std::time::{Duration, Instant};

use super::percentile;
use crate::peer::{Home, Peer, Waiting};

const COMMANDS: usize = 16;

#[test]
fn sixteen_commands_with_the_same_rejected_token_cost_one_refresh() {
    let rounds = if crate::all_faults() { 20 } else { 2 };
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let mut token = home.token(&[]);
    let mut waits = Vec::new();
    for round in 1..=rounds {
        let (next, times) = commands(&home, &token);
        assert_ne!(next, token);
        token = next;
        waits.extend(times);
        assert_eq!(peer.count("refreshes"), round, "one refresh a round");
        assert_eq!(peer.count("token_requests"), round + 1, "and the exchange");
        assert_eq!((peer.count("reuses"), peer.count("grants_revoked")), (0, 0));
    }
    assert_eq!(peer.whose(&token), "alice");
    eprintln!(
        "storm: {COMMANDS} commands x {rounds}: {rounds} refreshes, 0 reuses; from the barrier to the end of the \
         process p50 {} p99 {} ms",
        percentile(&waits, 50),
        percentile(&waits, 99),
    );
}

/// Each process starts, then waits for the rejected token on its stdin: it comes to all at once.
fn commands(home: &Home, rejected: &str) -> (String, Vec<Duration>) {
    let args = ["token", "--rejected", "-", "--reject-interval", "0"];
    let start = || {
        let mut command = home.command(&args);
        command.stdin(Stdio::piped());
        Waiting::start(command)
    };
    let mut crowd: Vec<Waiting> = (0..COMMANDS).map(|_| start()).collect();
    let started = Instant::now();
    for process in &mut crowd {
        process.give(rejected);
    }
    let ends = crowd.into_iter().map(|process| {
        std::thread::spawn(move || {
            let token = process.end().token();
            (token, started.elapsed())
        })
    });
    let ends: Vec<_> = ends.collect();
    let (mut tokens, times): (Vec<String>, Vec<Duration>) = ends.into_iter().map(|end| end.join().unwrap()).unzip();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "everybody has the same token");
    (tokens.remove(0), times)
}
