//! Processes that die in the middle of a refresh, two hundred times.

use std::process::Stdio;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::{Forwarder, Home, PATIENCE, Peer, Run, Waiting};
use crate::refresh_trouble::{HONEST, through};

const CREDENTIALS: usize = 200;

/// More than cores, because most of a run is a wait.
const WORKERS: usize = 6;

/// An answer takes this long to come back, so that it is often lost: about a third of a renewal's time.
const ON_THE_WAY: Duration = Duration::from_millis(15);

/// The latest instant of a death. A renewal is over before it.
const LATEST_DEATH: u64 = 60_000; // microseconds

/// How one credential ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    ValidToken,
    HonestSentence,
}

#[test]
fn two_hundred_processes_killed_in_a_refresh_leave_a_token_or_the_honest_sentence() {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    let wire = Forwarder::to(peer.port());
    // The third of them have tokens that are dead when their process is killed.
    let short = through(&wire, &peer).replace("\"native\"", "\"short\"").replace("\"far\"", "\"far-and-short\"");
    let providers = format!("[{},{}]", unlisted(&through(&wire, &peer)), unlisted(&short));
    home.write("providers.json", &providers);
    let credentials: Vec<Credential> = (0..CREDENTIALS).map(Credential::new).collect();

    each(&credentials, |credential| credential.login(&home));
    let logged_in = peer.count("exchanges");
    assert_eq!(logged_in, CREDENTIALS as u64);
    wire.delay_answers(ON_THE_WAY);
    let ends = each(&credentials, |credential| credential.die_and_ask_again(&home, &peer));

    let count = |wanted: End| ends.iter().filter(|(end, _)| *end == wanted).count();
    let died = ends.iter().filter(|(_, died)| *died).count();
    eprintln!(
        "kills: {CREDENTIALS} credentials, {died} processes killed before they ended: {} ended with a valid token, {} \
         with the honest sentence; {} refreshes, {} reuses",
        count(End::ValidToken),
        count(End::HonestSentence),
        peer.count("refreshes"),
        peer.count("reuses"),
    );
    assert_eq!(count(End::ValidToken) + count(End::HonestSentence), CREDENTIALS);
    assert!(count(End::ValidToken) > 0 && died > 0, "the test kills nothing, or everything");
    assert_eq!(peer.count("reuses"), count(End::HonestSentence) as u64, "a reuse is told, each and every one");

    let listed = home.run(&["list", "--json"]).succeeds().json()["logins"].as_array().unwrap().len();
    assert_eq!(listed, CREDENTIALS, "each store is readable");
    let damaged = std::fs::read_dir(home.path().join("credentials")).unwrap();
    assert_eq!(damaged.filter(|file| file.as_ref().unwrap().path().to_string_lossy().contains(".corrupt-")).count(), 0);
    if let Some(at) = ends.iter().position(|(end, _)| *end == End::HonestSentence) {
        credentials[at].login(&home);
        assert_eq!(peer.whose(&credentials[at].token(&home)), "alice", "and a new login mends it");
    }
}

struct Credential {
    account: String,
    provider: &'static str,
    /// When its process is killed, after its stdin was written.
    death: Duration,
}

impl Credential {
    fn new(number: usize) -> Self {
        Credential {
            account: format!("account-{number}"),
            provider: if number.is_multiple_of(3) { "far-and-short" } else { "far" },
            death: Duration::from_micros(random(number as u64) % LATEST_DEATH),
        }
    }

    fn login(&self, home: &Home) {
        home.run(&["login", self.provider, "--account", &self.account, "--force"]).succeeds();
    }

    fn token(&self, home: &Home) -> String {
        home.token(&[self.provider, "--account", &self.account])
    }

    /// Whether its process died, and how it ended.
    fn die_and_ask_again(&self, home: &Home, peer: &Peer) -> (End, bool) {
        let rejected = self.stored_token(home);
        let mut process = self.ask(home);
        process.give(&rejected);
        let died = process.kill_after(self.death).code.is_none();

        let status = home.run(&["status", self.provider, "--account", &self.account]).succeeds();
        status.prints("alice");
        let started = Instant::now();
        loop {
            let mut process = self.ask(home);
            process.give(&rejected);
            let run = process.end();
            match run.code {
                Some(0) => {
                    let token = run.token();
                    assert_ne!(token, rejected);
                    assert_eq!(peer.whose(&token), "alice");
                    return (End::ValidToken, died);
                }
                Some(3) => {
                    run.says(HONEST);
                    return (End::HonestSentence, died);
                }
                Some(4 | 6) if started.elapsed() < PATIENCE => thread::sleep(pause(&run)),
                _ => panic!("{}: {run:?}", self.account),
            }
        }
    }

    fn ask(&self, home: &Home) -> Waiting {
        let wish = ["token", self.provider, "--account", &self.account, "--rejected", "-"];
        let mut command = home.command(&[&wish[..], &["--reject-interval", "0", "--request-deadline", "1"]].concat());
        command.stdin(Stdio::piped());
        Waiting::start(command)
    }

    fn stored_token(&self, home: &Home) -> String {
        let records = home.records();
        let is_ours = |record: &&serde_json::Value| record["key"]["account"] == self.account.as_str();
        let record = records.iter().find(is_ours).unwrap();
        record["record"]["access_token"].as_str().unwrap().to_owned()
    }
}

/// The time that the failure names.
fn pause(run: &Run) -> Duration {
    let words: Vec<&str> = run.stderr.split_whitespace().collect();
    let seconds = words.windows(3).find(|three| three[0] == "in" && three[2].starts_with('s'));
    seconds.map_or(Duration::ZERO, |three| Duration::from_secs(three[1].parse().unwrap()))
}

/// Does something with each credential, several at a time.
fn each<T: Send>(credentials: &[Credential], work: impl Fn(&Credential) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            while let Some((at, credential)) = take(&next, credentials) {
                done.push((at, work(credential)));
            }
            done
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a>(next: &AtomicUsize, credentials: &'a [Credential]) -> Option<(usize, &'a Credential)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    credentials.get(at).map(|credential| (at, credential))
}

/// SplitMix64: the same instants in every run.
fn random(seed: u64) -> u64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn unlisted(list: &str) -> &str {
    list.trim_start_matches('[').trim_end_matches(']')
}
