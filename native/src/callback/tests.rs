//! The receiver over real sockets.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use tokenway_core::event::CallbackSource;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout};

use super::*;

const PATH: &str = "/callback";
const RIGHT: &str = "/callback?code=c0de&state=st4te";

fn receiver() -> Receiver {
    bound("http://127.0.0.1:0/callback")
}

fn bound(uri: &str) -> Receiver {
    Receiver::bind(&[uri.to_owned()]).unwrap()
}

fn port(receiver: &Receiver) -> u16 {
    url::Url::parse(receiver.redirect_uri()).unwrap().port().unwrap()
}

fn address(receiver: &Receiver) -> SocketAddr {
    (Ipv4Addr::LOCALHOST, port(receiver)).into()
}

fn authority(receiver: &Receiver) -> String {
    receiver.desk.site.authority.clone()
}

fn request(method: &str, target: &str, receiver: &Receiver) -> String {
    format!("{method} {target} HTTP/1.1\r\nHost: {}\r\n\r\n", authority(receiver))
}

/// Sends and reads to the end; empty when the connection was closed without a word, or nothing came for long.
async fn exchange(address: SocketAddr, text: impl AsRef<[u8]>) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // The receiver may answer and close before all of a refused request is written.
    let _ = stream.write_all(text.as_ref()).await;
    let mut answer = Vec::new();
    let _ = timeout(Duration::from_secs(5), stream.read_to_end(&mut answer)).await;
    String::from_utf8(answer).unwrap()
}

fn in_background(address: SocketAddr, text: String) -> JoinHandle<String> {
    tokio::spawn(async move { exchange(address, text).await })
}

fn status(answer: &str) -> &str {
    answer.split(' ').nth(1).unwrap_or("none")
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let (head, _) = answer.split_once("\r\n\r\n")?;
    head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
}

fn logged_in() -> Ending {
    Ending::LoggedIn { to: "Example".into(), account: Some("ada".into()) }
}

/// Fails when nothing is handed out within a second.
async fn handed_out(receiver: &mut Receiver) -> Callback {
    timeout(Duration::from_secs(1), receiver.next_callback()).await.expect("a callback within a second")
}

async fn nothing_is_handed_out(receiver: &mut Receiver) {
    assert!(receiver.inbox.try_recv().is_err());
}

#[tokio::test]
async fn the_page_tells_the_truth_after_the_exchange() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let browser = in_background(address, request("GET", RIGHT, &receiver));
    let callback = handed_out(&mut receiver).await;
    assert_eq!(callback.source, CallbackSource::Listening);
    assert_eq!(callback.target.expose(), RIGHT);
    assert!(!browser.is_finished(), "answered before the exchange");

    receiver.finished(logged_in());
    let redirect = browser.await.unwrap();
    assert_eq!(status(&redirect), "303");
    assert_eq!(header(&redirect, "Location"), Some("/success"));

    let closing = in_background(address, request("GET", "/success", &receiver));
    let start = Instant::now();
    receiver.close().await;
    assert!(start.elapsed() < LAST_PAGE_TIME / 2, "the page was served, so there is nothing to wait for");
    let page = closing.await.unwrap();
    assert_eq!(status(&page), "200");
    assert!(page.contains("You are logged in to Example as ada. You may close this window."));
    for secret in ["c0de", "st4te"] {
        assert!(!redirect.contains(secret) && !page.contains(secret));
    }
}

#[tokio::test]
async fn a_failed_login_is_not_called_a_success() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let browser = in_background(address, request("GET", RIGHT, &receiver));
    handed_out(&mut receiver).await;
    receiver.finished(Ending::Failed { sentence: "The server refused <the> code.".into() });
    assert_eq!(header(&browser.await.unwrap(), "Location"), Some("/failure"));
    let page = exchange(address, request("GET", "/failure", &receiver)).await;
    assert!(page.contains("The login failed") && page.contains("The server refused &lt;the&gt; code."));
    assert_eq!(status(&exchange(address, request("GET", "/success", &receiver)).await), "404");
}

