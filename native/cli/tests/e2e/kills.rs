//! Processes that die in the middle of a refresh, one of each login.

use std::time::{Duration, Instant};

use crate::credential::{Credential, End, each};
use crate::peer::{Forwarder, Home, Peer, Waiting};
use crate::redis_server::Redis;
use crate::refresh_trouble::through;
use crate::stores::service::on_a_private_bus;

/// An answer takes this long to come back, so that it is often lost.
const ON_THE_WAY: Duration = Duration::from_millis(30);

/// So many renewals are let end, to know how long one takes here and now.
const UNDISTURBED: usize = 12;

/// Whoever ends before its death is followed by another process; so many in a row have never all been too quick.
const MOST_TRIES: u64 = 100;

/// A renewal at whose process a SIGKILL was aimed.
struct Aimed {
    died: bool,
    end: End,
}

/// F01 to F03: at any instant.
#[test]
fn processes_killed_in_a_refresh_leave_a_token_or_the_honest_sentence() {
    let (peer, home) = (Peer::with_token_life(3_600), Home::new());
    let wire = Forwarder::to(peer.port());
    // The third of them have tokens that are dead when their process is killed.
    let short = through(&wire, &peer).replace("\"native\"", "\"short\"").replace("\"far\"", "\"far-and-short\"");
    let providers = format!("[{},{}]", unlisted(&through(&wire, &peer)), unlisted(&short));
    home.write("providers.json", &providers);
    let provider = |number: usize| if number.is_multiple_of(3) { "far-and-short" } else { "far" };
    let account = |number: usize| Credential::new(provider(number), format!("account-{number}"));
    let all: Vec<Credential> = (0..if crate::all_faults() { 2_000 } else { 100 }).map(account).collect();

    let aimed = one_of_each_dies("plain files", &all, &home, &peer, &wire);
    let listed = home.run(&["list", "--json"]).succeeds().json()["logins"].as_array().unwrap().len();
    assert_eq!(listed, all.len(), "each store is readable");
    let damaged = std::fs::read_dir(home.path().join("credentials")).unwrap();
    assert_eq!(damaged.filter(|file| file.as_ref().unwrap().path().to_string_lossy().contains(".corrupt-")).count(), 0);
    let ends = |end: End| aimed.iter().position(|its| its.last().unwrap().end == end);
    let lost = ends(End::HonestSentence).expect("some die with an answer on its way");
    assert!(ends(End::ValidToken).is_some(), "and some do not");
    all[lost].login(&home);
    assert_eq!(peer.whose(&all[lost].token(&home)), "alice", "and a new login mends it");
}

/// Their leases end by their age.
#[test]
fn processes_killed_in_a_refresh_on_one_redis_leave_a_token_or_the_honest_sentence() {
    let Some(redis) = Redis::start() else { return };
    let home = Home::new().keeping_in(&[("TOKENWAY_STORE", "redis"), ("TOKENWAY_REDIS_URL", &redis.url())]);
    some_die("Redis", &home);
}

#[test]
fn processes_killed_in_a_refresh_with_a_secret_service_leave_a_token_or_the_honest_sentence() {
    const TEST: &str =
        "kills::processes_killed_in_a_refresh_with_a_secret_service_leave_a_token_or_the_honest_sentence";
    on_a_private_bus(TEST, |bus| {
        let _keyring = bus.keyring();
        some_die("a Secret Service", &Home::new().keeping_in(&[("TOKENWAY_STORE", "keyring")]));
    });
}

fn some_die(place: &str, home: &Home) {
    let peer = Peer::with_token_life(3_600);
    let wire = Forwarder::to(peer.port());
    home.write("providers.json", &through(&wire, &peer));
    let account = |number: usize| Credential::new("far", format!("account-{number}"));
    let all: Vec<Credential> = (0..if crate::all_faults() { 60 } else { 6 }).map(account).collect();
    one_of_each_dies(place, &all, home, &peer, &wire);
}

/// Each is logged in, and renewed until a process has died of it.
fn one_of_each_dies(place: &str, all: &[Credential], home: &Home, peer: &Peer, wire: &Forwarder) -> Vec<Vec<Aimed>> {
    each(all, |credential| credential.login(home));
    assert_eq!(peer.count("exchanges"), all.len() as u64);
    wire.delay_answers(ON_THE_WAY);
    let watched = &all[..UNDISTURBED.min(all.len())];
    let longest = each(watched, |credential| undisturbed(credential, home)).into_iter().max().unwrap();
    // A machine that becomes busier reaches its sendings all the same.
    let latest = longest * 2;
    let renewed = peer.count("refreshes");
    assert_eq!(renewed, watched.len() as u64);

    let mortals: Vec<(usize, &Credential)> = all.iter().enumerate().collect();
    let aimed = each(&mortals, |&(number, credential)| {
        let deaths = (0..MOST_TRIES).map(|at| latest.mul_f64(fraction(number as u64 * MOST_TRIES + at)));
        until_one_dies(credential, deaths, home, peer)
    });

    let count = |died: bool, end: End| aimed.iter().flatten().filter(|one| one.died == died && one.end == end).count();
    let (dead_valid, dead_honest) = (count(true, End::ValidToken), count(true, End::HonestSentence));
    let (quick_valid, quick_honest) = (count(false, End::ValidToken), count(false, End::HonestSentence));
    eprintln!(
        "kills: {} credentials in {place}, {} processes killed in the first {} ms: {dead_valid} left a valid token, \
         {dead_honest} the honest sentence; {} others ended before their kill; {} refreshes, {} reuses",
        all.len(),
        dead_valid + dead_honest,
        latest.as_millis(),
        quick_valid + quick_honest,
        peer.count("refreshes") - renewed,
        peer.count("reuses"),
    );
    assert_eq!(dead_valid + dead_honest, all.len(), "one of each dies");
    assert_eq!(peer.count("reuses"), (dead_honest + quick_honest) as u64, "a reuse is told, each and every one");
    aimed
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

/// Renews it until a process has died of it. The last one did.
fn until_one_dies(
    credential: &Credential,
    deaths: impl Iterator<Item = Duration>,
    home: &Home,
    peer: &Peer,
) -> Vec<Aimed> {
    let mut all = Vec::new();
    for death in deaths {
        let rejected = credential.stored_token(home);
        let mut process = Waiting::start(credential.asking(home));
        process.give(&rejected);
        let died = process.kill_after(death).code.is_none();
        let end = credential.ask_again(home, peer, &rejected);
        all.push(Aimed { died, end });
        if died {
            return all;
        }
        if end == End::HonestSentence {
            credential.login(home);
        }
    }
    panic!("{credential:?}: {MOST_TRIES} renewals end before they are killed");
}

/// SplitMix64, from 0 to 1: the same in every run.
fn fraction(seed: u64) -> f64 {
    let mut z = seed.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    f64::from((z >> 32) as u32) / f64::from(u32::MAX)
}

fn unlisted(list: &str) -> &str {
    list.trim_start_matches('[').trim_end_matches(']')
}
