//! The server, the homes and the runs that the tests are made of.

mod forwarder;
mod home;
mod http;
mod run;

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

pub(crate) use forwarder::Forwarder;
pub(crate) use home::{Home, person};
pub(crate) use http::{Answer, get, post};
pub(crate) use run::{Run, Waiting, deliver, finish, walk};

/// Longer than anything here takes, also where ten tests share two cores.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// The tree's root.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap()
}

/// An oidc-provider that lives as long as this value.
pub(crate) struct Peer {
    process: Child,
    /// The server ends when its stdin does.
    _stdin: ChildStdin,
    issuer: String,
    control: String,
}

impl Peer {
    /// A server whose access tokens live a minute.
    pub(crate) fn start() -> Self {
        Peer::with_token_life(60)
    }

    pub(crate) fn with_token_life(seconds: u32) -> Self {
        let folder = root().join("tests/peers/oidc-provider");
        assert!(
            folder.join("node_modules/oidc-provider").is_dir(),
            "oidc-provider is not installed: run `npm ci --prefix tests/peers/oidc-provider` (tests/run does it)"
        );
        let mut process = Command::new("node")
            .arg(folder.join("server.mjs"))
            .env("PORT", "0")
            .env("AT_TTL", seconds.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("node is needed to run the server (version 20 or later)");
        let stdin = process.stdin.take().unwrap();
        let ready = first_line(process.stdout.take().unwrap());
        let words: Vec<&str> = ready.split_whitespace().collect();
        let ["READY", issuer, control] = words[..] else { panic!("the server did not start; it said {ready:?}") };
        Peer { issuer: issuer.to_owned(), control: control.to_owned(), _stdin: stdin, process }
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.issuer
    }

    pub(crate) fn port(&self) -> u16 {
        self.issuer.rsplit_once(':').unwrap().1.parse().unwrap()
    }

    /// A figure of the control plane.
    pub(crate) fn count(&self, name: &str) -> u64 {
        let counts = get(&format!("{}/counts", self.control), &[]).json();
        counts[name].as_u64().unwrap_or_else(|| panic!("the server does not count {name}: {counts}"))
    }

    pub(crate) fn log(&self) -> Vec<Value> {
        get(&format!("{}/log", self.control), &[]).json().as_array().unwrap().clone()
    }

    /// The next answer of the token endpoint is this one, and nothing happens.
    pub(crate) fn answer_once(&self, status: u16, headers: &Value, body: &Value) {
        let mut headers = headers.clone();
        headers["content-type"] = json!("application/json");
        self.steer("error-once", &json!({ "path": "/token", "status": status, "headers": headers, "body": body }));
    }

    /// The next request to the token endpoint is performed and never answered.
    pub(crate) fn drop_answer_once(&self) {
        self.steer("drop-answer-once", &json!({ "path": "/token" }));
    }

    /// Each request to the token endpoint waits this long before it is performed.
    pub(crate) fn delay(&self, span: Duration) {
        self.steer("delay", &json!({ "path": "/token", "ms": span.as_millis() }));
    }

    /// Spent refresh tokens are taken for so many seconds after their rotation.
    pub(crate) fn grace(&self, seconds: u64) {
        self.steer("grace", &json!({ "seconds": seconds }));
    }

    /// The first refresh token of a new login of alice, who need not come.
    pub(crate) fn issue(&self) -> String {
        let answer = self.steer("issue", &json!({}));
        answer.json()["refresh_token"].as_str().unwrap().to_owned()
    }

    pub(crate) fn reset(&self) {
        self.steer("reset", &json!({}));
    }

    /// What the server's protected resource says to a token.
    pub(crate) fn userinfo(&self, token: &str) -> Answer {
        get(&format!("{}/me", self.issuer), &[("authorization", &format!("Bearer {token}"))])
    }

    /// Asserts that the server takes this token, and returns whose it is.
    pub(crate) fn whose(&self, token: &str) -> String {
        let answer = self.userinfo(token);
        assert_eq!(answer.status, 200, "the server does not accept the token: {}", answer.body);
        answer.json()["sub"].as_str().unwrap().to_owned()
    }

    fn steer(&self, what: &str, body: &Value) -> Answer {
        let answer = post(&format!("{}/{what}", self.control), "application/json", &body.to_string());
        assert_eq!(answer.status, 200, "{what}: {}", answer.body);
        answer
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        self.process.kill().ok();
        self.process.wait().ok();
    }
}

/// The server's first line; none when it ends or hangs before it says one.
fn first_line(stdout: ChildStdout) -> String {
    let (sender, line) = mpsc::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        BufReader::new(stdout).read_line(&mut line).ok();
        sender.send(line).ok();
    });
    line.recv_timeout(PATIENCE).unwrap_or_default()
}

/// Waits until something holds.
pub(crate) fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(Duration::from_millis(5));
    }
}
