//! Machines that sleep: processes stopped by a signal, while time goes on (F23, F24).

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

use tokenway::http::ReqwestHttp;
use tokenway_core::config::Timing;
use tokenway_core::moment::Millis;

use crate::credential::{Credential, End};
use crate::library::{Library, Login, dead};
use crate::peer::{Home, Peer, Waiting, until};

/// Longer than anything of a request whose deadline is a second can last: it may leave for a second, and land in another.
const ASLEEP: Duration = Duration::from_millis(2_500);

/// The server's answer lies in the socket when the process goes on.
#[test]
fn f23_a_process_suspended_during_its_request_finds_the_answer_that_came_meanwhile() {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    let credential = Credential::at(peer.issuer(), "native", "suspended".to_owned());
    credential.login(&home);
    let rejected = credential.stored_token(&home);
    peer.delay(Duration::from_millis(300));
    let mut process = Waiting::start(credential.asking(&home));
    process.give(&rejected);
    until("the renewal is sent", || peer.count("token_requests") == 2);
    process.signal("STOP");
    until("the server has acted", || peer.count("refreshes") == 1);
    std::thread::sleep(ASLEEP);
    process.signal("CONT");
    let run = process.end();
    assert_eq!(peer.whose(&run.token()), "alice");
    assert_eq!((peer.count("token_requests"), peer.count("refreshes"), peer.count("reuses")), (2, 1, 0));
}

/// The lock of its file stays its own, however long it stands still.
#[test]
fn f18_a_process_that_is_stopped_with_the_lock_is_not_overtaken_and_then_serves_the_others() {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    let credential = Credential::at(peer.issuer(), "native", "stopped".to_owned());
    credential.login(&home);
    let rejected = credential.stored_token(&home);
    let asking = |deadline: &str| {
        let mut process = Waiting::start(credential.asking_within(&home, deadline));
        process.give(&rejected);
        process
    };
    peer.delay(Duration::from_secs(2));
    let mut holder = asking("10");
    until("the renewal is sent", || peer.count("token_requests") == 2);
    holder.signal("STOP");
    let others: Vec<Waiting> = (0..4).map(|_| asking("1")).collect();
    for other in others {
        other.end().exits(4).prints_nothing().says("another process is renewing");
    }
    assert!(!holder.has_ended_within(Duration::from_millis(1)));
    holder.signal("CONT");
    let token = holder.end().token();
    let others: Vec<Waiting> = (0..4).map(|_| asking("10")).collect();
    for other in others {
        assert_eq!(other.end().token(), token);
    }
    assert_eq!((peer.count("token_requests"), peer.count("refreshes"), peer.count("reuses")), (2, 1, 0));
}

/// The connection died meanwhile, as it does when a machine sleeps: nobody knows what the server did.
#[test]
fn f23_a_process_suspended_while_its_connection_died_asks_once_more_and_ends_truthfully() {
    std::thread::scope(|scope| {
        scope.spawn(|| suspended_without_an_answer(0, End::HonestSentence));
        scope.spawn(|| suspended_without_an_answer(600, End::ValidToken));
    });
}

fn suspended_without_an_answer(grace: u64, expected: End) {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    peer.grace(grace);
    let credential = Credential::at(peer.issuer(), "native", "suspended".to_owned());
    credential.login(&home);
    let rejected = credential.stored_token(&home);
    peer.delay(Duration::from_millis(300));
    peer.drop_answer_once();
    let mut process = Waiting::start(credential.asking(&home));
    process.give(&rejected);
    until("the renewal is sent", || peer.count("token_requests") == 2);
    process.signal("STOP");
    until("the answer is lost", || peer.count("answers_dropped") == 1);
    std::thread::sleep(ASLEEP);
    process.signal("CONT");
    let end = credential.end_of(process.end(), &peer, &rejected);
    let end = end.unwrap_or_else(|_| credential.ask_again(&home, &peer, &rejected));
    assert_eq!(end, expected, "grace window {grace} s");
    assert_eq!(peer.count("reuses"), u64::from(expected == End::HonestSentence), "and a reuse is told");
}

