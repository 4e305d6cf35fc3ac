//! Real processes that stay from round to round: this very test program, started again, with a client of the library.

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use tokenway::Client;
use tokenway::http::{BoxFuture, Guard, Http, ReqwestHttp};
use tokenway_core::config::{Config, Timing};
use tokenway_core::http::{HttpAnswer, HttpRequest, IoFailure};
use tokenway_core::lifecycle::Wish;
use tokenway_core::moment::Millis;
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;

use super::shelf::Shelf;

const STORE: &str = "TOKENWAY_TEST_STORE";
const PLACE: &str = "TOKENWAY_TEST_PLACE";
const ISSUER: &str = "TOKENWAY_TEST_ISSUER";
/// In milliseconds.
const DEADLINE: &str = "TOKENWAY_TEST_DEADLINE";

/// What a line for the other side begins with; the test runner says things of its own.
const SAID: &str = "said: ";

/// What it says of a failure begins with this; then come its kind and its words.
const FAILED: &str = "failed: ";

/// The process that asks for a token whenever it is told, until its stdin ends. By itself it has nothing to do.
#[test]
fn a_process_of_a_storm_when_another_test_starts_it() {
    let (Ok(store), Ok(place), Ok(issuer)) = (std::env::var(STORE), std::env::var(PLACE), std::env::var(ISSUER)) else {
        return;
    };
    let shelf = Shelf::named(&store, PathBuf::from(place));
    let http = Arc::new(Timed::default());
    let deadline = Millis(std::env::var(DEADLINE).unwrap().parse().unwrap());
    let client = Client::builder(config(&issuer, deadline)).store(shelf.store()).http(http.clone()).build().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    // The key is opened, the server connected: what is measured is the storm.
    runtime.block_on(client.token()).unwrap();
    say("ready");
    for rejected in std::io::stdin().lines() {
        let started = Instant::now();
        let wish = Wish { rejected: Some(Secret::new(rejected.unwrap()).hash()), ..Wish::default() };
        let end = runtime.block_on(client.token_for(wish));
        let (waited, posted) = (started.elapsed().as_micros(), http.posted.swap(0, Ordering::SeqCst));
        say(&match end {
            Ok(token) => format!("{waited} {posted} {}", token.secret().expose()),
            Err(failure) => format!("{FAILED}{:?}: {failure}", failure.kind),
        });
    }
    assert!(runtime.block_on(client.close()));
}

#[allow(clippy::print_stdout, reason = "how the other side hears of it")]
fn say(what: &str) {
    println!("{SAID}{what}");
    std::io::stdout().flush().unwrap();
}

/// What the command uses for the same login.
pub(super) fn config(issuer: &str, request_deadline: Millis) -> Config {
    let timing = Timing { reject_interval: Millis::ZERO, request_deadline, ..Timing::default() };
    Config::builder(Provider::generic(issuer)).client_id("native").timing(timing).build().unwrap()
}

/// Tells how long the last request took, in microseconds.
#[derive(Default)]
struct Timed {
    http: ReqwestHttp,
    posted: AtomicU64,
}

impl Http for Timed {
    fn send<'a>(&'a self, request: &'a HttpRequest, guard: Guard) -> BoxFuture<'a, Result<HttpAnswer, IoFailure>> {
        Box::pin(async move {
            let started = Instant::now();
            let answer = self.http.send(request, guard).await;
            self.posted.store(u64::try_from(started.elapsed().as_micros()).unwrap(), Ordering::SeqCst);
            answer
        })
    }
}

/// One of them, seen from the test. It ends with this value.
pub(super) struct Caller {
    process: Child,
    stdout: BufReader<ChildStdout>,
}

/// What it got in one round.
pub(super) struct Served {
    pub(super) token: String,
    pub(super) waited: Duration,
    /// How long its own request took; `None` if it sent none.
    pub(super) posted: Option<Duration>,
}

impl Caller {
    pub(super) fn start(shelf: &Shelf, issuer: &str, Millis(deadline): Millis) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", "storm::process::a_process_of_a_storm_when_another_test_starts_it", "--nocapture"]);
        command.env(STORE, shelf.name()).env(PLACE, shelf.place()).env(ISSUER, issuer);
        command.env(DEADLINE, deadline.to_string());
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        Caller { process, stdout }
    }

    pub(super) fn is_ready(&mut self) {
        assert_eq!(self.hears(), "ready");
    }

    /// It goes off at once.
    pub(super) fn asks(&mut self, rejected: &str) {
        let line = format!("{rejected}\n");
        self.process.stdin.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
    }

    /// What it got, or its failure: the kind, and the words.
    pub(super) fn served(&mut self) -> Result<Served, String> {
        let line = self.hears();
        if let Some(failure) = line.strip_prefix(FAILED) {
            return Err(failure.to_owned());
        }
        let mut words = line.splitn(3, ' ');
        let mut micros = || Duration::from_micros(words.next().unwrap().parse().unwrap());
        let (waited, posted) = (micros(), micros());
        let token = words.next().unwrap().to_owned();
        Ok(Served { token, waited, posted: Some(posted).filter(|posted| !posted.is_zero()) })
    }

    fn hears(&mut self) -> String {
        loop {
            let mut line = String::new();
            assert!(self.stdout.read_line(&mut line).unwrap() > 0, "the process has ended");
            if let Some((_, said)) = line.split_once(SAID) {
                return said.trim_end().to_owned();
            }
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        drop(self.process.stdin.take());
        self.process.wait().ok();
    }
}
