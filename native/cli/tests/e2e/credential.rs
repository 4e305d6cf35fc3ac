//! A login among many of one home, whose processes meet with accidents.

use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use crate::peer::{Home, PATIENCE, Peer, Run, Waiting, finish};
use crate::refresh_trouble::HONEST;

/// More than cores, because most of a run is a wait.
const WORKERS: usize = 6;

/// How one credential ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    ValidToken,
    HonestSentence,
}

#[derive(Debug)]
pub(crate) struct Credential {
    /// The words of the command that name it.
    named: Vec<String>,
    account: String,
}

impl Credential {
    pub(crate) fn new(provider: &str, account: String) -> Self {
        Credential::named(&[provider], account)
    }

    /// Of a server and client that no preset names.
    pub(crate) fn at(issuer: &str, client: &str, account: String) -> Self {
        Credential::named(&["--issuer", issuer, "--client-id", client], account)
    }

    fn named(server: &[&str], account: String) -> Self {
        let named = [server, &["--account", &account]].concat().into_iter().map(str::to_owned).collect();
        Credential { named, account }
    }

    fn words<'a>(&'a self, command: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        std::iter::once(command).chain(self.named.iter().map(String::as_str)).chain(more.iter().copied()).collect()
    }

    pub(crate) fn login(&self, home: &Home) {
        finish(self.logging_in(home)).succeeds();
    }

    pub(crate) fn logging_in(&self, home: &Home) -> Command {
        home.command(&self.words("login", &["--force"]))
    }

    pub(crate) fn token(&self, home: &Home) -> String {
        home.run(&self.words("token", &[])).token()
    }

    pub(crate) fn status(&self, home: &Home) -> Run {
        home.run(&self.words("status", &[]))
    }

    /// A request for another token than the one on its stdin.
    pub(crate) fn asking(&self, home: &Home) -> Command {
        self.asking_within(home, "1")
    }

    /// The same with a request deadline of so many seconds.
    pub(crate) fn asking_within(&self, home: &Home, deadline: &str) -> Command {
        let wish = ["--rejected", "-", "--reject-interval", "0", "--request-deadline", deadline];
        let mut command = home.command(&self.words("token", &wish));
        command.stdin(Stdio::piped());
        command
    }

    /// Where the records cannot be read, it must not be due.
    pub(crate) fn stored_token(&self, home: &Home) -> String {
        if !home.has_plain_files() {
            return self.token(home);
        }
        let records = home.records();
        let is_ours = |record: &&serde_json::Value| record["key"]["account"] == self.account.as_str();
        let record = records.iter().find(is_ours).unwrap();
        record["record"]["access_token"].as_str().unwrap().to_owned()
    }

    /// Asks for another token until there is one, or until the server has refused.
    pub(crate) fn ask_again(&self, home: &Home, peer: &Peer, rejected: &str) -> End {
        self.status(home).succeeds().prints("alice");
        let started = Instant::now();
        loop {
            let mut process = Waiting::start(self.asking(home));
            process.give(rejected);
            let run = process.end();
            match self.end_of(run, peer, rejected) {
                Ok(end) => return end,
                Err(pause) if started.elapsed() < PATIENCE => thread::sleep(pause),
                Err(_) => panic!("{}: it is never known", self.account),
            }
        }
    }

    /// How a request for another token ended, or how long it is to be waited with the next one.
    pub(crate) fn end_of(&self, run: Run, peer: &Peer, rejected: &str) -> Result<End, Duration> {
        match run.code {
            Some(0) => {
                let token = run.token();
                assert_ne!(token, rejected);
                assert_eq!(peer.whose(&token), "alice");
                Ok(End::ValidToken)
            }
            Some(3) => {
                run.says(HONEST);
                Ok(End::HonestSentence)
            }
            Some(4 | 6) => Err(pause(&run)),
            _ => panic!("{}: {run:?}", self.account),
        }
    }
}

/// The time that the failure names.
fn pause(run: &Run) -> Duration {
    let words: Vec<&str> = run.stderr.split_whitespace().collect();
    let seconds = words.windows(3).find(|three| three[0] == "in" && three[2].starts_with('s'));
    seconds.map_or(Duration::ZERO, |three| Duration::from_secs(three[1].parse().unwrap()))
}

/// Does something with each, several at a time.
pub(crate) fn each<C: Sync, T: Send>(all: &[C], work: impl Fn(&C) -> T + Sync) -> Vec<T> {
    let next = AtomicUsize::new(0);
    let mut done: Vec<(usize, T)> = thread::scope(|scope| {
        let worker = || {
            let mut done = Vec::new();
            while let Some((at, one)) = take(&next, all) {
                done.push((at, work(one)));
            }
            done
        };
        let workers: Vec<_> = (0..WORKERS).map(|_| scope.spawn(worker)).collect();
        workers.into_iter().flat_map(|worker| worker.join().unwrap()).collect()
    });
    done.sort_by_key(|(at, _)| *at);
    done.into_iter().map(|(_, result)| result).collect()
}

fn take<'a, C>(next: &AtomicUsize, all: &'a [C]) -> Option<(usize, &'a C)> {
    let at = next.fetch_add(1, Ordering::Relaxed);
    all.get(at).map(|one| (at, one))
}
