//! Runs the cases of the corpus that need a driver: real sockets on which the case's fault happens.

use std::io::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde::Deserialize;
use serde_json::{Value, json};
use tokenway::callback::Receiver;
use tokenway::http::{Guard, Http, ReqwestHttp};
use tokenway_core::http::{Body, FormField, Header, HttpRequest, Method};
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;
use tokenway_core::wire::{token, token_error};
use tokenway_tests::corpus::{self, Case, Got};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// What goes wrong on the way.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Fault {
    /// `refused`: nobody listens.
    connect: Option<String>,
    /// False: the request is read and nothing is said.
    respond: Option<bool>,
    /// The length that the head claims.
    content_length: Option<usize>,
    /// How many bytes of the body come before the connection closes.
    close_after: Option<usize>,
    /// How fast the message comes.
    bytes_per_second: Option<f64>,
    /// How many headers come besides those of the case.
    extra_headers: usize,
    /// Statuses of answers before the answer.
    interim: Vec<u16>,
}

#[tokio::test]
async fn answers_without_a_fault_read_the_same_when_they_come_through_a_socket() {
    let cases = corpus::load(&corpus::path()).unwrap();
    let http = ReqwestHttp::default();
    let mut failed = Vec::new();
    for case in cases.iter().filter(|case| case.transport.is_none() && is_token_answer(case)) {
        let differences = differences(&http, case, &Fault::default()).await;
        if !differences.is_empty() {
            failed.push(format!("{}: {}", case.id, differences.join("; ")));
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

/// The fault, or why it cannot be made to happen.
pub(crate) fn known(fault: &Value) -> Result<Fault, String> {
    let fault: Fault =
        serde_json::from_value(fault.clone()).map_err(|error| format!("the fault is not known: {error}"))?;
    match fault.connect.as_deref() {
        None | Some("refused") => Ok(fault),
        Some(other) => Err(format!("connect {other:?} is not known")),
    }
}

fn is_token_answer(case: &Case) -> bool {
    matches!(case.kind.as_str(), "token" | "refresh")
}

pub(crate) async fn differences(http: &ReqwestHttp, case: &Case, fault: &Fault) -> Vec<String> {
    let got = if case.kind == "callback" { callback_of(case, fault).await } else { answer_of(http, case, fault).await };
    match got {
        Ok(got) => corpus::compare(case, &got),
        Err(why) => vec![why],
    }
}

/// Sends a token request to a server with the fault, and reads what comes of it.
async fn answer_of(http: &ReqwestHttp, case: &Case, fault: &Fault) -> Result<Got, String> {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let server = match fault.connect {
        Some(_) => {
            drop(listener);
            None
        }
        None => Some(tokio::spawn(serve(listener, message(case, fault)?, fault.clone()))),
    };
    let late = case.expect["error"]["class"] == "timeout";
    let request = token_request(address, if late { Millis(300) } else { Millis::seconds(20) });

    let outcome = http.send(&request, Guard::new(&request, || true)).await;

    if let Some(server) = server {
        server.abort();
    }
    let setting = case.setting()?;
    let read = match outcome {
        Ok(answer) => token::read(&answer, &setting.context()),
        Err(failure) => Err(token_error::read_failure(&failure)),
    };
    Ok(corpus::got_tokens(case, &read))
}

fn token_request(address: SocketAddr, deadline: Millis) -> HttpRequest {
    HttpRequest {
        method: Method::Post,
        url: format!("http://{address}/token"),
        headers: vec![Header { name: "accept".to_owned(), value: Secret::from("application/json") }],
        body: Body::Form(vec![FormField { name: "code".to_owned(), value: Secret::from("abc") }]),
        single_use: true,
        not_after: None,
        lease: None,
        deadline,
    }
}

/// The bytes that the server says, in full.
fn message(case: &Case, fault: &Fault) -> Result<Vec<u8>, String> {
    if fault.respond == Some(false) {
        return Ok(Vec::new());
    }
    let mut body = case.body()?;
    for coding in case.codings() {
        body = encoded(&body, coding)?;
    }
    let length = fault.content_length.unwrap_or(body.len());
    body.truncate(fault.close_after.unwrap_or(body.len()));
    let mut bytes = Vec::new();
    for status in &fault.interim {
        bytes.extend_from_slice(format!("HTTP/1.1 {status} Interim\r\n\r\n").as_bytes());
    }
    let status = case.status.ok_or("a case without a status")?;
    bytes.extend_from_slice(format!("HTTP/1.1 {status} Status\r\ncontent-length: {length}\r\n").as_bytes());
    bytes.extend_from_slice(&headers(case, fault));
    bytes.extend_from_slice(&body);
    Ok(bytes)
}

fn encoded(body: &[u8], coding: &str) -> Result<Vec<u8>, String> {
    if coding != "gzip" {
        return Err(format!("the coding {coding:?} is not known"));
    }
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(body).and_then(|()| encoder.finish()).map_err(|error| error.to_string())
}

/// The headers of the case, those of the flood, and the blank line.
fn headers(case: &Case, fault: &Fault) -> Vec<u8> {
    let mut text = String::new();
    for (name, value) in &case.headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    for number in 0..fault.extra_headers {
        text.push_str(&format!("x-flood-{number}: {number}\r\n"));
    }
    text.push_str("\r\n");
    text.into_bytes()
}

async fn serve(listener: TcpListener, message: Vec<u8>, fault: Fault) {
    let (mut stream, _) = listener.accept().await.unwrap();
    let mut request = Vec::new();
    while !request.ends_with(b"code=abc") {
        assert_ne!(stream.read_buf(&mut request).await.unwrap(), 0, "the request broke off");
    }
    if fault.respond == Some(false) {
        std::future::pending::<()>().await;
    }
    write(&mut stream, &message, fault.bytes_per_second).await;
    // The client may have heard enough.
    stream.shutdown().await.ok();
}

async fn write(stream: &mut TcpStream, bytes: &[u8], per_second: Option<f64>) {
    let Some(per_second) = per_second else {
        stream.write_all(bytes).await.ok();
        return;
    };
    for byte in bytes {
        if stream.write_all(&[*byte]).await.is_err() {
            return;
        }
        tokio::time::sleep(Duration::from_secs_f64(1.0 / per_second)).await;
    }
}

/// Sends the callback with its fault to a receiver, then a good one: whatever became of the first, the receiver must
/// have gone on waiting.
async fn callback_of(case: &Case, fault: &Fault) -> Result<Got, String> {
    let mut receiver = Receiver::bind(&["http://127.0.0.1:0/callback".to_owned()]).map_err(|error| error.detail)?;
    let host = receiver.redirect_uri().trim_start_matches("http://").trim_end_matches("/callback").to_owned();
    let target = case.callback()?.target.expose().to_owned();
    let mut bad = TcpStream::connect(&host).await.unwrap();
    let mut good = TcpStream::connect(&host).await.unwrap();

    let mut bytes = format!("GET {target} HTTP/1.1\r\n").into_bytes();
    bytes.extend_from_slice(&headers(case, fault));
    match fault.bytes_per_second {
        // The rest comes after everybody has lost patience.
        Some(_) => bad.write_all(&bytes[..1]).await.unwrap(),
        None => write(&mut bad, &bytes, None).await,
    }
    let right = format!("GET /callback?right HTTP/1.1\r\nhost: {host}\r\n\r\n");
    good.write_all(right.as_bytes()).await.unwrap();

    let handed_out = receiver.next_callback().await;
    let kept_waiting = handed_out.target.expose() == "/callback?right";
    Ok(Got {
        result: json!({"error": {
            "class": class_of_refusal(&mut bad).await,
            "code": null,
            "action": if kept_waiting { "keep_waiting" } else { "abort_flow" },
        }}),
        logged: String::new(),
        page: String::new(),
    })
}

/// What the receiver said to a message that it did not take, without waiting for its patience to end in real time.
async fn class_of_refusal(stream: &mut TcpStream) -> &'static str {
    tokio::time::pause();
    let mut answer = Vec::new();
    // The receiver may close before it has read all.
    stream.read_to_end(&mut answer).await.ok();
    tokio::time::resume();
    match String::from_utf8_lossy(&answer).split(' ').nth(1) {
        Some("431") => "too_large",
        Some("408") | None => "timeout",
        Some(_) => "other",
    }
}
