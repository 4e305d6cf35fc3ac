//! Servers in trouble are left alone, by everybody, for as long as they say (F28).

use std::time::Duration;

use serde_json::{Value, json};
use tokenway::Client;
use tokenway::driver::now;
use tokenway_core::config::Timing;
use tokenway_core::error::Failure;
use tokenway_core::lifecycle::Wish;
use tokenway_core::secret::Secret;
use tokio::task::JoinSet;

use crate::library::{Ends, Library, each, retry_at, sleep_until};
use crate::peer::Peer;

/// What is done where a server names no span that can be read, in seconds.
const OWN_SPAN: (u64, u64) = (10, 10);

/// The most that is done, whatever a server says.
const LONGEST: (u64, u64) = (3_600, 3_600);

/// What a server says in `Retry-After`, and how many seconds it is left alone then, at least and at most.
fn shapes() -> Vec<(Value, (u64, u64))> {
    vec![
        (json!("2"), (2, 2)),
        (json!(" 7 "), (7, 7)),
        (json!("0"), (1, 1)),
        (json!("1.5"), OWN_SPAN),
        (json!("-5"), OWN_SPAN),
        (json!("soon"), OWN_SPAN),
        (json!(""), OWN_SPAN),
        (json!("5, 6"), OWN_SPAN),
        (json!("5;6"), OWN_SPAN),
        (json!("3600"), LONGEST),
        (json!("99999999999999999999999999"), LONGEST),
        (json!("Wed, 21 Oct 2015 07:28:00 GMT"), OWN_SPAN),
        (json!("Wed, 99 Oct 2099 07:28:00 GMT"), OWN_SPAN),
        (json!("Fri, 31 Dec 2100 23:59:59 GMT"), LONGEST),
        // Written down a while before it is said.
        (json!(http_date_in(Duration::from_secs(1_800))), (1_000, 1_802)),
        (json!(["4", "9"]), (4, 4)),
        (json!(["soon", "9"]), OWN_SPAN),
        (Value::Null, OWN_SPAN),
    ]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f28_whatever_retry_after_says_the_server_is_left_alone_for_a_while_and_an_hour_at_most() {
    let peer = Peer::with_token_life(600);
    let library = Library::of(&peer);
    let endpoint = format!("{}/token", peer.issuer());
    let (mut count, mut soon) = (0, Vec::new());
    for status in [429, 503] {
        for (number, (said, (least, most))) in shapes().into_iter().enumerate() {
            let account = format!("account-{status}-{number}");
            let login = library.login(&peer, &account, &endpoint, Timing::default()).await;
            let before = login.record().await;
            let client = login.client();
            let headers = if said.is_null() { json!({}) } else { json!({ "retry-after": said }) };
            peer.answer_once(status, &headers, &json!({ "error": "temporarily_unavailable" }));
            let requests = peer.count("token_requests");

            let asked = now();
            let at = retry_at(&client.token().await.unwrap_err()).unwrap();
            let (span, took) = (at.since(asked).0, now().since(asked).0);
            assert!((least * 1_000..=most * 1_000 + took).contains(&span), "{status}, {said}: {span} ms");
            // Another process: only the store tells it.
            let other = library.known(&account, Timing::default()).client();
            assert!(retry_at(&other.token().await.unwrap_err()).is_some());
            assert_eq!(peer.count("token_requests"), requests + 1, "{status}, {said}: nothing more was sent");
            assert_eq!(login.record().await, before, "{status}, {said}");
            client.close().await;
            count += 1;
            if most <= 2 {
                soon.push(login);
            }
        }
    }
    let tried = soon.len() as u64;
    let ends = each(soon, |login| async move { login.end().await }).await;
    assert_eq!(Ends::of(&peer, ends).tokens, tried, "and when the time has passed, it works");
    assert_eq!(peer.count("reuses"), 0);
    eprintln!("network: Retry-After in {count} shapes: no login lost, no request too early");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn f28_a_hundred_callers_of_a_server_in_trouble_cost_one_request_a_step() {
    let peer = Peer::with_token_life(600);
    let library = Library::of(&peer);
    let login = library.login(&peer, "shared", &format!("{}/token", peer.issuer()), Timing::default()).await;
    let dead = login.record().await.access_token;
    // Ten that know of each other by the store alone, with ten callers each.
    let clients: Vec<_> = (0..10).map(|_| library.known("shared", Timing::default()).client()).collect();
    for (step, status) in [(1, 429), (2, 503)] {
        peer.answer_once(status, &json!({ "retry-after": "1" }), &json!({ "error": "temporarily_unavailable" }));
        let ends = a_hundred(&clients, &dead).await;
        let at = ends.into_iter().map(|end| retry_at(&end.unwrap_err()).unwrap()).max().unwrap();
        assert_eq!(peer.count("token_requests"), step, "one request for a hundred callers");
        let again = a_hundred(&clients, &dead).await;
        assert!(again.iter().all(Result::is_err));
        assert_eq!(peer.count("token_requests"), step, "and none while it is left alone");
        sleep_until(at).await;
        // For so long a failure is shared.
        tokio::time::sleep(Duration::from_millis(1_100)).await;
    }
    let ends = a_hundred(&clients, &dead).await;
    let mut tokens: Vec<String> = ends.into_iter().map(Result::unwrap).collect();
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "everybody has the same token");
    assert_eq!((peer.count("token_requests"), peer.count("refreshes"), peer.count("reuses")), (3, 1, 0));
    eprintln!(
        "network: 100 callers of a server that says 429, then 503, then is well: 3 requests, 1 refresh, 0 reuses"
    );
}

/// Ten callers of each client, all at once.
async fn a_hundred(clients: &[Client], rejected: &Secret) -> Vec<Result<String, Box<Failure>>> {
    let mut crowd = JoinSet::new();
    for client in clients.iter().flat_map(|client| std::iter::repeat_n(client, 10)) {
        let wish = Wish { rejected: Some(rejected.hash()), ..Wish::default() };
        let client = client.clone();
        crowd.spawn(async move { client.token_for(wish).await.map(|token| token.secret().expose().to_owned()) });
    }
    crowd.join_all().await
}

/// IMF-fixdate (RFC 9110 section 5.6.7).
fn http_date_in(span: Duration) -> String {
    let at = time::OffsetDateTime::now_utc() + span;
    at.format(&time::format_description::well_known::Rfc2822).unwrap().replace("+0000", "GMT")
}
