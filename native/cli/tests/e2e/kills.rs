//! Processes that die in the middle of a refresh, a hundred times.

use std::time::{Duration, Instant};

use crate::credential::{Credential, End, each};
use crate::peer::{Forwarder, Home, Peer, Waiting};
use crate::refresh_trouble::through;

/// Two thousand when the environment asks for all.
fn credentials() -> usize {
    if crate::all_faults() { 2_000 } else { 100 }
}

/// An answer takes this long to come back, so that it is often lost.
const ON_THE_WAY: Duration = Duration::from_millis(30);

/// So many renewals are let end, to know how long one takes here and now.
const UNDISTURBED: usize = 12;

/// F01 to F03: at any instant.
#[test]
fn processes_killed_in_a_refresh_leave_a_token_or_the_honest_sentence() {
    let (peer, home) = (Peer::with_token_life(600), Home::new());
    let wire = Forwarder::to(peer.port());
    // The third of them have tokens that are dead when their process is killed.
    let short = through(&wire, &peer).replace("\"native\"", "\"short\"").replace("\"far\"", "\"far-and-short\"");
    let providers = format!("[{},{}]", unlisted(&through(&wire, &peer)), unlisted(&short));
    home.write("providers.json", &providers);
    let provider = |number: usize| if number.is_multiple_of(3) { "far-and-short" } else { "far" };
    let account = |number: usize| Credential::new(provider(number), format!("account-{number}"));
    let all: Vec<Credential> = (0..credentials()).map(account).collect();

    each(&all, |credential| credential.login(&home));
    assert_eq!(peer.count("exchanges"), all.len() as u64);
    wire.delay_answers(ON_THE_WAY);
    let longest = each(&all[..UNDISTURBED], |credential| undisturbed(credential, &home)).into_iter().max().unwrap();
    // A machine that becomes busier reaches its sendings all the same.
    let latest = longest * 2;
    let renewed = peer.count("refreshes");
    assert_eq!(renewed, UNDISTURBED as u64);

    let mortals: Vec<(usize, &Credential)> = all.iter().enumerate().collect();
    let ends = each(&mortals, |(number, credential)| {
        let death = Duration::from_micros(random(*number as u64) % u64::try_from(latest.as_micros()).unwrap());
        die_and_ask_again(credential, death, &home, &peer)
    });

    let count = |wanted: End| ends.iter().filter(|(end, _)| *end == wanted).count();
    let died = ends.iter().filter(|(_, died)| *died).count();
    eprintln!(
        "kills: {} credentials, {died} processes killed in the first {} ms: {} ended with a valid token, {} with the \
         honest sentence; {} refreshes, {} reuses",
        all.len(),
        latest.as_millis(),
        count(End::ValidToken),
        count(End::HonestSentence),
        peer.count("refreshes") - renewed,
        peer.count("reuses"),
    );
    assert!(0 < died && died < all.len(), "some die before their end, and some do not");
    assert!(
        count(End::ValidToken) > 0 && count(End::HonestSentence) > 0,
        "some die with an answer on its way, and some do not"
    );
    assert_eq!(peer.count("reuses"), count(End::HonestSentence) as u64, "a reuse is told, each and every one");

    let listed = home.run(&["list", "--json"]).succeeds().json()["logins"].as_array().unwrap().len();
    assert_eq!(listed, all.len(), "each store is readable");
    let damaged = std::fs::read_dir(home.path().join("credentials")).unwrap();
    assert_eq!(damaged.filter(|file| file.as_ref().unwrap().path().to_string_lossy().contains(".corrupt-")).count(), 0);
    if let Some(at) = ends.iter().position(|(end, _)| *end == End::HonestSentence) {
        all[at].login(&home);
        assert_eq!(peer.whose(&all[at].token(&home)), "alice", "and a new login mends it");
    }
}

/// How long a renewal takes that nobody kills.
fn undisturbed(credential: &Credential, home: &Home) -> Duration {
    let rejected = credential.stored_token(home);
    let began = Instant::now();
    let mut process = Waiting::start(credential.asking(home));
    process.give(&rejected);
    process.end().succeeds();
    began.elapsed()
}

/// How it ended, and whether its process died.
fn die_and_ask_again(credential: &Credential, death: Duration, home: &Home, peer: &Peer) -> (End, bool) {
    let rejected = credential.stored_token(home);
    let mut process = Waiting::start(credential.asking(home));
    process.give(&rejected);
    let died = process.kill_after(death).code.is_none();
    (credential.ask_again(home, peer, &rejected), died)
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