#[tokio::test]
async fn there_is_no_page_about_an_end_that_has_not_come() {
    let receiver = receiver();
    for path in ["/success", "/failure"] {
        assert_eq!(status(&exchange(address(&receiver), request("GET", path, &receiver)).await), "404");
    }
}

#[tokio::test]
async fn a_redirect_path_that_looks_like_our_page_is_still_the_redirect_path() {
    let mut receiver = bound("http://127.0.0.1:0/success");
    let address = address(&receiver);
    let browser = in_background(address, request("GET", "/success?code=a", &receiver));
    handed_out(&mut receiver).await;
    receiver.finished(logged_in());
    let path = header(&browser.await.unwrap(), "Location").unwrap().to_owned();
    assert_eq!(status(&exchange(address, request("GET", &path, &receiver)).await), "200");
}

#[tokio::test]
async fn a_forged_callback_does_not_end_the_wait() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let forged = in_background(address, request("GET", "/callback?error=access_denied&state=guess", &receiver));
    handed_out(&mut receiver).await;
    receiver.ignored(400, "This is not the answer to the login.");
    let answer = forged.await.unwrap();
    assert_eq!(status(&answer), "400");
    assert!(answer.contains("This is not the answer to the login.") && !answer.contains("access_denied"));

    let browser = in_background(address, request("GET", RIGHT, &receiver));
    assert_eq!(handed_out(&mut receiver).await.target.expose(), RIGHT);
    receiver.finished(logged_in());
    assert_eq!(status(&browser.await.unwrap()), "303");
}

#[tokio::test]
async fn a_refused_stranger_is_not_shown_how_the_login_ended() {
    let mut receiver = receiver();
    let forged = in_background(address(&receiver), request("GET", "/callback?state=guess", &receiver));
    handed_out(&mut receiver).await;
    receiver.ignored(400, "No.");
    receiver.finished(logged_in());
    assert_eq!(status(&forged.await.unwrap()), "400");
}

#[tokio::test]
async fn a_verdict_may_name_the_method_and_never_becomes_a_success() {
    let mut receiver = receiver();
    let address = address(&receiver);
    for (given, sent) in [(405, "405"), (200, "400"), (303, "400"), (500, "400")] {
        let forged = in_background(address, request("POST", PATH, &receiver));
        handed_out(&mut receiver).await;
        receiver.ignored(given, "No.");
        let answer = forged.await.unwrap();
        assert_eq!(status(&answer), sent);
        assert_eq!(header(&answer, "Allow").is_some(), given == 405);
    }
    receiver.ignored(400, "Nobody is waiting.");
}

#[tokio::test]
async fn reloads_wait_for_the_same_end_and_see_the_same_page() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let first = in_background(address, request("GET", RIGHT, &receiver));
    handed_out(&mut receiver).await;
    let reloads: Vec<_> = (0..5).map(|_| in_background(address, request("GET", RIGHT, &receiver))).collect();
    timeout(Duration::from_secs(1), receiver.callback_arrived()).await.unwrap();
    receiver.finished(logged_in());
    let late = in_background(address, request("GET", RIGHT, &receiver));
    for browser in reloads.into_iter().chain([first, late]) {
        assert_eq!(header(&browser.await.unwrap(), "Location"), Some("/success"));
    }
}

#[tokio::test]
async fn only_the_first_end_counts() {
    let mut receiver = receiver();
    let browser = in_background(address(&receiver), request("GET", RIGHT, &receiver));
    handed_out(&mut receiver).await;
    receiver.finished(logged_in());
    receiver.finished(Ending::Failed { sentence: "late".into() });
    receiver.ignored(400, "later still");
    assert_eq!(header(&browser.await.unwrap(), "Location"), Some("/success"));
}

