//! How much of an answer is read.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::write::GzEncoder;
use tokenway_core::http::{AnswerBody, IoFailureKind, MAX_BODY, Sent};
use tokio::io::AsyncWriteExt;

use super::server::Server;
use super::{client, failure, post, send, text};

#[tokio::test]
async fn an_endless_body_is_left_at_the_limit() {
    let written = Arc::new(AtomicU64::new(0));
    let server = Server::start({
        let written = written.clone();
        move |mut stream| {
            let written = written.clone();
            async move {
                stream.write_all(b"HTTP/1.1 200 OK\r\n\r\n").await.unwrap();
                while stream.write_all(&[b'A'; 64 * 1024]).await.is_ok() {
                    written.fetch_add(64 * 1024, Ordering::SeqCst);
                }
            }
        }
    })
    .await;
    let start = Instant::now();

    let answer = send(&client(), &post(server.url("/token"))).await.unwrap();

    assert_eq!((answer.status, answer.body), (200, AnswerBody::TooLarge));
    assert!(start.elapsed() < Duration::from_secs(5));
    let buffered_by_the_system = 16 * 1024 * 1024;
    assert!(written.load(Ordering::SeqCst) < MAX_BODY as u64 + buffered_by_the_system);
}

#[tokio::test]
async fn a_body_of_exactly_the_limit_is_whole_and_one_byte_more_is_too_large() {
    for (length, fits) in [(MAX_BODY, true), (MAX_BODY + 1, false)] {
        let mut bytes = format!("HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n").into_bytes();
        bytes.resize(bytes.len() + length, b'x');
        let server = Server::answering(bytes).await;

        let answer = send(&client(), &post(server.url("/token"))).await.unwrap();

        assert_eq!(matches!(answer.body, AnswerBody::Text(_)), fits, "{length}");
        assert_eq!(matches!(answer.body, AnswerBody::TooLarge), !fits, "{length}");
    }
}

#[tokio::test]
async fn the_status_of_an_oversized_error_page_is_kept() {
    let mut bytes = b"HTTP/1.1 500 Oops\r\nContent-Type: text/html\r\n\r\n".to_vec();
    bytes.resize(3 * MAX_BODY, b'x');
    let server = Server::answering(bytes).await;

    let answer = send(&client(), &post(server.url("/token"))).await.unwrap();

    assert_eq!((answer.status, answer.header("content-type")), (500, Some("text/html")));
    assert_eq!(answer.body, AnswerBody::TooLarge);
}

#[tokio::test]
async fn gzip_is_decoded() {
    let server = Server::answering(gzipped("gzip", gzip(b"{\"access_token\":\"AT\"}"))).await;
    let answer = send(&client(), &post(server.url("/token"))).await.unwrap();
    assert_eq!(text(&answer), "{\"access_token\":\"AT\"}");
    assert!(server.requests()[0].contains("accept-encoding: gzip\r\n"));
}

#[tokio::test]
async fn a_gzip_bomb_is_left_at_the_limit_of_its_decoded_size() {
    let bomb = gzip(&vec![b'A'; 100 * MAX_BODY]);
    assert!(bomb.len() < MAX_BODY);
    let server = Server::answering(gzipped("gzip", bomb)).await;
    let start = Instant::now();

    let answer = send(&client(), &post(server.url("/token"))).await.unwrap();

    assert_eq!((answer.status, answer.body), (200, AnswerBody::TooLarge));
    assert!(start.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn encodings_we_did_not_ask_for_come_as_the_bytes_they_are() {
    let once = gzip(b"{}");
    for (encoding, body) in [("gzip, gzip", gzip(&once)), ("br", vec![0xff, 0xfe]), ("planted-query", vec![0xff])] {
        let server = Server::answering(gzipped(encoding, body.clone())).await;
        let answer = send(&client(), &post(server.url("/token"))).await.unwrap();
        assert_eq!(answer.body, AnswerBody::Bytes(body), "{encoding}");
    }
}

#[tokio::test]
async fn broken_or_cut_gzip_is_incomplete() {
    let whole = gzip(b"{\"access_token\":\"AT\"}");
    for body in [b"not gzip at all, not at all".to_vec(), whole[..whole.len() - 9].to_vec()] {
        let server = Server::answering(gzipped("gzip", body)).await;
        assert_eq!(failure(&client(), &post(server.url("/token"))).await.sent, Sent::MaybeSent);
    }
}

#[tokio::test]
async fn a_flood_of_headers_is_not_read_to_its_end() {
    let mut bytes = b"HTTP/1.1 200 OK\r\n".to_vec();
    for number in 0..50_000 {
        write!(bytes, "x-flood-{number}: {number}\r\n").unwrap();
    }
    bytes.extend_from_slice(b"\r\n{}");
    let server = Server::answering(bytes).await;

    let failure = failure(&client(), &post(server.url("/token"))).await;

    assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::TooLarge), "{}", failure.detail);
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}

fn gzipped(encoding: &str, body: Vec<u8>) -> Vec<u8> {
    let length = body.len();
    let head = format!("HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {length}\r\n\r\n");
    [head.into_bytes(), body].concat()
}
