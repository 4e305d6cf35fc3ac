//! Connections that break, at any byte (F27).

use tokenway_core::config::Timing;

use super::wire::{Accident, Cut, Wire};
use crate::library::{Ends, Library, each};
use crate::peer::Peer;

/// All of them, when all faults are asked for.
const STEP: usize = 53;

/// Seconds, longer than any test.
const GRACE: u64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f27_an_answer_cut_at_any_byte_costs_a_second_where_the_server_has_a_grace_window() {
    let peer = Peer::with_token_life(600);
    for cut in [Cut::Closed, Cut::Reset] {
        let ends = cut_at_each_byte(&peer, GRACE, Part::Answer, cut).await;
        assert_eq!(ends.honest, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f27_an_answer_cut_at_any_byte_ends_in_the_honest_sentence_where_it_has_none() {
    let peer = Peer::with_token_life(600);
    let ends = cut_at_each_byte(&peer, 0, Part::Answer, Cut::Closed).await;
    assert_eq!(ends.tokens, 0, "nobody can have them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f27_a_request_cut_at_any_byte_costs_a_second_on_any_server() {
    let peer = Peer::with_token_life(600);
    for cut in [Cut::Closed, Cut::Reset] {
        let ends = cut_at_each_byte(&peer, 0, Part::Request, cut).await;
        assert_eq!(ends.honest, 0);
    }
}

#[derive(Clone, Copy, Debug)]
enum Part {
    Answer,
    Request,
}

impl Part {
    fn cut(self, after: usize, cut: Cut) -> Accident {
        match self {
            Part::Answer => Accident::AnswerCut(after, cut),
            Part::Request => Accident::RequestCut(after, cut),
        }
    }
}

/// A login for each byte, whose first connection breaks there and whose second one works.
async fn cut_at_each_byte(peer: &Peer, grace: u64, part: Part, cut: Cut) -> Ends {
    let library = Library::of(peer);
    let port = peer.port();
    let whole = Wire::to(port, []).await;
    library.login(peer, "whole", &whole.token_endpoint(), Timing::default()).await.end().await;
    let length = match part {
        Part::Answer => whole.seen().answer,
        Part::Request => whole.seen().request,
    };
    assert!(length > 200, "{part:?}: {length} bytes");
    peer.reset();
    peer.grace(grace);

    let mut cases = Vec::new();
    for after in offsets(length) {
        let wire = Wire::to(port, [part.cut(after, cut)]).await;
        let account = format!("{part:?}-{cut:?}-{after}");
        let login = library.login(peer, &account, &wire.token_endpoint(), Timing::default()).await;
        cases.push((after, wire, login));
    }
    let count = cases.len() as u64;
    let ends = each(cases, |(after, wire, login)| async move {
        let end = login.end().await;
        assert_eq!(wire.seen().connections, 2, "cut after {after} bytes: it is sent once more");
        end
    })
    .await;
    let (refreshes, reuses) = (peer.count("refreshes"), peer.count("reuses"));
    let ends = Ends::of(peer, ends);
    eprintln!(
        "network: {} cut at {count} of {length} bytes, {}: {} tokens, {} honest sentences; {refreshes} refreshes, \
         {reuses} reuses",
        match part {
            Part::Answer => "answer",
            Part::Request => "request",
        },
        match cut {
            Cut::Closed => "closed",
            Cut::Reset => "reset",
        },
        ends.tokens,
        ends.honest,
    );
    assert_eq!(ends.tokens + ends.honest, count);
    assert_eq!(reuses, ends.honest, "a reuse is told, each and every one");
    ends
}

fn offsets(length: usize) -> impl Iterator<Item = usize> {
    let step = if crate::all_faults() { 1 } else { STEP };
    (0..length).filter(move |at| at % step == 0 || at + 1 == length)
}
