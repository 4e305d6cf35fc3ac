//! Answers that never come: what is left depends on the server's grace window alone (F26).

use std::time::{Duration, Instant};

use tokenway_core::config::Timing;
use tokenway_core::moment::Millis;

use super::wire::{Accident, Cut, Wire};
use crate::library::{End, Library, Login, deadline, each};
use crate::peer::Peer;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f26_a_lost_answer_costs_the_login_only_where_the_server_has_no_grace_window() {
    let peer = Peer::with_token_life(600);
    for grace in [0, 10, 60] {
        let lost = [Accident::AnswerCut(0, Cut::Closed), Accident::AnswerCut(0, Cut::Reset), Accident::AnswerSwallowed];
        let ends =
            ends_of(&peer, "answer lost", grace, lost.map(|accident| vec![accident]), deadline(Millis::seconds(1)))
                .await;
        assert!(ends.iter().all(|end| is_token(end) == (grace > 0)), "grace {grace} s: {ends:?}");
    }
}

/// The third sending leaves after a request deadline: by then a window of 10 s is over.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f26_two_lost_answers_cost_the_login_only_where_the_grace_window_is_over() {
    let peer = Peer::with_token_life(600);
    let (graces, timing): (&[u64], _) = match crate::all_faults() {
        true => (&[0, 10, 60], deadline(Millis::seconds(6))),
        false => (&[60], deadline(Millis::seconds(1))),
    };
    for grace in graces.iter().copied() {
        let lost = [Accident::AnswerCut(0, Cut::Closed), Accident::AnswerCut(0, Cut::Closed)];
        let ends = ends_of(&peer, "two answers lost", grace, [lost.to_vec()], timing).await;
        assert!(ends.iter().all(|end| is_token(end) == (grace > 10)), "grace {grace} s: {ends:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f26_an_answer_that_is_slow_is_waited_for_and_one_that_is_too_slow_is_asked_for_again() {
    let peer = Peer::with_token_life(600);
    let library = Library::of(&peer);
    let slow = Wire::to(peer.port(), [Accident::AnswerDelayed(Duration::from_millis(700))]).await;
    let login = library.login(&peer, "slow", &slow.token_endpoint(), Timing::default()).await;
    assert!(is_token(&login.end().await));
    assert_eq!((slow.seen().connections, peer.count("refreshes")), (1, 1));

    peer.grace(600);
    let too_slow = Wire::to(peer.port(), [Accident::AnswerDelayed(Duration::from_secs(20))]).await;
    let login = library.login(&peer, "too slow", &too_slow.token_endpoint(), deadline(Millis::seconds(1))).await;
    let started = Instant::now();
    assert!(is_token(&login.end().await));
    assert!(started.elapsed() >= Duration::from_secs(1), "{:?}", started.elapsed());
    assert_eq!(peer.count("reuses"), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f26_a_request_that_falls_into_a_hole_costs_nothing_on_any_server() {
    let peer = Peer::with_token_life(600);
    let holes = [vec![Accident::RequestSwallowed], vec![Accident::RequestSwallowed, Accident::RequestSwallowed]];
    let ends = ends_of(&peer, "request swallowed", 0, holes, deadline(Millis::seconds(1))).await;
    assert!(ends.iter().all(is_token), "{ends:?}");
    assert_eq!((peer.count("refreshes"), peer.count("reuses")), (2, 0));
}

/// A login for each list of accidents, at a server with that grace window in seconds.
async fn ends_of(
    peer: &Peer,
    what: &str,
    grace: u64,
    accidents: impl IntoIterator<Item = Vec<Accident>>,
    timing: Timing,
) -> Vec<End> {
    peer.reset();
    peer.grace(grace);
    let library = Library::of(peer);
    let mut cases: Vec<(Wire, Login)> = Vec::new();
    for (number, accidents) in accidents.into_iter().enumerate() {
        let wire = Wire::to(peer.port(), accidents).await;
        let login = library.login(peer, &format!("account-{number}"), &wire.token_endpoint(), timing).await;
        cases.push((wire, login));
    }
    let ends = each(cases, |(wire, login)| async move {
        let end = login.end().await;
        drop(wire);
        end
    })
    .await;
    let tokens = ends.iter().filter(|end| is_token(end)).count();
    eprintln!(
        "network: {what}, grace window {grace} s: {tokens} tokens, {} honest sentences; {} reuses",
        ends.len() - tokens,
        peer.count("reuses"),
    );
    ends
}

fn is_token(end: &End) -> bool {
    matches!(end, End::Token(_))
}
