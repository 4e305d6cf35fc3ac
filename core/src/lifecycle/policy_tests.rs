//! When a token is fresh, due or dead, at every edge.

use super::*;
use crate::lifecycle::record::{LoginId, RECORD_FORMAT, Unknown};
use crate::secret::Secret;

const RENEWED: UnixMillis = UnixMillis(1_000_000_000);

fn moment(entropy: u8) -> Moment {
    Moment { now: RENEWED, entropy: [entropy; 32] }
}

/// A token of 1000 s, due 200 s before its end.
fn record() -> Record {
    Record {
        format: RECORD_FORMAT,
        login_id: LoginId("login".to_owned()),
        generation: 1,
        client_id: "native".to_owned(),
        issuer: None,
        token_endpoint: "https://as.example/token".to_owned(),
        revocation_endpoint: None,
        mark: Mark::LoggedIn,
        access_token: Secret::new("AT"),
        token_type: "Bearer".to_owned(),
        refresh_token: Some(Secret::new("RT")),
        scopes: None,
        claims: Default::default(),
        expires_at: Some(after(1_000)),
        due_at: Some(after(800)),
        renewed_at: RENEWED,
        renewed_from: None,
        resources: Vec::new(),
        renewed_for_rejection: false,
        unknown: Unknown::default(),
    }
}

fn after(seconds: u64) -> UnixMillis {
    RENEWED.plus(Millis::seconds(seconds))
}

fn any() -> Wish {
    Wish::default()
}

fn at_least(seconds: u64) -> Wish {
    Wish { min_ttl: Millis::seconds(seconds), rejected: None }
}

fn rejecting(token: &str) -> Wish {
    Wish { min_ttl: Millis::ZERO, rejected: Some(Secret::new(token).hash()) }
}

#[test]
fn the_margin_is_a_fifth_of_a_short_life_and_five_minutes_of_a_long_one() {
    for (life, widest) in [(0, 0), (1, 200), (300, 60_000), (1_500, 300_000), (3_600, 300_000), (864_000, 300_000)] {
        for entropy in 0..=u8::MAX {
            let (expires_at, due_at) = lifetime(&moment(entropy), RENEWED, Millis::seconds(life));
            let margin = expires_at.since(due_at).0;
            assert_eq!(expires_at, after(life));
            assert!(margin <= widest && margin >= widest - widest / 4, "{margin} of {widest} for {life} s");
        }
    }
}

#[test]
fn a_token_of_five_minutes_is_renewed_in_its_last_minute() {
    let (expires_at, due_at) = lifetime(&moment(1), RENEWED, Millis::seconds(300));
    assert!(expires_at.since(due_at) <= Millis::seconds(60));
}

#[test]
fn a_fleet_does_not_renew_in_step() {
    let due = |entropy| lifetime(&moment(entropy), RENEWED, Millis::seconds(3_600)).1.0;
    let instants: std::collections::BTreeSet<u64> = (0..=u8::MAX).map(due).collect();
    assert!(instants.len() > 100, "only {} different instants", instants.len());
}

#[test]
fn a_life_beyond_all_measure_does_not_overflow() {
    let (expires_at, due_at) = lifetime(&moment(9), RENEWED, Millis(u64::MAX));
    assert_eq!(expires_at, UnixMillis(u64::MAX));
    assert!(due_at < expires_at);
}

#[test]
fn a_token_is_fresh_then_due_then_dead() {
    let standing = |seconds| standing(&record(), &any(), after(seconds));
    assert_eq!(standing(0), Standing::Fresh);
    assert_eq!(standing(799), Standing::Fresh);
    assert_eq!(standing(800), Standing::Due);
    assert_eq!(standing(999), Standing::Due);
    assert_eq!(standing(1_000), Standing::Unusable);
    assert!(Standing::Due.is_usable() && !Standing::Unusable.is_usable());
}

#[test]
fn a_token_of_unknown_life_is_used_until_the_api_refuses_it() {
    let record = Record { expires_at: None, due_at: None, ..record() };
    assert_eq!(standing(&record, &at_least(86_400), after(1_000_000)), Standing::Fresh);
    assert_eq!(standing(&record, &rejecting("AT"), after(1)), Standing::Unusable);
}

#[test]
fn a_clock_that_went_back_makes_the_life_unknown() {
    let before = RENEWED.minus(Millis(1));
    assert_eq!(standing(&record(), &at_least(86_400), before), Standing::Fresh);
    assert_eq!(standing(&record(), &any(), UnixMillis(0)), Standing::Fresh);
    assert_eq!(standing(&record(), &rejecting("AT"), before), Standing::Unusable);
}

#[test]
fn a_token_shorter_than_wished_is_due() {
    assert_eq!(standing(&record(), &at_least(900), after(100)), Standing::Fresh);
    assert_eq!(standing(&record(), &at_least(900), after(101)), Standing::Due);
}

#[test]
fn a_token_renewed_a_moment_ago_is_as_fresh_as_can_be() {
    let wish = at_least(86_400);
    assert_eq!(standing(&record(), &wish, after(0)), Standing::FreshAsCanBe);
    assert_eq!(standing(&record(), &wish, after(9)), Standing::FreshAsCanBe);
    assert_eq!(standing(&record(), &wish, after(10)), Standing::Due);
}

#[test]
fn only_the_very_token_that_was_rejected_is_of_no_use() {
    assert_eq!(standing(&record(), &rejecting("AT"), after(1)), Standing::Unusable);
    assert_eq!(standing(&record(), &rejecting("an older one"), after(1)), Standing::Fresh);
}

#[test]
fn a_record_marked_as_logged_out_is_of_no_use() {
    let record = Record { mark: Mark::LoggedOut, ..record() };
    assert_eq!(standing(&record, &any(), after(1)), Standing::Unusable);
}

#[test]
fn the_fruit_of_a_rejection_is_not_renewed_for_another_at_once() {
    let interval = Millis::seconds(10);
    let refused = |record: &Record, token, now| refused_when_new(record, &rejecting(token), now, interval);
    let fruit = Record { renewed_for_rejection: true, ..record() };
    assert!(refused(&fruit, "AT", after(0)) && refused(&fruit, "AT", after(9)));
    assert!(!refused(&fruit, "AT", after(10)));
    assert!(!refused(&fruit, "an older one", after(1)));
    assert!(!refused(&record(), "AT", after(1)));
    assert!(!refused(&fruit, "AT", RENEWED.minus(Millis(1))), "a clock that went back measures nothing");
}