#[tokio::test]
async fn a_form_post_is_handed_out_whole() {
    let mut receiver = receiver();
    let body = "code=c0de&state=st4te";
    let form = format!(
        "POST {PATH} HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: {}\r\n\r\n{body}",
        authority(&receiver),
        body.len()
    );
    let browser = in_background(address(&receiver), form);
    let callback = handed_out(&mut receiver).await;
    assert_eq!((callback.method.as_str(), callback.body.expose()), ("POST", body));
    assert!(!format!("{callback:?}").contains("c0de"));
    receiver.finished(logged_in());
    assert_eq!(status(&browser.await.unwrap()), "303");
}

#[tokio::test]
async fn head_options_and_other_methods_are_answered_without_effect() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let head = exchange(address, request("HEAD", RIGHT, &receiver)).await;
    assert_eq!(status(&head), "200");
    assert!(head.ends_with("\r\n\r\n"), "a HEAD has no page");

    let options = exchange(address, request("OPTIONS", RIGHT, &receiver)).await;
    assert_eq!((status(&options), header(&options, "Allow")), ("204", Some("GET, HEAD, OPTIONS, POST")));
    assert!(!options.contains("Access-Control"));

    let preflight = format!(
        "OPTIONS {RIGHT} HTTP/1.1\r\nHost: {}\r\nOrigin: https://as.example\r\n\
         Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n\r\n",
        authority(&receiver)
    );
    let preflight = exchange(address, preflight).await;
    assert_eq!(header(&preflight, "Access-Control-Allow-Private-Network"), Some("true"));
    assert!(!preflight.contains("Access-Control-Allow-Origin"));

    for method in ["PUT", "DELETE", "PATCH", "TRACE", "CONNECT"] {
        let answer = exchange(address, request(method, RIGHT, &receiver)).await;
        assert_eq!((status(&answer), header(&answer, "Allow")), ("405", Some("GET, HEAD, OPTIONS, POST")));
    }
    nothing_is_handed_out(&mut receiver).await;
}

#[tokio::test]
async fn the_last_page_knows_its_methods_too() {
    let mut receiver = receiver();
    let address = address(&receiver);
    receiver.finished(logged_in());
    for (method, expected) in [("HEAD", "200"), ("OPTIONS", "204"), ("POST", "405"), ("GET", "200")] {
        assert_eq!(status(&exchange(address, request(method, "/success", &receiver)).await), expected);
        assert_eq!(*receiver.desk.shown.borrow(), method == "GET", "only a GET shows it");
    }
}

#[tokio::test]
async fn only_the_exact_path_is_a_callback() {
    let mut receiver = receiver();
    for target in [
        "/",
        "/favicon.ico",
        "/Callback?code=c&state=s",
        "//callback?code=c&state=s",
        "/x/../callback?code=c&state=s",
        "/callback/?code=c&state=s",
        "/callback%3Fcode=c",
        "/?code=c&state=s",
    ] {
        let answer = exchange(address(&receiver), request("GET", target, &receiver)).await;
        assert_eq!(status(&answer), "404", "{target}");
    }
    nothing_is_handed_out(&mut receiver).await;
}

#[tokio::test]
async fn only_the_bound_authority_is_spoken_to() {
    let mut receiver = receiver();
    receiver.finished(logged_in());
    let port = port(&receiver);
    let hosts = ["evil.example", "127.0.0.1:1", "127.0.0.1", "localhost", &format!("localhost:{port}"), ""];
    for host in hosts {
        for target in [RIGHT, "/success", "/"] {
            let text = format!("GET {target} HTTP/1.1\r\nHost: {host}\r\n\r\n");
            assert_eq!(status(&exchange(address(&receiver), text).await), "400", "{host:?}");
        }
    }
    nothing_is_handed_out(&mut receiver).await;
}

#[tokio::test]
async fn no_location_ever_comes_from_a_request() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let target = "/callback?redirect=https://evil.example&next=//evil.example&code=c";
    let browser = in_background(address, request("GET", target, &receiver));
    handed_out(&mut receiver).await;
    receiver.finished(logged_in());
    assert_eq!(header(&browser.await.unwrap(), "Location"), Some("/success"));
    for target in ["//evil.example", "/success//evil.example", "/success?to=//evil.example", "/%0d%0aLocation:x"] {
        assert_eq!(header(&exchange(address, request("GET", target, &receiver)).await, "Location"), None);
    }
}

