//! Renewals in trouble: nothing is lost that a client can keep, and what is lost is said.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::peer::{Forwarder, Home, Peer};

/// What is said where no client could have kept the login.
pub(crate) const HONEST: &str = "An earlier renewal was interrupted before its answer could be saved: if the server had acted \
                                 on it, the new refresh token was lost on the way, which no client can prevent.";

#[test]
fn a_lost_answer_is_asked_for_once_more_and_a_server_without_a_grace_window_ends_the_login() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let first = home.token(&[]);
    peer.drop_answer_once();
    let run = home.rejecting(&first, &[]).exits(3).prints_nothing();
    run.says(HONEST).says("invalid_grant").says(&format!("Log in: tokenway login --issuer {}", peer.issuer()));
    assert_eq!((peer.count("refreshes"), peer.count("reuses")), (1, 1));

    home.run(&["status"]).succeeds().prints("alice");
    let requests = peer.count("token_requests");
    home.rejecting(&first, &[]).exits(3).prints_nothing().says("the server has refused this login before");
    assert_eq!(peer.count("token_requests"), requests, "what was refused is not sent again");

    home.login(peer.issuer(), "native", &["--force"]);
    assert_eq!(peer.whose(&home.rejecting(&home.token(&[]), &[]).token()), "alice");
}

#[test]
fn a_lost_answer_of_a_server_that_does_not_rotate_costs_a_second() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "no-rotate", &[]);
    let first = home.token(&[]);
    peer.drop_answer_once();
    let started = Instant::now();
    let second = home.rejecting(&first, &[]).token();
    assert!(started.elapsed() >= Duration::from_millis(900), "it came after {:?}", started.elapsed());
    assert_ne!(second, first);
    assert_eq!(peer.whose(&second), "alice");
}

#[test]
fn two_lost_answers_leave_the_outcome_unknown_until_the_server_is_asked_again() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "no-rotate", &[]);
    let first = home.token(&[]);
    peer.drop_answer_once();
    peer.drop_answer_once();
    let quickly = ["--request-deadline", "1"];
    let run = home.rejecting(&first, &quickly).exits(6).prints_nothing();
    run.says("nobody knows yet whether the server acted").says("Ask again in");
    let requests = peer.count("token_requests");
    home.rejecting(&first, &quickly).exits(6).prints_nothing();
    assert_eq!(peer.count("token_requests"), requests, "at most one sending in a request deadline");

    std::thread::sleep(Duration::from_millis(2_100));
    let second = home.rejecting(&first, &quickly).token();
    assert_eq!(peer.whose(&second), "alice");
}

#[test]
fn a_server_in_trouble_is_left_alone_for_as_long_as_it_says() {
    for status in [429, 500, 503] {
        let (peer, home) = (Peer::start(), Home::new());
        home.login(peer.issuer(), "native", &[]);
        let first = home.token(&[]);
        let body = json!({ "error": "temporarily_unavailable", "error_description": "please come back" });
        peer.answer_once(status, &json!({ "retry-after": "3" }), &body);
        let run = home.rejecting(&first, &[]).exits(4).prints_nothing();
        run.says("please come back").says(&format!("HTTP {status}")).says("Try again in 3 s (2");
        assert_eq!(peer.count("token_requests"), 2);

        let run = home.rejecting(&first, &[]).exits(4).prints_nothing();
        run.says("the server wants to be left alone for a while").says("Try again in");
        assert_eq!(peer.count("token_requests"), 2, "{status}: nothing was sent meanwhile");
        assert_eq!(home.token(&[]), first, "the token that lives is lent all the same");

        std::thread::sleep(Duration::from_millis(3_100));
        // Nobody knows what a 500 did, so what it answered is sent again: it had done nothing.
        let second = home.rejecting(&first, &[]).token();
        assert_eq!(peer.whose(&second), "alice", "{status}");
        assert_eq!(peer.count("reuses"), 0);
    }
}

#[test]
fn a_server_that_cannot_be_reached_ends_no_login() {
    let (peer, home) = (Peer::start(), Home::new());
    let wire = Forwarder::to(peer.port());
    home.write("providers.json", &through(&wire, &peer));
    home.run(&["login", "far"]).succeeds();
    let first = home.token(&[]);
    wire.cut();
    for _ in 0..2 {
        let run = home.rejecting(&first, &[]).exits(4).prints_nothing();
        run.says("refused").says("Try again in");
    }
    assert_eq!(home.token(&[]), first, "it lives, and nobody has to be asked");
    wire.mend();
    let second = home.rejecting(&first, &[]).token();
    assert_eq!(peer.whose(&second), "alice");
    assert_eq!((peer.count("refreshes"), peer.count("reuses")), (1, 0));
}

#[test]
fn a_due_token_is_lent_while_the_server_is_away_with_a_word_about_it() {
    let (peer, home) = (Peer::with_token_life(30), Home::new());
    let wire = Forwarder::to(peer.port());
    home.write("providers.json", &through(&wire, &peer));
    home.run(&["login", "far"]).succeeds();
    let first = home.token(&[]);
    wire.cut();
    std::thread::sleep(Duration::from_secs(11));
    let run = home.run(&["token", "--min-ttl", "29"]).succeeds().says("the token is still good, but was not renewed");
    assert_eq!(run.token(), first);
}

#[test]
fn an_interrupted_renewal_is_saved_before_the_command_ends() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let first = home.token(&[]);
    peer.delay(Duration::from_millis(1_500));
    let mut command = home.command(&["token", "--rejected", "-", "--reject-interval", "0"]);
    command.stdin(std::process::Stdio::piped());
    let mut waiting = crate::peer::Waiting::start(command);
    waiting.give(&first);
    crate::peer::until("the renewal is sent", || peer.count("token_requests") == 2);
    waiting.signal("INT");
    waiting.end().exits(130).prints_nothing();
    peer.reset();
    let second = home.token(&[]);
    assert_ne!(second, first);
    assert_eq!(peer.whose(&second), "alice");
    assert_eq!(peer.count("token_requests"), 0, "it was there already");
}

/// A provider whose token endpoint is at the other end of a wire.
pub(crate) fn through(wire: &Forwarder, peer: &Peer) -> String {
    let issuer = peer.issuer();
    json!([{
        "id": "far",
        "name": "Far away",
        "issuer": issuer,
        "endpoints": {
            "authorization": format!("{issuer}/auth"),
            "token": format!("http://127.0.0.1:{}/token", wire.port()),
            "revocation": format!("{issuer}/token/revocation"),
            "iss_in_response": true,
        },
        "client_id": "native",
        "scopes": ["openid", "offline_access"],
        "authorize_parameters": [{ "name": "prompt", "value": "consent" }],
    }])
    .to_string()
}
