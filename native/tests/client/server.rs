//! An authorization server and an API, small enough to be read: codes with PKCE, rotation with reuse detection,
//! revocation. It counts, and can be told to hold, drop or refuse its answers. On threads of its own, so that it outlives
//! whatever runtime a test takes down.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use serde_json::json;
use tokenway::core::config::{Builder, Config};
use tokenway::core::provider::{Endpoints, Provider};
use url::Url;

/// The longest that anything here is waited for.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) struct Server {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    /// Token answers wait until this is false; what they tell has happened by then.
    pub(crate) holds_answers: bool,
    /// So many token answers are lost on their way, after the server acted.
    pub(crate) drops_answers: usize,
    /// So many refresh requests are answered with 503, before the server acts.
    pub(crate) trouble: usize,
    pub(crate) refuses_every_token: bool,
    pub(crate) counts: Counts,
    /// The life of access tokens, in seconds.
    pub(crate) life: Option<u64>,
    minted: usize,
    current: BTreeSet<String>,
    spent: BTreeSet<String>,
    access: BTreeSet<String>,
    codes: BTreeMap<String, String>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    pub(crate) api: usize,
    pub(crate) exchanges: usize,
    pub(crate) refresh_requests: usize,
    pub(crate) refreshes: usize,
    pub(crate) reuses: usize,
}

struct Request {
    path: String,
    query: BTreeMap<String, String>,
    form: BTreeMap<String, String>,
    bearer: Option<String>,
}

impl Server {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let serving = Arc::clone(&shared);
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let serving = Arc::clone(&serving);
                std::thread::spawn(move || serve(stream.unwrap(), &serving));
            }
        });
        Server { address, shared }
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    pub(crate) fn builder(&self) -> Builder {
        builder_at(&self.url(""))
    }

    pub(crate) fn config(&self) -> Config {
        self.builder().build().unwrap()
    }

    /// Makes a refresh token good.
    pub(crate) fn grants(&self, refresh_token: &str) {
        self.tell(|state| state.current.insert(refresh_token.to_owned()));
    }

    pub(crate) fn tell<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let told = change(&mut self.shared.state());
        self.shared.changed.notify_all();
        told
    }

    pub(crate) fn counts(&self) -> Counts {
        self.shared.state().counts
    }

    /// Waits (on another thread) until the counts say so.
    pub(crate) async fn until(&self, says: impl Fn(&Counts) -> bool + Send + 'static) {
        let shared = Arc::clone(&self.shared);
        tokio::task::spawn_blocking(move || shared.wait_while(|state| !says(&state.counts))).await.unwrap();
    }

    /// Whether any refresh token is good.
    pub(crate) fn has_grants(&self) -> bool {
        !self.shared.state().current.is_empty()
    }

    pub(crate) fn admits(&self, access_token: &str) -> bool {
        self.shared.state().access.contains(access_token)
    }
}

/// For the server at this address, in whatever process.
pub(crate) fn builder_at(server: &str) -> Builder {
    let endpoints = Endpoints {
        authorization: format!("{server}/authorize"),
        token: format!("{server}/token"),
        revocation: Some(format!("{server}/revoke")),
        iss_in_response: false,
    };
    Config::builder(Provider::with_endpoints(endpoints)).client_id("native")
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap()
    }

    fn wait_while(&self, condition: impl Fn(&State) -> bool) {
        let waited = self.changed.wait_timeout_while(self.state(), PATIENCE, |state| condition(state)).unwrap();
        assert!(!waited.1.timed_out(), "waited in vain");
    }
}

fn serve(mut stream: TcpStream, shared: &Shared) {
    let Some(request) = read(&mut stream) else { return };
    let Some(answer) = answer(&request, shared) else { return };
    // The client may have gone.
    let _ = stream.write_all(answer.as_bytes());
}

fn answer(request: &Request, shared: &Shared) -> Option<String> {
    match request.path.as_str() {
        "/api" => Some(shared.state().api(request.bearer.as_deref())),
        "/authorize" => Some(shared.state().authorize(&request.query)),
        "/revoke" => Some(shared.state().revoke(&request.form)),
        "/token" => {
            let (answer, lost) = shared.state().token(&request.form);
            shared.changed.notify_all();
            if lost {
                return None;
            }
            shared.wait_while(|state| state.holds_answers);
            Some(answer)
        }
        _ => Some(http(404, "{}")),
    }
}

impl State {
    fn token(&mut self, form: &BTreeMap<String, String>) -> (String, bool) {
        let answer = match form["grant_type"].as_str() {
            "authorization_code" => self.exchange(form),
            _ => self.refresh(&form["refresh_token"]),
        };
        let lost = self.drops_answers > 0;
        self.drops_answers = self.drops_answers.saturating_sub(1);
        (answer, lost)
    }