#[tokio::test]
async fn oversized_and_unreadable_requests_are_told_so() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let host = authority(&receiver);
    let flood: String = (0..10_000).map(|n| format!("X-Header-{n}: value\r\n")).collect();
    assert!(flood.len() > 2 * MAX_HEAD);
    let answer = exchange(address, format!("GET {RIGHT} HTTP/1.1\r\nHost: {host}\r\n{flood}\r\n")).await;
    assert_eq!(status(&answer), "431");

    let length = MAX_REDIRECT_BODY + 1;
    let form =
        format!("POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: {length}\r\n\r\n{}", "a".repeat(length));
    assert_eq!(status(&exchange(address, form).await), "413");

    assert_eq!(status(&exchange(address, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03").await), "400");
    assert_eq!(status(&exchange(address, format!("GET {RIGHT} HTTP/1.1\r\nX: y HTTP/1.1\r\n\r\n")).await), "400");
    nothing_is_handed_out(&mut receiver).await;
}

#[tokio::test]
async fn whoever_still_writes_a_refused_request_gets_the_answer_and_no_reset() {
    let receiver = receiver();
    let (parts, part) = (8, vec![b'a'; MAX_REDIRECT_BODY]);
    let length = parts * part.len();
    let mut stream = TcpStream::connect(address(&receiver)).await.unwrap();
    let head = format!("POST {PATH} HTTP/1.1\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n", authority(&receiver));
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut answer = vec![0; 12];
    stream.read_exact(&mut answer).await.unwrap();
    assert_eq!(answer, b"HTTP/1.1 413");
    // Time to close the door in our face.
    tokio::time::sleep(Duration::from_millis(20)).await;
    for _ in 0..parts {
        stream.write_all(&part).await.unwrap();
    }
    stream.shutdown().await.unwrap();
    stream.read_to_end(&mut answer).await.unwrap();
}

#[tokio::test]
async fn localhost_is_heard_on_ipv4_and_ipv6() {
    let mut receiver = bound("http://localhost:0/auth/callback");
    let addresses: [SocketAddr; 2] =
        [(Ipv4Addr::LOCALHOST, port(&receiver)).into(), (Ipv6Addr::LOCALHOST, port(&receiver)).into()];
    for address in addresses {
        let browser = in_background(address, request("GET", "/auth/callback?code=c", &receiver));
        handed_out(&mut receiver).await;
        receiver.ignored(400, "No.");
        assert_eq!(status(&browser.await.unwrap()), "400");
    }
}

#[tokio::test]
async fn an_idle_preconnect_does_not_delay_the_callback() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let mut idle = Vec::new();
    for _ in 0..6 {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let mut slow = TcpStream::connect(address).await.unwrap();
    slow.write_all(b"GET /callb").await.unwrap();
    let _browser = in_background(address, request("GET", RIGHT, &receiver));
    let start = Instant::now();
    handed_out(&mut receiver).await;
    assert!(start.elapsed() < Duration::from_millis(200));
}

#[tokio::test(start_paused = true)]
async fn a_slow_request_is_cut_off_and_a_silent_connection_closed_without_a_word() {
    let mut receiver = receiver();
    let mut silent = TcpStream::connect(address(&receiver)).await.unwrap();
    let mut slow = TcpStream::connect(address(&receiver)).await.unwrap();
    slow.write_all(request("GET", RIGHT, &receiver).trim_end().as_bytes()).await.unwrap();
    let (mut of_silent, mut of_slow) = (String::new(), String::new());
    let start = Instant::now();
    tokio::try_join!(silent.read_to_string(&mut of_silent), slow.read_to_string(&mut of_slow)).unwrap();
    assert!(start.elapsed() >= serve::CONNECTION_TIME && start.elapsed() < serve::CONNECTION_TIME * 2);
    assert_eq!(of_silent, "");
    assert_eq!(status(&of_slow), "408");
    nothing_is_handed_out(&mut receiver).await;
}

#[tokio::test]
async fn a_callback_that_waits_for_the_exchange_outlasts_any_crowd() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let browser = in_background(address, request("GET", RIGHT, &receiver));
    handed_out(&mut receiver).await;
    let mut crowd = Vec::new();
    for _ in 0..3 * MAX_CONNECTIONS {
        crowd.push(TcpStream::connect(address).await.unwrap());
    }
    assert_eq!(status(&exchange(address, request("GET", "/", &receiver)).await), "404");
    receiver.finished(logged_in());
    assert_eq!(status(&browser.await.unwrap()), "303");
}

#[tokio::test]
async fn a_full_house_closes_the_longest_silent() {
    let receiver = receiver();
    let address = address(&receiver);
    let mut first = TcpStream::connect(address).await.unwrap();
    // Its refusal shows that it was accepted, and everything before it.
    exchange(address, request("GET", "/", &receiver)).await;
    let mut others = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        others.push(TcpStream::connect(address).await.unwrap());
    }
    let mut nothing = String::new();
    let closed = timeout(Duration::from_secs(1), first.read_to_string(&mut nothing)).await;
    assert!(closed.is_ok(), "the first comer was silent longest");
    let mut last = others.pop().unwrap();
    last.write_all(request("GET", "/", &receiver).as_bytes()).await.unwrap();
    let mut answer = String::new();
    last.read_to_string(&mut answer).await.unwrap();
    assert_eq!(status(&answer), "404");
}

