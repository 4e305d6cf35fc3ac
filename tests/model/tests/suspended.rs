//! Where a refresh token can be spent twice after all, by the shortest way: SECURITY.md says the same in words.

use tokenway_model::check::{Story, Until, check};
use tokenway_model::setting::{Leases, Setting};
use tokenway_model::settings::{expiring, forward};

#[test]
fn a_holder_that_stands_still_between_answer_and_save_until_its_lease_has_ended() {
    let story = shortest(&expiring());
    assert_eq!(story.how, "a token is sent again although the fate of its sending is known");
    happens_in_order(&story, &["Refresh(Grant { family: 0, index: 0 }): Serve", "Tokens", "wants to post form"]);
    let is_saved = story.steps.iter().any(|step| step.contains("wants to save"));
    assert!(!is_saved, "{story:#?}");
    is_safe(&Setting { prompt_saves: true, ..expiring() });
    is_safe(&Setting { leases: Leases::Hold, ..expiring() });
}

#[test]
fn a_sender_that_sleeps_with_its_bytes_under_way_until_its_lease_has_ended() {
    let sleeping = Setting { slow_bytes: true, prompt_saves: true, ..expiring() };
    let story = shortest(&sleeping);
    assert_eq!(story.how, "two processes send at a time");
    happens_in_order(&story, &["wants to post form", "40 s", "wants to post form"]);
    is_safe(&Setting { leases: Leases::Hold, ..sleeping });
}

#[test]
fn a_clock_that_jumps_forward_while_a_request_whose_answer_is_lost_was_under_way() {
    let story = shortest(&forward());
    assert_eq!(story.how, "a token is sent again within the second");
    happens_in_order(&story, &["wants to post form", "Jump(3)", "Lose", "wants to post form"]);
    is_safe(&Setting { jumps: &[-3], ..forward() });
}

fn shortest(setting: &Setting) -> Story {
    assert!(!setting.ways().is_empty());
    let mut found = check(setting, Until::Broken);
    assert_eq!(found.broken.len(), 1, "{found:#?}");
    found.broken.remove(0)
}

fn happens_in_order(story: &Story, parts: &[&str]) {
    let mut steps = story.steps.iter();
    for part in parts {
        assert!(steps.any(|step| step.contains(part)), "no {part:?} in its place: {story:#?}");
    }
}

fn is_safe(setting: &Setting) {
    assert!(setting.ways().is_empty());
    let found = check(setting, Until::AllSeen);
    assert!(found.broken.is_empty() && found.states > 1_000, "{found:#?}");
}