    fn exchange(&mut self, form: &BTreeMap<String, String>) -> String {
        self.counts.exchanges += 1;
        let known = self.codes.remove(&form["code"]).is_some_and(|redirect_uri| redirect_uri == form["redirect_uri"]);
        if known && form["code_verifier"].len() >= 43 { self.mint() } else { refused() }
    }

    fn refresh(&mut self, refresh_token: &str) -> String {
        self.counts.refresh_requests += 1;
        if self.trouble > 0 {
            self.trouble -= 1;
            return http(503, "{}");
        }
        if self.spent.contains(refresh_token) {
            self.counts.reuses += 1;
            self.current.clear();
        }
        if !self.current.remove(refresh_token) {
            return refused();
        }
        self.spent.insert(refresh_token.to_owned());
        self.counts.refreshes += 1;
        self.mint()
    }

    fn mint(&mut self) -> String {
        self.minted += 1;
        let (access, refresh) = (format!("access-{}", self.minted), format!("refresh-{}", self.minted));
        self.access.insert(access.clone());
        self.current.insert(refresh.clone());
        let life = self.life.unwrap_or(3_600);
        let body =
            json!({"access_token": access, "refresh_token": refresh, "token_type": "Bearer", "expires_in": life});
        http(200, &body.to_string())
    }

    fn revoke(&mut self, form: &BTreeMap<String, String>) -> String {
        self.current.remove(&form["token"]);
        http(200, "")
    }

    fn authorize(&mut self, query: &BTreeMap<String, String>) -> String {
        assert_eq!(query["code_challenge_method"], "S256");
        self.minted += 1;
        let code = format!("code-{}", self.minted);
        self.codes.insert(code.clone(), query["redirect_uri"].clone());
        let location = format!("{}?code={code}&state={}", query["redirect_uri"], query["state"]);
        format!("HTTP/1.1 303 See Other\r\nlocation: {location}\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
    }

    fn api(&mut self, bearer: Option<&str>) -> String {
        self.counts.api += 1;
        let good = !self.refuses_every_token && bearer.is_some_and(|token| self.access.contains(token));
        http(if good { 200 } else { 401 }, "{}")
    }
}

fn refused() -> String {
    http(400, r#"{"error":"invalid_grant"}"#)
}

fn http(status: u16, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
}

fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    let mut chunk = [0; 4096];
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let header = |name: &str| {
                let of_name = |line: &&str| line.to_ascii_lowercase().starts_with(&format!("{name}:"));
                head.lines().find(of_name).map(|line| line[name.len() + 1..].trim().to_owned())
            };
            let length = header("content-length").map_or(0, |length| length.parse().unwrap());
            if body.len() >= length {
                let target = head.split(' ').nth(1)?;
                let url = Url::parse("http://here").unwrap().join(target).unwrap();
                let bearer = header("authorization").and_then(|value| Some(value.strip_prefix("Bearer ")?.to_owned()));
                let query = url.query_pairs().into_owned().collect();
                let form = url::form_urlencoded::parse(body.as_bytes()).into_owned().collect();
                return Some(Request { path: url.path().to_owned(), query, form, bearer });
            }
        }
        match stream.read(&mut chunk) {
            Ok(0) | Err(_) => return None,
            Ok(read) => bytes.extend_from_slice(&chunk[..read]),
        }
    }
}

/// What a browser does with a URL: GET, and follow. Returns the last status; 0 for an answer that broke off.
pub(crate) fn browse(url: &str) -> u16 {
    try_to_browse(url).unwrap()
}

/// As [`browse`]; an error when nobody listens there.
pub(crate) fn try_to_browse(url: &str) -> std::io::Result<u16> {
    let mut url = Url::parse(url).unwrap();
    for _ in 0..5 {
        let answer = get(&url)?;
        let Some(status) = answer.split(' ').nth(1).and_then(|status| status.parse().ok()) else { return Ok(0) };
        match location(&answer) {
            Some(location) => url = url.join(&location).unwrap(),
            None => return Ok(status),
        }
    }
    panic!("redirected in circles")
}

/// The head and body of one answer, as far as they came.
pub(crate) fn get(url: &Url) -> std::io::Result<String> {
    let authority = format!("{}:{}", url.host_str().unwrap(), url.port().unwrap());
    let mut stream = TcpStream::connect(&authority)?;
    let target = &url[url::Position::BeforePath..];
    write!(stream, "GET {target} HTTP/1.1\r\nhost: {authority}\r\nconnection: close\r\n\r\n")?;
    let mut answer = String::new();
    // A login that dies takes the connection with it.
    let _ = stream.read_to_string(&mut answer);
    Ok(answer)
}

/// Where an answer sends the browser.
pub(crate) fn location(answer: &str) -> Option<String> {
    answer.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case("location").then(|| value.trim().to_owned())
    })
}
