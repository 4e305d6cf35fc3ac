//! Each safeguard is needed: the world without it breaks a rule, and the same world with it does not.

use tokenway_model::check::{Until, check};
use tokenway_model::setting::{Safeguard, Setting};
use tokenway_model::settings::needing;

#[test]
fn a_second_load_that_is_answered_from_the_first_spends_a_token_twice() {
    is_needed(Safeguard::SecondLoad, "I2", "a token is sent again although the fate of its sending is known");
}

#[test]
fn a_save_that_takes_any_generation_brings_a_login_back_over_a_later_one() {
    is_needed(Safeguard::ComparedGeneration, "I3", "a login comes back over a later one");
}

#[test]
fn a_ledger_without_the_intent_lets_a_token_be_sent_again_at_once() {
    is_needed(Safeguard::NotedIntent, "I2", "a token is sent again within the second");
}

#[test]
fn a_forged_age_of_a_sending_lets_a_token_be_sent_again_at_once() {
    is_needed(Safeguard::AgeOfASending, "I2", "a token is sent again within the second");
}

#[test]
fn a_lease_that_is_given_to_two_lets_both_send() {
    is_needed(Safeguard::ExclusiveLease, "I2", "two processes send at a time");
}

#[test]
fn a_wait_that_never_ends_hangs_its_process() {
    is_needed(Safeguard::EndOfAWait, "I6", "a process that is left alone does not end");
}

#[test]
fn bytes_that_leave_after_their_instant_land_on_a_later_rotation() {
    is_needed(Safeguard::NotAfter, "I2", "a token is sent while an older one can still land");
}

fn is_needed(safeguard: Safeguard, rule: &str, how: &str) {
    let with = needing(safeguard);
    let safe = check(&with, Until::AllSeen);
    assert!(safe.broken.is_empty() && safe.states > 100, "with it: {safe:#?}");
    let without = Setting { without: Some(safeguard), ..with };
    let found = check(&without, Until::Broken);
    let story = found.broken.first().map(|story| (story.rule, story.how.as_str()));
    assert_eq!(story, Some((rule, how)), "without it: {found:#?}");
}
