//! One HTTP exchange on `fetch`, the same in a window, a worker and Node.
//!
//! Never followed: redirects. Never sent along: cookies and the referrer. Never asked: the HTTP cache. `fetch` does not
//! tell whether a request left, so that what fails after the call may have been sent.

use js_sys::{Array, Function, Promise, Reflect, Uint8Array};
use tokenway_core::http::{AnswerBody, HttpAnswer, HttpRequest, IoFailure, IoFailureKind, MAX_BODY, Sent};
use tokenway_core::json::{self, ToJson, Writer};
use tokenway_core::moment::UnixMillis;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen::{JsCast, JsValue};
use wasm_bindgen_futures::JsFuture;

use crate::moment::now;
use crate::world::{self, World};
use crate::{time, value};

/// A redirect that was not followed shows the status 0 (Fetch standard, opaque-redirect filtered response): any of 3xx would
/// do.
const OPAQUE_REDIRECT: u16 = 302;

#[wasm_bindgen]
extern "C" {
    #[wasm_bindgen(catch)]
    fn fetch(url: &str, init: &JsValue) -> Result<Promise, JsValue>;

    type AbortController;
    #[wasm_bindgen(constructor)]
    fn new() -> AbortController;
    #[wasm_bindgen(method, getter)]
    fn signal(this: &AbortController) -> AbortSignal;
    #[wasm_bindgen(method, getter, js_name = abort)]
    fn abort_method(this: &AbortController) -> Function;

    type AbortSignal;
    #[wasm_bindgen(method, getter)]
    fn aborted(this: &AbortSignal) -> bool;

    type Response;
    #[wasm_bindgen(method, getter)]
    fn status(this: &Response) -> u16;
    #[wasm_bindgen(method, getter)]
    fn headers(this: &Response) -> JsValue;
    #[wasm_bindgen(method, getter)]
    fn body(this: &Response) -> Option<Stream>;

    type Stream;
    #[wasm_bindgen(method, catch, js_name = getReader)]
    fn reader(this: &Stream) -> Result<Reader, JsValue>;

    type Reader;
    #[wasm_bindgen(method, catch)]
    fn read(this: &Reader) -> Result<Promise, JsValue>;

    type Chunk;
    #[wasm_bindgen(method, getter)]
    fn done(this: &Chunk) -> bool;
    #[wasm_bindgen(method, getter)]
    fn value(this: &Chunk) -> Uint8Array;
}

/// Asked just before the bytes leave: whether the request may still go.
struct Guard<'a> {
    request: &'a HttpRequest,
    /// A wall clock that jumps back meanwhile does not extend `not_after`.
    made: f64,
    span: f64,
}

impl<'a> Guard<'a> {
    fn new(request: &'a HttpRequest) -> Self {
        let span = request.not_after.map_or(f64::INFINITY, |at| at.since(now()).0 as f64);
        Guard { request, made: time::start(), span }
    }

    fn check(&self, world: &World) -> Result<(), IoFailure> {
        let late = |at: UnixMillis| now() > at || time::passed_since(self.made) > self.span;
        if self.request.not_after.is_some_and(late) {
            return Err(stopped("the time in which it was allowed to leave had passed"));
        }
        if self.request.lease.is_some_and(|lease| !world::holds(world, lease)) {
            return Err(stopped("this context no longer holds the lock on the credential"));
        }
        Ok(())
    }
}

/// Sends `request` and reads the whole answer, of whatever status.
pub(crate) async fn send(world: &World, request: &HttpRequest) -> Result<HttpAnswer, IoFailure> {
    let guard = Guard::new(request);
    if let Ok(why) = world::settled(world.unreachable(&request.url)).await
        && let Some(why) = why.as_string()
    {
        return Err(world::not_sent(IoFailureKind::Unable, why));
    }
    guard.check(world)?;
    let abort = AbortController::new();
    let signal = abort.signal();
    let timer = time::set_timeout(&abort.abort_method().bind0(&abort), request.deadline.0 as f64);
    let exchange = exchange(request, &signal).await;
    time::clear_timeout(&timer);
    exchange.map_err(|trouble| trouble.told(request, signal.aborted()))
}