#[tokio::test]
async fn a_request_that_comes_with_a_burst_is_heard() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let text = request("GET", RIGHT, &receiver);
    // All wait in the kernel before the receiver runs once.
    let burst: Vec<_> = (0..4 * MAX_CONNECTIONS)
        .map(|n| {
            let mut stream = std::net::TcpStream::connect(address).unwrap();
            if n == MAX_CONNECTIONS / 2 {
                std::io::Write::write_all(&mut stream, text.as_bytes()).unwrap();
            }
            stream
        })
        .collect();
    assert_eq!(handed_out(&mut receiver).await.target.expose(), RIGHT);
    drop(burst);
}

#[tokio::test]
async fn the_right_callback_gets_through_10_000_junk_requests_and_64_idle_sockets() {
    const JUNK: usize = 10_000;
    const WORKERS: usize = 8;
    let mut receiver = receiver();
    let address = address(&receiver);
    let mut idle = Vec::new();
    for _ in 0..MAX_CONNECTIONS {
        idle.push(TcpStream::connect(address).await.unwrap());
    }
    let host = authority(&receiver);
    let junk: Vec<Vec<u8>> = [
        format!("GET /favicon.ico HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET {RIGHT} HTTP/1.1\r\nHost: evil.example\r\n\r\n"),
        format!("HEAD {RIGHT} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("OPTIONS {PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("PUT {PATH} HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("GET {PATH}?code=x&state=guess HTTP/1.1\r\nHost: {host}\r\n\r\n"),
        format!("POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 12\r\n\r\nstate=guess1"),
        format!("POST {PATH} HTTP/1.1\r\nHost: {host}\r\nContent-Length: 999999\r\n\r\nstate=guess1"),
        "\u{16}\u{3}\u{1} is no HTTP".to_owned(),
        "GET /cut-off".to_owned(),
    ]
    .map(String::into_bytes)
    .into();
    let mut workers: Vec<_> = (0..WORKERS)
        .map(|worker| {
            let junk = junk.clone();
            tokio::task::spawn_blocking(move || {
                for n in 0..JUNK / WORKERS {
                    use std::io::{Read, Write};
                    let mut stream = std::net::TcpStream::connect(address).unwrap();
                    let _ = stream.write_all(&junk[(n + worker) % junk.len()]);
                    let _ = stream.shutdown(std::net::Shutdown::Write);
                    let _ = stream.read_to_end(&mut Vec::new());
                }
            })
        })
        .collect();

    let mut forged = 0;
    let mut everybody = std::pin::pin!(async {
        for worker in &mut workers {
            worker.await.unwrap();
        }
    });
    loop {
        tokio::select! {
            callback = receiver.next_callback() => {
                assert_ne!(callback.target.expose(), RIGHT);
                receiver.ignored(400, "This is not the answer to the login.");
                forged += 1;
            }
            () = &mut everybody => break,
        }
    }
    assert!(forged > JUNK / 10, "{forged} of the forged callbacks were handed out");

    let start = Instant::now();
    let browser = in_background(address, request("GET", RIGHT, &receiver));
    loop {
        if handed_out(&mut receiver).await.target.expose() == RIGHT {
            break;
        }
        receiver.ignored(400, "This is not the answer to the login.");
    }
    receiver.finished(logged_in());
    assert_eq!(status(&browser.await.unwrap()), "303");
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
}

#[tokio::test]
async fn the_next_port_of_the_list_is_used_and_named() {
    let busy = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let uris = [busy.local_addr().unwrap().port(), 0].map(|port| format!("http://localhost:{port}/auth/callback"));
    let mut receiver = Receiver::bind(&uris).unwrap();
    assert_ne!(port(&receiver), 0);
    let _browser = in_background(address(&receiver), request("GET", "/auth/callback?code=c", &receiver));
    handed_out(&mut receiver).await;
}

#[tokio::test]
async fn a_taken_port_is_reported_with_its_holder() {
    let first = receiver();
    let failure = Receiver::bind(&[first.redirect_uri().to_owned()]).unwrap_err();
    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unable));
    assert!(failure.detail.contains(&format!("port {}", port(&first))), "{}", failure.detail);
    if cfg!(target_os = "linux") {
        assert!(failure.detail.contains(&format!("this process ({})", std::process::id())), "{}", failure.detail);
    }
}

#[tokio::test]
async fn dropping_frees_the_port_at_once() {
    let mut receiver = bound("http://localhost:0/callback");
    let uri = receiver.redirect_uri().to_owned();
    let held = in_background(address(&receiver), request("GET", RIGHT, &receiver));
    handed_out(&mut receiver).await;
    drop(receiver);
    // The runtime has not had a turn since: the sockets are gone all the same.
    let again = Receiver::bind(&[uri]).unwrap();
    assert_eq!(held.await.unwrap(), "");
    drop(again);
}

#[tokio::test]
async fn dropping_a_wait_loses_no_callback() {
    let mut receiver = receiver();
    for _ in 0..10 {
        let wait = timeout(Duration::from_millis(1), receiver.next_callback()).await;
        assert!(wait.is_err());
    }
    let _browser = in_background(address(&receiver), request("GET", RIGHT, &receiver));
    timeout(Duration::from_secs(1), receiver.callback_arrived()).await.unwrap();
    assert_eq!(handed_out(&mut receiver).await.target.expose(), RIGHT);
}

#[tokio::test(start_paused = true)]
async fn closing_waits_for_a_browser_no_longer_than_two_seconds() {
    let mut receiver = receiver();
    let address = address(&receiver);
    let _browser = in_background(address, request("GET", RIGHT, &receiver));
    handed_out(&mut receiver).await;
    receiver.finished(logged_in());
    let start = Instant::now();
    receiver.close().await;
    assert!(start.elapsed() >= LAST_PAGE_TIME && start.elapsed() < LAST_PAGE_TIME * 2);
    assert!(TcpStream::connect(address).await.is_err(), "the port is free");
}

#[tokio::test]
async fn closing_waits_for_nobody_when_no_browser_came() {
    for ended in [false, true] {
        let mut receiver = receiver();
        if ended {
            receiver.finished(logged_in());
        }
        let start = Instant::now();
        receiver.close().await;
        assert!(start.elapsed() < Duration::from_millis(100));
    }
}

#[test]
fn binding_outside_a_runtime_is_an_error_and_not_a_panic() {
    let failure = Receiver::bind(&["http://127.0.0.1:0/callback".to_owned()]).unwrap_err();
    assert!(failure.detail.contains("runtime"));
}
