//! Renewals that go well.

use std::process::Stdio;
use std::time::Duration;

use crate::peer::{Home, Peer, Waiting, finish, until};

#[test]
fn each_rejected_token_brings_another_and_no_refresh_token_is_used_twice() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let first = home.token(&[]);
    let second = home.rejecting(&first, &[]).token();
    let third = home.rejecting(&second, &[]).token();
    assert!(first != second && second != third && third != first);
    for token in [&second, &third] {
        assert_eq!(peer.whose(token), "alice");
    }
    assert_eq!(home.token(&[]), third, "it is stored");
    assert_eq!(home.rejecting(&second, &[]).token(), third, "who comes late gets what is there");
    // As a program might have it at hand.
    assert_eq!(home.rejecting(&format!("Authorization: Bearer {second}\n"), &[]).token(), third);
    assert_eq!((peer.count("refreshes"), peer.count("reuses"), peer.count("refresh_errors")), (2, 0, 0));
}

#[test]
fn a_refresh_token_that_was_rotated_is_worth_nothing() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let old = refresh_token(&home);
    home.rejecting(&home.token(&[]), &[]).token();
    assert_ne!(refresh_token(&home), old);
    let form = format!("grant_type=refresh_token&client_id=native&refresh_token={old}");
    let answer = crate::peer::post(&format!("{}/token", peer.issuer()), "application/x-www-form-urlencoded", &form);
    assert_eq!((answer.status, answer.json()["error"].as_str()), (400, Some("invalid_grant")));
    assert_eq!(peer.count("reuses"), 1);
}

#[test]
fn a_token_that_a_rejection_brought_is_not_renewed_for_another_at_once() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let second = home.rejecting(&home.token(&[]), &[]).token();
    let run = home.run_with_input(&["token", "--rejected", "-"], &second).exits(1).prints_nothing();
    run.says("the API refuses a new token").says("Ask whether this account may use that API");
    assert_eq!(peer.count("refreshes"), 1);

    let mut command = home.command(&["token", "--rejected", "-"]);
    command.env("TOKENWAY_REJECT_INTERVAL", "0").stdin(Stdio::piped());
    let mut waiting = Waiting::start(command);
    waiting.give(&second);
    assert_ne!(waiting.end().token(), second, "unless it shall be");
    let mut command = home.command(&["token"]);
    command.env("TOKENWAY_REQUEST_DEADLINE", "soon");
    finish(command).exits(2).prints_nothing().says("a number of seconds, such as 30");
}

#[test]
fn min_ttl_renews_a_token_that_would_die_too_soon() {
    let (peer, home) = (Peer::with_token_life(60), Home::new());
    home.login(peer.issuer(), "native", &[]);
    let first = home.token(&["--min-ttl", "30"]);
    assert_eq!(home.token(&["--min-ttl", "30"]), first);
    // Just renewed, so nothing longer-lived is to be had.
    let run = home.run(&["token", "--min-ttl", "3600"]).succeeds().says("does not live as long as you asked for");
    assert_eq!(run.token(), first);
    assert_eq!(peer.count("refreshes"), 0);
    std::thread::sleep(Duration::from_secs(11));
    let second = home.token(&["--min-ttl", "55"]);
    assert_ne!(second, first);
    assert_eq!(peer.count("refreshes"), 1);
}

#[test]
fn tokens_that_live_two_seconds_are_renewed_by_themselves() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "short", &[]);
    let mut tokens = vec![home.token(&[])];
    for _ in 0..2 {
        std::thread::sleep(Duration::from_millis(2_100));
        let mut token = home.token(&[]);
        // On a machine that is busy two seconds may pass before the server is asked.
        until("a token that lives", || {
            token = home.token(&[]);
            peer.userinfo(&token).status == 200
        });
        tokens.push(token);
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 3);
    assert!(peer.count("refreshes") >= 2 && peer.count("reuses") == 0);
}

#[test]
fn a_server_that_does_not_rotate_keeps_its_refresh_token() {
    let (peer, home) = (Peer::start(), Home::new());
    home.login(peer.issuer(), "no-rotate", &[]);
    let refresh = refresh_token(&home);
    let first = home.token(&[]);
    let second = home.rejecting(&first, &[]).token();
    let third = home.rejecting(&second, &[]).token();
    assert!(first != second && second != third);
    assert_eq!(refresh_token(&home), refresh);
    assert_eq!(peer.whose(&third), "alice");
}

fn refresh_token(home: &Home) -> String {
    let records = home.records();
    assert_eq!(records.len(), 1);
    records[0]["record"]["refresh_token"].as_str().unwrap().to_owned()
}
