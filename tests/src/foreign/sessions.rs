//! Whole flows under arbitrary events: a world that is mostly well-behaved, and breaks off, lies and jumps in time where
//! the input says so.

use std::fmt::Debug;

use serde_json::json;
use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::event::{ActionId, Event, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::json::to_text;
use tokenway_core::lifecycle::{GetToken, Logout, Scope, Wish};
use tokenway_core::machine::Machine;
use tokenway_core::moment::{Millis, Moment};
use tokenway_core::secret::Secret;
use tokenway_core::session::{Progress, Session, Step};
use tokenway_core::transcript::{NotRedacted, Recording};

use super::events::Events;
use super::{assert_hides, assert_presentable};
use crate::hand::{self, Hand};
use crate::scenario::{self, ISSUER, secrets};

/// Steps after which a flow that goes in circles is left: each costs a byte of the input at least.
const MAX_STEPS: u8 = 200;

/// A login, resumed from its checkpoints or recorded.
pub(super) fn login(bytes: &[u8]) {
    let mut events = Events::new(bytes, vec![secrets::CLIENT_SECRET.into(), secrets::CODE.into(), secrets::verifier()]);
    let config = scenario::config(events.chance().then(scenario::endpoints));
    let start = scenario::moment(0);
    let recording = events.is_recorded().then(|| Recording::of_login(&config, start));
    let resumes = recording.is_none();
    let resume = |session: Session<Login>, moment| match session.checkpoint().filter(|_| resumes) {
        Some(snapshot) => resumed(&session, snapshot.as_bytes(), &config, moment),
        None => session,
    };
    run(Login::start(&config, start), recording, events, resume, |_| ());
}

fn resumed(session: &Session<Login>, snapshot: &[u8], config: &Config, moment: Moment) -> Session<Login> {
    let written = String::from_utf8_lossy(snapshot);
    assert_hides(
        &written,
        &[secrets::CLIENT_SECRET, secrets::NEW_ACCESS_TOKEN, secrets::NEW_REFRESH_TOKEN].map(Into::into),
    );
    match Session::<Login>::resume(snapshot, config, moment) {
        Ok(session) => session,
        Err(unreadable) => panic!("the snapshot of {session:?} cannot be resumed: {unreadable}"),
    }
}

/// A request for a token.
pub(super) fn get_token(bytes: &[u8]) {
    let mut events = Events::new(bytes, vec![secrets::CLIENT_SECRET.into(), secrets::REFRESH_TOKEN.into()]);
    let config = scenario::config(Some(scenario::endpoints()));
    let rejected = events.chance().then(|| Secret::new(secrets::ACCESS_TOKEN).hash());
    let wish = Wish { min_ttl: Millis(events.number()), rejected };
    let start = scenario::moment(0);
    let recording = events.is_recorded().then(|| Recording::of_get_token(&config, wish.clone(), start));
    let sent = |action: &Action| {
        let Action::PostForm(request) = action else { return };
        assert!(request.url.starts_with(ISSUER), "tokens go to {}", request.url);
        let guarded = request.not_after.is_some() && request.lease.is_some();
        assert!(!request.single_use || guarded, "a refresh token goes out without a guard");
    };
    run(GetToken::start(&config, wish, start), recording, events, |session, _| session, sent);
}

/// A logout.
pub(super) fn logout(bytes: &[u8]) {
    let mut events = Events::new(bytes, vec![secrets::CLIENT_SECRET.into(), secrets::REFRESH_TOKEN.into()]);
    let config = scenario::config(Some(scenario::endpoints()));
    let scope = if events.chance() { Scope::Everywhere } else { Scope::LocalOnly };
    let start = scenario::moment(0);
    let recording = events.is_recorded().then(|| Recording::of_logout(&config, scope, start));
    let sent = |action: &Action| {
        let (Action::PostForm(request) | Action::Fetch(request)) = action else { return };
        assert!(scope == Scope::Everywhere, "a local logout asks the server");
        assert!(request.url.starts_with(ISSUER), "tokens go to {}", request.url);
    };
    run(Logout::start(&config, scope, start), recording, events, |session, _| session, sent);
}

fn run<M>(
    mut session: Session<M>,
    mut recording: Option<Recording>,
    mut events: Events<'_>,
    mut resume: impl FnMut(Session<M>, Moment) -> Session<M>,
    asked: impl Fn(&Action),
) where
    M: Machine<Output: Clone + PartialEq + Debug> + Clone + PartialEq,
{
    let hidden = secrets::all();
    let mut world = well_behaved(&mut events);
    let mut now = scenario::START;
    for step in 1..=MAX_STEPS {
        let Step::Act { id, action } = session.poll() else { break };
        check_action(&session, id, &action, &hidden);
        asked(&action);
        now = events.later(now);
        let moment = Moment { now, ..scenario::moment(step) };
        if events.makes_a_mistake() {
            refuses(&session, moment, Event { id, outcome: events.any_outcome() }, &action);
            refuses(
                &session,
                moment,
                Event { id: ActionId { step: id.step + 1, ..id }, outcome: Outcome::Lost },
                &action,
            );
        }
        let outcome = hand::received(events.outcome(&action, &mut world), now);
        let event = Event { id, outcome };
        if let Some(recording) = &mut recording {
            recording.step(moment, &event);
        }
        let before = session.clone();
        match session.handle(moment, event) {
            Ok(Progress::Advanced) => {}
            Ok(Progress::Ignored(reason)) => {
                assert!(session == before, "what was ignored changed the session");
                assert_presentable(&reason.sentence);
                assert_hides(&reason.sentence, &hidden);
            }
            Err(rejected) => panic!("{rejected}"),
        }
        if events.are_over() {
            break;
        }
        if events.dies() {
            session = resume(session, moment);
        }
    }
    if let Step::Done(end) = session.poll() {
        assert_hides(&format!("{end:?}"), &hidden);
        if let Err(failure) = end {
            assert_presentable(&failure.message());
            assert_presentable(&failure.advice());
            assert_hides(&to_text(&**failure), &hidden);
        }
        let over = Event { id: ActionId { life: 0, step: 0 }, outcome: Outcome::Elapsed };
        assert!(session.clone().handle(scenario::moment(0), over).is_err(), "a flow ended twice");
    }
    if let Some(recording) = recording {
        redacted(&recording, &hidden);
    }
}

/// A world that holds a record, and a server that renews it.
fn well_behaved(events: &mut Events<'_>) -> Hand {
    let tokens = json!({
        "access_token": secrets::NEW_ACCESS_TOKEN, "refresh_token": secrets::NEW_REFRESH_TOKEN,
        "id_token": secrets::id_token("person-1"), "token_type": "Bearer", "expires_in": 3_600,
    });
    let metadata = json!({
        "issuer": ISSUER, "authorization_endpoint": scenario::endpoints().authorization,
        "token_endpoint": scenario::endpoints().token,
    });
    let answers = move |url: &str| hand::json(200, if url.contains("well-known") { &metadata } else { &tokens });
    let code = format!("code={}", secrets::CODE);
    let mut world =
        Hand::new(move |request| answers(&request.url)).with_person(move |wait| hand::redirect(wait, &code));
    world.record = events.record();
    world
}

fn check_action<M: Machine + PartialEq>(session: &Session<M>, id: ActionId, action: &Action, hidden: &[String]) {
    let Step::Act { id: again, action: same } = session.poll() else { panic!("{session:?} ended by itself") };
    assert!(again == id && same == *action, "polling twice gives two actions");
    assert_eq!(serde_json::to_string(action).ok(), Some(to_text(action)), "two forms of one action");
    assert_hides(&format!("{session:?}"), hidden);
    // The URL of a login must hold `state` and nonce.
    if !matches!(action, Action::AwaitCallback(_) | Action::OpenUrl(_)) {
        assert_hides(&format!("{action:?}"), hidden);
    }
}

/// An event that does not answer the action changes nothing.
fn refuses<M>(session: &Session<M>, moment: Moment, event: Event, action: &Action)
where
    M: Machine<Output: Clone + PartialEq> + Clone + PartialEq,
{
    let mut changed = session.clone();
    let Step::Act { id, .. } = session.poll() else { return };
    let answers = event.id == id && action.accepts(&event.outcome);
    match changed.handle(moment, event) {
        Ok(_) => assert!(answers, "{} was answered by what answers nothing", action.name()),
        Err(rejected) => assert!(!answers && changed == *session, "{rejected}, and it changed the session"),
    }
}

/// A transcript shows no secret, replays, and is refused only for what it might show.
fn redacted(recording: &Recording, hidden: &[String]) {
    match recording.redacted() {
        Ok(transcript) => {
            assert_hides(&transcript.text(), hidden);
            assert!(transcript.replay().is_ok(), "a transcript that does not replay was handed out");
        }
        Err(NotRedacted::NotARun { event }) => panic!("event {event} of a run does not fit it"),
        Err(NotRedacted::Differs { .. } | NotRedacted::Leaks { .. }) => {}
    }
}
