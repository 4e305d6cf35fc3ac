//! A client of the `oauth2` crate behind our seam.

use std::sync::Mutex;

use oauth2::{HttpRequest as TheirRequest, HttpResponse as TheirResponse};
use tokenway_core::http::{AnswerBody, IoFailureKind, MAX_BODY, Sent};

use super::super::OAuth2Http;
use super::{Guard, Http, failure, post, send, text, within};

const URL: &str = "https://as.example/token?q=planted-query";

#[tokio::test]
async fn their_client_gets_our_request_and_we_their_answer() {
    static SEEN: Mutex<Option<TheirRequest>> = Mutex::new(None);
    let http = OAuth2Http::new(async |request: TheirRequest| {
        SEEN.lock().unwrap().replace(request);
        answer(b"{}".to_vec())
    });

    let answer = send(&http, &post(URL.to_owned())).await.unwrap();

    assert_eq!((answer.status, text(&answer), answer.header("x-odd")), (201, "{}", Some("yes")));
    let seen = SEEN.lock().unwrap().take().unwrap();
    assert_eq!((seen.method().as_str(), seen.uri().to_string().as_str()), ("POST", URL));
    assert_eq!(seen.headers()["content-type"], "application/x-www-form-urlencoded");
    assert_eq!(seen.headers()["authorization"], "Basic planted-header");
    assert_eq!(seen.body(), b"refresh_token=planted-body");
    assert!(!format!("{seen:?}").contains("planted-header"), "{seen:?}");
}

#[tokio::test]
async fn every_failure_of_theirs_may_have_been_sent() {
    let http = OAuth2Http::new(async |_: TheirRequest| {
        Err::<TheirResponse, _>(std::io::Error::other(format!("connection refused for {URL}")))
    });

    let failure = failure(&http, &post(URL.to_owned())).await;

    assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Incomplete));
    assert!(failure.detail.starts_with("as.example:443: connection refused"), "{}", failure.detail);
}

#[tokio::test]
async fn a_client_of_theirs_that_never_answers_meets_the_deadline() {
    let http = OAuth2Http::new(async |_: TheirRequest| {
        std::future::pending::<()>().await;
        answer(Vec::new())
    });

    let failure = failure(&http, &within(50, post(URL.to_owned()))).await;

    assert_eq!((failure.sent, failure.kind), (Sent::MaybeSent, IoFailureKind::Deadline));
}

#[tokio::test]
async fn their_answers_are_bounded() {
    let http = OAuth2Http::new(async |_: TheirRequest| answer(vec![b'x'; MAX_BODY + 1]));
    assert_eq!(send(&http, &post(URL.to_owned())).await.unwrap().body, AnswerBody::TooLarge);
}

#[tokio::test]
async fn what_the_guard_or_the_address_forbids_never_reaches_their_client() {
    let http = OAuth2Http::new(async |_: TheirRequest| -> Result<TheirResponse, std::io::Error> {
        panic!("it was called");
    });
    let request = post(URL.to_owned());

    let lost = http.send(&request, Guard::new(&request, || false)).await.unwrap_err();
    let in_clear = failure(&http, &post("http://as.example/token".to_owned())).await;

    assert_eq!((lost.sent, in_clear.sent), (Sent::NotSent, Sent::NotSent));
}

fn answer(body: Vec<u8>) -> Result<TheirResponse, std::io::Error> {
    let mut answer = TheirResponse::new(body);
    *answer.status_mut() = ::http::StatusCode::CREATED;
    answer.headers_mut().insert("x-odd", ::http::HeaderValue::from_static("yes"));
    Ok(answer)
}
