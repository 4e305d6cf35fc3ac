//! `NotSent` or `MaybeSent`, for every way in which an exchange can fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::moment::{Millis, UnixMillis};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

use super::super::guard::wall_clock;
use super::server::Server;
use super::{Guard, Http, client, failure, post, send, text, within};

#[tokio::test]
async fn a_whole_exchange_carries_the_request_and_brings_the_answer() {
    let server =
        Server::answering("HTTP/1.1 418 I'm a teapot\r\nX-Odd: \u{fc}\r\nContent-Length: 5\r\n\r\nshort").await;

    let answer = send(&client(), &post(server.url("/token?q=planted-query"))).await.unwrap();

    assert_eq!((answer.status, text(&answer)), (418, "short"));
    assert_eq!(answer.header("x-odd"), Some("\u{fc}"));
    assert!(answer.received_at <= wall_clock() && answer.received_at.plus(Millis::seconds(5)) > wall_clock());
    let [request] = &server.requests()[..] else { panic!("{:?}", server.requests()) };
    assert!(request.starts_with("POST /token?q=planted-query HTTP/1.1\r\n"), "{request}");
    for line in [
        "content-type: application/x-www-form-urlencoded",
        "accept: application/json",
        "authorization: Basic planted-header",
        concat!("user-agent: tokenway/", env!("CARGO_PKG_VERSION")),
    ] {
        assert!(request.contains(&format!("{line}\r\n")), "{line} is missing in {request}");
    }
    assert!(request.ends_with("\r\n\r\nrefresh_token=planted-body"), "{request}");
}

#[tokio::test]
async fn a_refused_connection_is_not_sent() {
    let free = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();

    let failure = failure(&client(), &post(format!("http://{free}/token?q=planted-query"))).await;

    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Unreachable));
    assert!(failure.detail.starts_with(&free.to_string()), "{}", failure.detail);
    assert!(failure.detail.contains("refused"), "the cause is missing in {}", failure.detail);
}

#[tokio::test]
async fn a_connection_closed_after_the_request_is_maybe_sent_and_never_repeated() {
    let server = Server::start(|stream| async { drop(stream) }).await;
    let http = client();

    for round in 1..=5 {
        let failure = failure(&http, &post(server.url("/token"))).await;
        assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Incomplete), "{}", failure.detail);
        assert_eq!((server.requests().len(), server.connections()), (round, round));
    }
}

#[tokio::test]
async fn a_connection_closed_before_the_request_is_read_is_maybe_sent() {
    let server = Server::accept(|stream, _| async { drop(stream) }).await;

    let failure = failure(&client(), &post(server.url("/token"))).await;

    assert_eq!(failure.sent, Sent::MaybeSent, "{}", failure.detail);
    assert_eq!(server.connections(), 1);
}

#[tokio::test]
async fn no_connection_serves_two_requests() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\n{}").await;
    let http = client();

    for _ in 0..3 {
        send(&http, &post(server.url("/token"))).await.unwrap();
    }

    assert_eq!(server.connections(), 3);
}

#[tokio::test]
async fn an_answer_cut_at_any_byte_is_incomplete() {
    let body = r#"{"access_token":"AT-planted","token_type":"Bearer"}"#;
    let whole = format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
    for length in 0..whole.len() {
        let server = Server::answering(&whole.as_bytes()[..length]).await;

        let failure = failure(&client(), &post(server.url("/token"))).await;

        assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Incomplete), "cut at {length}");
        assert!(!failure.detail.contains("AT-planted"), "{}", failure.detail);
    }
}

#[tokio::test]
async fn a_chunked_answer_without_its_end_is_incomplete() {
    let server = Server::answering("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n").await;
    let failure = failure(&client(), &post(server.url("/token"))).await;
    assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Incomplete));
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_incomplete() {
    let server = Server::answering("SSH-2.0-OpenSSH_9.6\r\n\r\n").await;
    let failure = failure(&client(), &post(server.url("/token"))).await;
    assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Incomplete));
}