/// How far an exchange came, and what was thrown.
enum Trouble {
    BeforeTheAnswer(JsValue),
    InTheAnswer(JsValue),
}

impl Trouble {
    fn told(self, request: &HttpRequest, late: bool) -> IoFailure {
        let host = request.url.split('/').nth(2).unwrap_or_default();
        let (kind, detail) = match self {
            _ if late => {
                let seconds = request.deadline.0 / 1_000;
                (IoFailureKind::Deadline, [host, " did not answer within ", &json::to_text(&seconds), " s"].concat())
            }
            Trouble::BeforeTheAnswer(thrown) => (
                IoFailureKind::Unreachable,
                [
                    host,
                    " cannot be reached, or does not allow requests from here (CORS, host permission): ",
                    &world::message(&thrown),
                ]
                .concat(),
            ),
            Trouble::InTheAnswer(thrown) => (
                IoFailureKind::Incomplete,
                ["the answer of ", host, " began and broke off: ", &world::message(&thrown)].concat(),
            ),
        };
        IoFailure { sent: Sent::MaybeSent, kind, detail }
    }
}

async fn exchange(request: &HttpRequest, signal: &AbortSignal) -> Result<HttpAnswer, Trouble> {
    let sent = fetch(&request.url, &init(request, signal)).map_err(Trouble::BeforeTheAnswer)?;
    let response: Response = JsFuture::from(sent).await.map_err(Trouble::BeforeTheAnswer)?.unchecked_into();
    let status = if response.status() == 0 { OPAQUE_REDIRECT } else { response.status() };
    let headers = value::read("the headers", &Array::from(&response.headers())).map_err(Trouble::InTheAnswer)?;
    let body = body(&response).await.map_err(Trouble::InTheAnswer)?;
    Ok(HttpAnswer { status, headers, body, received_at: now() })
}

fn init(request: &HttpRequest, signal: &JsValue) -> JsValue {
    let init = value::write(&Init(request));
    // A plain object takes every property.
    let _ = Reflect::set(&init, &JsValue::from_str("signal"), signal);
    init
}

/// The `RequestInit` of the Fetch standard.
struct Init<'a>(&'a HttpRequest);

impl ToJson for Init<'_> {
    fn to_json(&self, out: &mut Writer) {
        let encoded = self.0.body.encode();
        out.open('{');
        out.member("method", &self.0.method);
        out.member("redirect", "manual");
        out.member("credentials", "omit");
        out.member("cache", "no-store");
        out.member("referrerPolicy", "no-referrer");
        // A request that spends something goes on though the page that sent it is closed.
        out.member("keepalive", &self.0.single_use);
        out.name("headers");
        out.open('[');
        for header in &self.0.headers {
            pair(out, &header.name, header.value.expose());
        }
        if let Some((content_type, _)) = &encoded {
            pair(out, "content-type", content_type);
        }
        out.close(']');
        if let Some((_, body)) = &encoded {
            out.member("body", body);
        }
        out.close('}');
    }
}

fn pair(out: &mut Writer, name: &str, value: &str) {
    out.open('[');
    out.text(name);
    out.text(value);
    out.close(']');
}

/// Reads at most one byte more than is kept.
async fn body(response: &Response) -> Result<AnswerBody, JsValue> {
    let mut bytes = Vec::new();
    let Some(stream) = response.body() else { return Ok(AnswerBody::new(bytes)) };
    let reader = stream.reader()?;
    loop {
        let chunk: Chunk = JsFuture::from(reader.read()?).await?.unchecked_into();
        if chunk.done() {
            return Ok(AnswerBody::new(bytes));
        }
        bytes.extend(chunk.value().to_vec());
        if bytes.len() > MAX_BODY {
            return Ok(AnswerBody::TooLarge);
        }
    }
}

fn stopped(why: &str) -> IoFailure {
    world::not_sent(IoFailureKind::Deadline, ["the request was not sent: ", why].concat())
}
