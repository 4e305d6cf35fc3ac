//! Against real sockets: what is said to have been sent, how much is read, and where requests go.

mod faults;
mod limits;
#[cfg(feature = "oauth2")]
mod oauth2_client;
mod routes;
mod server;
mod tls;

use tokenway_core::http::{AnswerBody, Body, FormField, Header, HttpAnswer, HttpRequest, IoFailure, Method};
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;

use super::{Guard, Http, HttpOptions, ReqwestHttp};

/// Planted in every place of a request that may hold a secret.
const PLANTED: [&str; 3] = ["planted-query", "planted-header", "planted-body"];

/// A refresh request.
fn post(url: String) -> HttpRequest {
    let header = |name: &str, value: &str| Header { name: name.to_owned(), value: Secret::from(value) };
    HttpRequest {
        method: Method::Post,
        url,
        headers: vec![header("accept", "application/json"), header("authorization", "Basic planted-header")],
        body: Body::Form(vec![FormField { name: "refresh_token".to_owned(), value: Secret::from("planted-body") }]),
        single_use: true,
        not_after: None,
        lease: None,
        deadline: Millis::seconds(10),
    }
}

fn within(millis: u64, request: HttpRequest) -> HttpRequest {
    HttpRequest { deadline: Millis(millis), ..request }
}

fn client() -> ReqwestHttp {
    ReqwestHttp::new(HttpOptions::default())
}

async fn send(http: &impl Http, request: &HttpRequest) -> Result<HttpAnswer, IoFailure> {
    let outcome = http.send(request, Guard::new(request, || true)).await;
    if let Err(failure) = &outcome {
        for planted in PLANTED {
            assert!(!failure.detail.contains(planted), "a secret in {:?}", failure.detail);
        }
    }
    outcome
}

async fn failure(http: &impl Http, request: &HttpRequest) -> IoFailure {
    send(http, request).await.expect_err("an answer came")
}

fn text(answer: &HttpAnswer) -> &str {
    match &answer.body {
        AnswerBody::Text(text) => text.expose(),
        AnswerBody::TooLarge | AnswerBody::Bytes(_) => panic!("{:?}", answer.body),
    }
}
