//! Every mistake that a driver can make, at every state of every flow: it is refused, and nothing has changed.

#![allow(clippy::expect_used, clippy::panic, clippy::unwrap_used, reason = "in a test, whatever fails ends it")]

use tokenway_core::action::Action;
use tokenway_core::error::Rejected;
use tokenway_core::event::{ActionId, Event, Outcome};
use tokenway_core::machine::Machine;
use tokenway_core::session::{Progress, Session, Step};
use tokenway_tests::pool::{callbacks_that_count, callbacks_to_ignore, outcomes, outcomes_for};
use tokenway_tests::scenario::{self, Standing};

/// What the checks need of a flow, beyond being one.
trait Flow: Machine<Output: Clone + PartialEq> + Clone + PartialEq {}

impl<M: Machine<Output: Clone + PartialEq> + Clone + PartialEq> Flow for M {}

#[test]
fn wrong_outcomes_stale_numbers_and_late_events_change_nothing_in_a_login() {
    check_all(scenario::logins());
}

#[test]
fn wrong_outcomes_stale_numbers_and_late_events_change_nothing_in_a_request_for_a_token() {
    check_all(scenario::get_tokens());
}

#[test]
fn wrong_outcomes_stale_numbers_and_late_events_change_nothing_in_a_logout() {
    check_all(scenario::logouts());
}

#[test]
fn every_action_is_among_the_states_that_are_tried() {
    let mut names: Vec<&str> = Vec::new();
    names.extend(scenario::logins().iter().map(|stand| outstanding(&stand.session).1.name()));
    names.extend(scenario::get_tokens().iter().map(|stand| outstanding(&stand.session).1.name()));
    names.extend(scenario::logouts().iter().map(|stand| outstanding(&stand.session).1.name()));
    names.sort_unstable();
    names.dedup();
    assert_eq!(
        names,
        [
            "await callback",
            "begin",
            "delete",
            "fetch",
            "listen",
            "load",
            "lock",
            "note",
            "open URL",
            "post form",
            "save",
            "unlock",
            "wait",
        ]
    );
}

#[test]
fn what_does_not_count_is_ignored_and_what_counts_is_not() {
    let mut seen = 0;
    for stand in scenario::logins() {
        let (_, Action::AwaitCallback(wait)) = outstanding(&stand.session) else { continue };
        for outcome in callbacks_to_ignore(&wait) {
            let (session, progress) = handled(&stand.session, outcome);
            assert!(matches!(progress, Progress::Ignored(_)), "{}", stand.name);
            assert!(session == stand.session, "{}: a stray changed the login", stand.name);
        }
        for outcome in callbacks_that_count(&wait) {
            assert_eq!(handled(&stand.session, outcome).1, Progress::Advanced, "{}", stand.name);
        }
        seen += 1;
    }
    assert!(seen > 0);
}

fn check_all<M: Flow>(standing: Vec<Standing<M>>) {
    assert!(standing.len() > 5, "only {} states", standing.len());
    for stand in &standing {
        polling_twice_gives_the_same_action(stand);
        wrong_outcomes_are_refused(stand);
        stale_numbers_are_refused(stand);
        right_outcomes_advance(stand);
    }
}

fn polling_twice_gives_the_same_action<M: Flow>(stand: &Standing<M>) {
    let before = stand.session.clone();
    let (first, second) = (outstanding(&stand.session), outstanding(&stand.session));
    assert_eq!(first, second, "{}", stand.name);
    assert!(stand.session == before, "{}: polling changed the session", stand.name);
}

fn wrong_outcomes_are_refused<M: Flow>(stand: &Standing<M>) {
    let (id, action) = outstanding(&stand.session);
    for outcome in outcomes() {
        if action.accepts(&outcome) {
            continue;
        }
        let expected = Rejected::WrongOutcome { action: action.name(), outcome: outcome.name() };
        refused(stand, &stand.session, Event { id, outcome }, &expected);
    }
}

fn stale_numbers_are_refused<M: Flow>(stand: &Standing<M>) {
    let (id, action) = outstanding(&stand.session);
    let stale = [
        ActionId { step: id.step.wrapping_sub(1), ..id },
        ActionId { step: id.step + 1, ..id },
        ActionId { life: id.life.wrapping_sub(1), ..id },
        ActionId { life: id.life + 1, ..id },
        ActionId { life: u32::MAX, step: u32::MAX },
    ];
    for got in stale {
        // Even where the outcome would fit, and first of all where it would not.
        for outcome in outcomes_for(&action) {
            let expected = Rejected::Stale { expected: id, got };
            refused(stand, &stand.session, Event { id: got, outcome }, &expected);
        }
    }
}

fn right_outcomes_advance<M: Flow>(stand: &Standing<M>) {
    let (id, action) = outstanding(&stand.session);
    let mut accepted = 0;
    for outcome in outcomes_for(&action) {
        if !action.accepts(&outcome) {
            continue;
        }
        accepted += 1;
        let may_be_ignored = matches!((&action, &outcome), (Action::AwaitCallback(_), Outcome::Callback(_)));
        let said = outcome.name();
        let (session, progress) = handled(&stand.session, outcome.clone());
        if let Progress::Ignored(reason) = &progress {
            assert!(may_be_ignored, "{}: {said} was ignored: {}", stand.name, reason.sentence);
            assert!(session == stand.session, "{}: what was ignored changed the session", stand.name);
            continue;
        }
        match session.poll() {
            Step::Act { id: next, .. } => {
                assert_eq!(next, ActionId { step: id.step + 1, ..id }, "{}: {said}", stand.name);
            }
            Step::Done(_) => {
                for id in [id, ActionId { step: id.step + 1, ..id }] {
                    refused(stand, &session, Event { id, outcome: outcome.clone() }, &Rejected::Ended);
                }
            }
        }
    }
    assert!(accepted >= 2, "{}: {} has only {accepted} answers here", stand.name, action.name());
}

/// The event is refused, for this reason, and the session is what it was.
fn refused<M: Flow>(stand: &Standing<M>, before: &Session<M>, event: Event, expected: &Rejected) {
    let mut session = before.clone();
    let said = event.outcome.name();
    let rejected = session.handle(scenario::moment(200), event).expect_err(&stand.name);
    assert_eq!(&rejected, expected, "{}: {said}", stand.name);
    assert!(session == *before, "{}: {said} was refused and changed the session", stand.name);
}

fn handled<M: Flow>(before: &Session<M>, outcome: Outcome) -> (Session<M>, Progress) {
    let mut session = before.clone();
    let (id, _) = outstanding(&session);
    let progress = session.handle(scenario::moment(200), Event { id, outcome }).expect("the outcome fits");
    (session, progress)
}

fn outstanding<M: Machine>(session: &Session<M>) -> (ActionId, Action) {
    match session.poll() {
        Step::Act { id, action } => (id, action),
        Step::Done(_) => panic!("{session:?} has ended"),
    }
}
