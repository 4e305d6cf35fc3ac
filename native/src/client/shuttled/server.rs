//! A server that rotates refresh tokens, takes each once, and lets others have a turn while it answers.

use std::sync::{Mutex, MutexGuard};

use shuttle::future::yield_now;
use tokenway_core::config::Config;
use tokenway_core::http::{AnswerBody, Body, HttpAnswer, HttpRequest, IoFailure};
use tokenway_core::provider::{Endpoints, Provider};

use crate::driver::now;
use crate::http::{BoxFuture, Guard, Http};

#[derive(Default)]
pub(super) struct Server(Mutex<State>);

#[derive(Default)]
struct State {
    in_trouble: bool,
    requests: usize,
    refreshes: usize,
    /// Of tokens that were spent before, or never given.
    reused: usize,
}

impl Server {
    pub(super) fn in_trouble(&self) {
        self.state().in_trouble = true;
    }

    pub(super) fn requests(&self) -> usize {
        self.state().requests
    }

    pub(super) fn refreshes(&self) -> usize {
        self.state().refreshes
    }

    pub(super) fn reused(&self) -> usize {
        self.state().reused
    }

    /// Never held while others have a turn.
    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap()
    }

    fn answer(&self, request: &HttpRequest) -> (u16, String) {
        let mut state = self.state();
        state.requests += 1;
        if state.in_trouble {
            return (503, String::new());
        }
        if request.url != endpoints().token {
            return (200, String::new());
        }
        let token = refresh_token(request);
        if token != format!("refresh-{}", state.refreshes) {
            state.reused += 1;
            return (400, r#"{"error":"invalid_grant"}"#.to_owned());
        }
        state.refreshes += 1;
        let n = state.refreshes;
        let tokens = format!(
            r#"{{"access_token":"access-{n}","refresh_token":"refresh-{n}","token_type":"Bearer","expires_in":3600}}"#
        );
        (200, tokens)
    }
}

fn refresh_token(request: &HttpRequest) -> String {
    let Body::Form(fields) = &request.body else { return String::new() };
    let field = fields.iter().find(|field| field.name == "refresh_token");
    field.map(|field| field.value.expose().to_owned()).unwrap_or_default()
}

impl Http for Server {
    fn send<'a>(&'a self, request: &'a HttpRequest, guard: Guard) -> BoxFuture<'a, Result<HttpAnswer, IoFailure>> {
        Box::pin(async move {
            yield_now().await;
            guard.check()?;
            let (status, body) = self.answer(request);
            yield_now().await;
            let body = AnswerBody::new(body.into_bytes());
            Ok(HttpAnswer { status, headers: Vec::new(), body, received_at: now() })
        })
    }
}

pub(super) fn endpoints() -> Endpoints {
    Endpoints {
        authorization: "https://as.example/authorize".to_owned(),
        token: "https://as.example/token".to_owned(),
        revocation: Some("https://as.example/revoke".to_owned()),
        iss_in_response: false,
    }
}

pub(super) fn config() -> Config {
    Config::builder(Provider::with_endpoints(endpoints())).client_id("native").build().unwrap()
}