const CREDENTIALS: usize = 40;
const CALLERS: usize = 5;

const HOME: &str = "TOKENWAY_TEST_HOME";
const ISSUER: &str = "TOKENWAY_TEST_ISSUER";

/// All tokens die while the process sleeps, and everybody asks when it wakes.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn f24_when_a_machine_wakes_and_all_tokens_are_dead_at_once_each_costs_one_refresh() {
    let peer = Peer::with_token_life(600);
    let library = Library::of(&peer);
    let endpoint = format!("{}/token", peer.issuer());
    for number in 0..CREDENTIALS {
        let login = library.known(&account(number), Timing::default());
        let mut record = dead(&peer, &endpoint);
        record.expires_at = Some(tokenway::driver::now().plus(Millis::seconds(3)));
        login.put(record).await;
    }
    let mut process = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "suspended::a_process_with_many_callers_when_another_test_starts_it", "--nocapture"])
        .env(HOME, library.home())
        .env(ISSUER, peer.issuer())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(process.stdout.take().unwrap()).lines().map(Result::unwrap);
    assert!(lines.any(|line| line.contains(READY)));
    signal(process.id(), "STOP");
    std::thread::sleep(Duration::from_millis(3_200));
    signal(process.id(), "CONT");
    let counted: Vec<String> = lines.filter(|line| line.contains(SERVED)).collect();
    assert!(process.wait().unwrap().success());
    let callers = CREDENTIALS * CALLERS;
    assert_eq!(counted, [format!("{SERVED}{callers}")]);
    let counts = (peer.count("token_requests"), peer.count("refreshes"), peer.count("reuses"));
    assert_eq!(counts, (CREDENTIALS as u64, CREDENTIALS as u64, 0), "each costs one refresh, and no more");
    eprintln!("suspended: {CREDENTIALS} tokens dead at once, {callers} callers: {CREDENTIALS} refreshes, 0 reuses");
}

const READY: &str = "callers are waiting";
const SERVED: &str = "callers served: ";

/// The program of the test above. By itself it has nothing to do.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_process_with_many_callers_when_another_test_starts_it() {
    let (Ok(home), Ok(issuer)) = (std::env::var(HOME), std::env::var(ISSUER)) else { return };
    let (home, http) = (PathBuf::from(home), std::sync::Arc::new(ReqwestHttp::default()));
    let mut crowd = tokio::task::JoinSet::new();
    for number in 0..CREDENTIALS {
        let login = Login::within(&home, &issuer, &account(number), Timing::default(), http.clone());
        let client = login.client();
        for _ in 0..CALLERS {
            let client = client.clone();
            crowd.spawn(async move {
                loop {
                    let token = client.token().await.unwrap().secret().expose().to_owned();
                    if token != DEAD {
                        return (number, token);
                    }
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            });
        }
    }
    tokio::time::sleep(Duration::from_millis(300)).await;
    say(READY);
    let mut tokens: BTreeMap<usize, Vec<String>> = BTreeMap::new();
    for (number, token) in crowd.join_all().await {
        tokens.entry(number).or_default().push(token);
    }
    for tokens in tokens.values_mut() {
        tokens.dedup();
        assert_eq!(tokens.len(), 1, "all callers of one login have the same token");
    }
    say(&format!("{SERVED}{}", CREDENTIALS * CALLERS));
}

/// What the records hold at first.
const DEAD: &str = "access-dead";

fn account(number: usize) -> String {
    format!("account-{number}")
}

#[allow(clippy::print_stdout, reason = "how the other side hears of it")]
fn say(what: &str) {
    println!("{what}");
}

fn signal(process: u32, signal: &str) {
    assert!(Command::new("kill").args([&format!("-{signal}"), &process.to_string()]).status().unwrap().success());
}