#[tokio::test]
async fn silence_past_the_deadline_is_maybe_sent() {
    let server = Server::start(|stream| async {
        std::future::pending::<()>().await;
        drop(stream);
    })
    .await;

    let failure = failure(&client(), &within(200, post(server.url("/token")))).await;

    assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Deadline));
    assert_eq!(server.requests().len(), 1);
}

#[tokio::test]
async fn the_deadline_bounds_the_whole_answer_and_not_only_its_pauses() {
    let server = Server::start(|mut stream| async move {
        stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n").await.unwrap();
        while stream.write_all(b"x").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    })
    .await;
    let start = Instant::now();

    let failure = failure(&client(), &within(200, post(server.url("/token")))).await;

    assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Deadline));
    assert!(start.elapsed() < Duration::from_secs(2));
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_deadline_that_passes_while_connecting_is_not_sent() {
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind("127.0.0.1:0".parse().unwrap()).unwrap();
    let listener = socket.listen(1).unwrap();
    let address = listener.local_addr().unwrap();
    let mut waiting = Vec::new();
    while let Ok(stream) = tokio::time::timeout(Duration::from_millis(200), TcpStream::connect(address)).await {
        waiting.push(stream);
    }

    let failure = failure(&client(), &within(200, post(format!("http://{address}/token")))).await;

    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Deadline));
    assert!(failure.detail.contains("no connection within 200 ms"), "{}", failure.detail);
}

#[tokio::test]
async fn interim_answers_are_passed_over() {
    let server = Server::answering(
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    )
    .await;

    let answer = send(&client(), &post(server.url("/token"))).await.unwrap();

    assert_eq!((answer.status, text(&answer)), (200, "{}"));
}

#[tokio::test]
async fn a_request_that_is_too_late_makes_no_connection() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let mut request = post(server.url("/token"));
    request.not_after = Some(wall_clock().minus(Millis(1)));

    let failure = failure(&client(), &request).await;

    assert_eq!((failure.sent, failure.kind), (Sent::NotSent, IoFailureKind::Deadline));
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_request_whose_lease_is_lost_makes_no_connection() {
    let server = Server::answering("HTTP/1.1 200 OK\r\n\r\n").await;
    let request = post(server.url("/token"));

    let failure = client().send(&request, Guard::new(&request, || false)).await.unwrap_err();

    assert_eq!(failure.sent, Sent::NotSent);
    assert!(failure.detail.contains("lock"), "{}", failure.detail);
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_lease_lost_while_connecting_keeps_the_request_from_leaving() {
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let server = Server::accept(move |mut stream, _| {
        let tell = tell.clone();
        async move {
            let mut bytes = Vec::new();
            stream.read_to_end(&mut bytes).await.unwrap();
            tell.send(bytes).unwrap();
        }
    })
    .await;
    let request = post(server.url("/token"));
    let asked = Arc::new(AtomicUsize::new(0));
    let guard = Guard::new(&request, {
        let asked = asked.clone();
        move || asked.fetch_add(1, Ordering::SeqCst) == 0
    });

    let failure = client().send(&request, guard).await.unwrap_err();

    assert_eq!(failure.sent, Sent::NotSent);
    assert!(failure.detail.contains("lock"), "{}", failure.detail);
    assert_eq!(told.recv().await, Some(Vec::new()), "something left on the connection");
    assert_eq!(asked.load(Ordering::SeqCst), 2);
}

#[test]
fn a_guard_counts_by_the_monotonic_clock_as_well() {
    let mut request = post("https://as.example/".to_owned());
    request.not_after = Some(wall_clock().plus(Millis(20)));
    let guard = Guard::new(&request, || true);
    assert!(guard.check().is_ok());
    std::thread::sleep(Duration::from_millis(30));
    assert!(guard.check().is_err());

    request.not_after = Some(UnixMillis(u64::MAX));
    assert!(Guard::new(&request, || true).check().is_ok());
}
