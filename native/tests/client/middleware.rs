//! The middleware on a real HTTP client.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use async_trait::async_trait;
use hyper::body::{Body, Bytes, Frame};
use reqwest::header::AUTHORIZATION;
use reqwest::{Request, Response};
use reqwest_middleware::{ClientBuilder, ClientWithMiddleware, Middleware, Next};
use tokenway::middleware::BearerToken;

use crate::parts::Setting;
use crate::server::Server;

/// What each request carried when it left: whether there was a token, and whether it was marked as sensitive.
#[derive(Clone, Default)]
struct Door(Arc<Mutex<Vec<Option<bool>>>>);

#[async_trait]
impl Middleware for Door {
    async fn handle(
        &self,
        request: Request,
        extensions: &mut http::Extensions,
        next: Next<'_>,
    ) -> reqwest_middleware::Result<Response> {
        let seen = request.headers().get(AUTHORIZATION).map(|value| value.is_sensitive());
        self.0.lock().unwrap().push(seen);
        next.run(request, extensions).await
    }
}

impl Door {
    fn seen(&self) -> Vec<Option<bool>> {
        self.0.lock().unwrap().clone()
    }
}

fn reqwest_for(setting: &Setting, origin: &str) -> (ClientWithMiddleware, Door) {
    let door = Door::default();
    let bearer = BearerToken::new(setting.client(), [origin]).unwrap();
    (ClientBuilder::new(reqwest::Client::new()).with(bearer).with(door.clone()).build(), door)
}

fn api(setting: &Setting) -> String {
    setting.server.url("/api")
}

#[tokio::test]
async fn the_token_is_attached_and_marked_as_sensitive() {
    let setting = Setting::expired().await;
    let (http, door) = reqwest_for(&setting, &api(&setting));
    assert_eq!(http.get(api(&setting)).send().await.unwrap().status(), 200);
    assert_eq!(door.seen(), [Some(true)]);
}

#[tokio::test]
async fn other_origins_get_no_token() {
    let setting = Setting::expired().await;
    let other = Server::start();
    let (http, door) = reqwest_for(&setting, &api(&setting));
    assert_eq!(http.get(other.url("/api")).send().await.unwrap().status(), 401);
    assert_eq!(door.seen(), [None]);
    assert_eq!(setting.server.counts().refresh_requests, 0);
}

#[tokio::test]
async fn a_revoked_token_is_replaced_and_the_request_sent_once_more() {
    let setting = Setting::fresh().await;
    let (http, _) = reqwest_for(&setting, &api(&setting));
    assert_eq!(http.post(api(&setting)).body("twice").send().await.unwrap().status(), 200);
    let counts = setting.server.counts();
    assert_eq!((counts.api, counts.refreshes), (2, 1));
}

#[tokio::test]
async fn an_api_that_refuses_every_token_is_asked_twice_and_costs_one_refresh() {
    let setting = Setting::fresh().await;
    setting.server.tell(|state| state.refuses_every_token = true);
    let (http, door) = reqwest_for(&setting, &api(&setting));
    assert_eq!(http.get(api(&setting)).send().await.unwrap().status(), 401);
    let counts = setting.server.counts();
    assert_eq!((counts.api, counts.refreshes), (2, 1));
    assert_eq!(door.seen(), [Some(true), Some(true)]);
}

/// A body that can be read once.
struct Stream(Option<Bytes>);

impl Body for Stream {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.0.take().map(|bytes| Ok(Frame::data(bytes))))
    }
}

#[tokio::test]
async fn a_stream_is_not_sent_twice_but_the_next_request_has_another_token() {
    let setting = Setting::fresh().await;
    let (http, _) = reqwest_for(&setting, &api(&setting));
    let stream = reqwest::Body::wrap(Stream(Some(Bytes::from_static(b"once"))));
    assert_eq!(http.post(api(&setting)).body(stream).send().await.unwrap().status(), 401);
    assert_eq!(setting.server.counts().api, 1);
    assert_eq!(http.get(api(&setting)).send().await.unwrap().status(), 200);
    let counts = setting.server.counts();
    assert_eq!((counts.api, counts.refreshes), (2, 1));
}

#[tokio::test]
async fn without_a_login_the_request_does_not_leave() {
    let setting = Setting::empty();
    let (http, _) = reqwest_for(&setting, &api(&setting));
    let error = http.get(api(&setting)).send().await.unwrap_err();
    assert!(error.to_string().contains("nobody is logged in"), "{error}");
    assert_eq!(setting.server.counts().api, 0);
}

#[test]
fn an_origin_in_clear_text_is_refused() {
    let setting = Setting::empty();
    for unfit in ["http://api.example", "ftp://127.0.0.1/", "not a url"] {
        let refused = BearerToken::new(setting.client(), [unfit]).unwrap_err();
        assert!(refused.to_string().contains(unfit), "{refused}");
    }
    assert!(BearerToken::new(setting.client(), ["https://api.example", "http://[::1]:80/"]).is_ok());
}
