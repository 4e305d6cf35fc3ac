//! No network, or one that wants a login of its own (F25): nothing was spent, and the login works when all is well again.

use std::sync::Arc;
use std::time::Duration;

use tokenway::http::{HttpOptions, ProxyChoice, ReqwestHttp};
use tokenway_core::error::NextStep;
use tokenway_core::moment::Millis;

use super::wire::{Accident, Wire};
use crate::library::{End, Ends, Library, deadline, each, retry_at};
use crate::peer::Peer;

/// RFC 2606: nobody has that name.
const NOWHERE: &str = "https://as.invalid/token";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_name_that_cannot_be_resolved_sends_nothing_and_ends_no_login() {
    let peer = Peer::with_token_life(600);
    let direct = HttpOptions { proxy: ProxyChoice::Direct, ..HttpOptions::default() };
    let library = Library::of(&peer).with_http(Arc::new(ReqwestHttp::new(direct)));
    let login = library.login(&peer, "alice", NOWHERE, deadline(Millis::seconds(5))).await;
    let before = login.record().await;
    for _ in 0..2 {
        let client = login.client();
        let failure = client.token().await.unwrap_err();
        assert!(matches!(failure.next, NextStep::RetryAt { .. }), "{failure}");
        assert!(failure.detail.contains("as.invalid"), "{failure}");
        assert_eq!(login.record().await, before);
        client.close().await;
    }
    assert_eq!(peer.count("token_requests"), 0);

    // The name is known again.
    let mut resolved = before.clone();
    resolved.token_endpoint = format!("{}/token", peer.issuer());
    resolved.generation += 1;
    login.put(resolved).await;
    assert!(matches!(login.end().await, End::Token(_)), "at once: nothing is waited for");
    assert_eq!((peer.count("refreshes"), peer.count("reuses")), (1, 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f25_a_captive_portal_ends_no_login() {
    let peer = Peer::with_token_life(600);
    let library = Library::of(&peer);
    let page = "<!doctype html><title>Free Wi-Fi</title><p>Please accept our terms.";
    // Portals do not say for how long they stay; a test need not wait for ten seconds.
    let head = format!("retry-after: 1\r\ncontent-type: text/html\r\ncontent-length: {}", page.len());
    let html = format!("{head}\r\nconnection: close\r\n\r\n{page}");
    let portals = [
        ("302", format!("HTTP/1.1 302 Found\r\nlocation: http://portal.example/\r\n{html}")),
        ("307", format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: http://portal.example/\r\n{html}")),
        ("200", format!("HTTP/1.1 200 OK\r\n{html}")),
        ("403", format!("HTTP/1.1 403 Forbidden\r\n{html}")),
        ("511", format!("HTTP/1.1 511 Network Authentication Required\r\n{html}")),
    ];
    let mut cases = Vec::new();
    for (status, portal) in portals {
        // What says nothing of what became of the request is asked for once more in the same run.
        let hijacked = std::iter::repeat_n(Accident::Hijacked(portal), if status == "200" { 2 } else { 1 });
        let wire = Wire::to(peer.port(), hijacked).await;
        let login = library.login(&peer, status, &wire.token_endpoint(), deadline(Millis::seconds(10))).await;
        cases.push((status, wire, login));
    }
    let count = cases.len() as u64;
    let ends = each(cases, |(status, wire, login)| async move {
        let before = login.record().await;
        let client = login.client();
        let failure = client.token().await.unwrap_err();
        assert_ne!(failure.next, NextStep::LogIn, "{status}: {failure}");
        assert!(failure.to_string().contains(status), "{status}: {failure}");
        assert_eq!(login.record().await, before, "{status}");
        client.close().await;
        let pause = retry_at(&failure).map_or(Millis::seconds(2), |at| at.since(tokenway::driver::now()));
        tokio::time::sleep(Duration::from_millis(pause.0)).await;
        let end = login.end().await;
        drop(wire);
        end
    })
    .await;
    assert_eq!(Ends::of(&peer, ends).tokens, count, "where the portal is gone, the login works");
    assert_eq!((peer.count("token_requests"), peer.count("refreshes"), peer.count("reuses")), (count, count, 0));
    eprintln!("network: captive portals of {count} kinds: 0 logins lost, 0 tokens spent there");
}
