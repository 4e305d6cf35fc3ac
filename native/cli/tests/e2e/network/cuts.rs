//! Connections that break, at any byte (F27).

use std::sync::Arc;

use tokenway_core::config::Timing;

use super::wire::{Accident, Cut, Wire};
use crate::library::{Ends, Library, each};
use crate::peer::Peer;

/// Every so many-th byte is tried; each of them, when all faults are asked for.
const STEP: usize = 53;

/// Seconds, longer than any test.
const GRACE: u64 = 600;

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f27_an_answer_cut_at_any_byte_costs_a_second_where_the_server_has_a_grace_window() {
    let peer = Arc::new(Peer::with_token_life(600));
    for cut in [Cut::Closed, Cut::Reset] {
        let ends = cut_at_each_byte(&peer, GRACE, Part::Answer, cut).await;
        assert_eq!(ends.honest, 0);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f27_an_answer_cut_at_any_byte_ends_in_the_honest_sentence_where_it_has_none() {
    let peer = Arc::new(Peer::with_token_life(600));
    let ends = cut_at_each_byte(&peer, 0, Part::Answer, Cut::Closed).await;
    assert_eq!(ends.tokens, 0, "nobody can have them");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f27_a_request_cut_at_any_byte_costs_a_second_on_any_server() {
    let peer = Arc::new(Peer::with_token_life(600));
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
async fn cut_at_each_byte(peer: &Arc<Peer>, grace: u64, part: Part, cut: Cut) -> Ends {
    let library = Arc::new(Library::of(peer));
    let length = length(peer, &library, part).await;
    assert!(length > 200, "{part:?}: {length} bytes");
    peer.reset();
    peer.grace(grace);
    let ends = each(offsets(length), |after| {
        let (peer, library) = (Arc::clone(peer), Arc::clone(&library));
        async move {
            let wire = Wire::to(peer.port(), [part.cut(after, cut)]).await;
            let account = format!("{part:?}-{cut:?}-{after}");
            let login = library.login(&peer, &account, &wire.token_endpoint(), Timing::default()).await;
            let end = login.end().await;
            assert_eq!(wire.seen().connections, 2, "cut after {after} bytes: it is sent once more");
            end
        }
    })
    .await;
    let (count, ends) = (ends.len() as u64, Ends::of(peer, ends));
    let (refreshes, reuses) = (peer.count("refreshes"), peer.count("reuses"));
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

/// How many bytes there are to cut at.
async fn length(peer: &Peer, library: &Library, part: Part) -> usize {
    let whole = Wire::to(peer.port(), []).await;
    library.login(peer, "whole", &whole.token_endpoint(), Timing::default()).await.end().await;
    match part {
        Part::Answer => whole.seen().answer,
        Part::Request => whole.seen().request,
    }
}

fn offsets(length: usize) -> impl Iterator<Item = usize> {
    let step = if crate::all_faults() { 1 } else { STEP };
    (0..length).filter(move |at| at % step == 0 || at + 1 == length)
}
