//! Rows 42 to 59, as far as core decides them: what is listened on, and which answer counts.

use tokenway_core::action::{Action, AwaitCallback};
use tokenway_core::error::{Failure, FailureKind, NextStep};
use tokenway_core::event::{Callback, CallbackSource, Event, Listening, Opened, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::machine::Reason;
use tokenway_core::moment::Millis;
use tokenway_core::secret::Secret;
use tokenway_core::session::{Progress, Session, Step};
use tokenway_tests::hand::{self, Hand, START};

use crate::{codex, generous};

/// A login that waits for its callback.
fn waiting() -> (Session<Login>, AwaitCallback) {
    let mut hand = Hand::new(generous());
    let mut session = Login::start(&codex(), hand.moment());
    loop {
        if let Step::Act { action: Action::AwaitCallback(wait), .. } = session.poll() {
            return (session, wait);
        }
        hand.step(&mut session).expect("it waits before it ends");
    }
}

fn answer(session: &mut Session<Login>, outcome: Outcome) -> Progress {
    let Step::Act { id, .. } = session.poll() else { panic!("it has ended") };
    let moment = Hand::new(generous()).moment();
    session.handle(moment, Event { id, outcome }).expect("the outcome answers the action")
}

/// What a stray request is told; the login goes on, which the right answer then shows.
fn ignored(change: impl FnOnce(&mut Callback)) -> Reason {
    let (mut session, wait) = waiting();
    let Outcome::Callback(mut callback) = hand::redirect(&wait, "code=the-code") else { panic!("a callback") };
    change(&mut callback);
    let Progress::Ignored(reason) = answer(&mut session, Outcome::Callback(callback)) else { panic!("it counted") };
    assert_eq!(answer(&mut session, hand::redirect(&wait, "code=the-code")), Progress::Advanced);
    reason
}

fn ended(parameters: &str) -> Box<Failure> {
    let (mut session, wait) = waiting();
    assert_eq!(answer(&mut session, hand::redirect(&wait, parameters)), Progress::Advanced);
    session.into_end().expect("it has ended").expect_err("without success")
}

#[test]
fn row_42_the_receiver_is_bound_before_the_browser_opens() {
    let mut hand = Hand::new(generous());
    hand.login(&codex()).unwrap();
    assert_eq!(hand.names()[..3], ["listen", "open URL", "await callback"]);
}

#[test]
fn row_43_a_fixed_redirect_uri_may_say_localhost_and_has_a_second_port() {
    let mut hand = Hand::new(generous());
    hand.login(&codex()).unwrap();
    let Action::Listen(listen) = &hand.log[0] else { panic!("it listens first") };
    assert_eq!(listen.candidates, ["http://localhost:1455/auth/callback", "http://localhost:1457/auth/callback"]);
}

#[test]
fn row_43_a_port_that_is_taken_is_told_as_the_driver_says_it() {
    let mut session = Login::start(&codex(), Hand::new(generous()).moment());
    answer(&mut session, hand::failed(Sent::NotSent, IoFailureKind::Unable, "port 1455 is taken by process 4711"));
    let failure = session.into_end().unwrap().unwrap_err();
    assert_eq!(failure.kind, FailureKind::Unable);
    assert!(failure.to_string().contains("1455") && failure.to_string().contains("4711"));
}

#[test]
fn row_44_requests_without_parameters_do_not_count() {
    for target in ["/favicon.ico", "/", "/auth/callback", "/auth/callback?"] {
        let reason = ignored(|callback| callback.target = Secret::new(target));
        assert!(matches!(reason.status, 400 | 404), "{target}");
    }
}

#[test]
fn row_45_only_a_get_of_the_exact_path_counts() {
    for method in ["POST", "HEAD", "OPTIONS", "PUT", "get"] {
        assert_eq!(ignored(|callback| callback.method = method.to_owned()).status, 405, "{method}");
    }
    for path in ["/auth/callback/", "/AUTH/CALLBACK", "/other", "//auth/callback"] {
        let moved = |callback: &mut Callback| {
            let target = callback.target.expose().replacen("/auth/callback", path, 1);
            callback.target = Secret::new(target);
        };
        assert_eq!(ignored(moved).status, 404, "{path}");
    }
}

#[test]
fn row_46_a_malformed_request_does_not_end_the_login() {
    for target in ["/auth/callback?\u{1}", "/auth/callback?%", "/auth/callback?=&=&&", "?", "", "http://"] {
        ignored(|callback| callback.target = Secret::new(target));
    }
}

#[test]
fn row_47_an_error_with_the_wrong_state_does_not_end_the_login() {
    for query in ["error=access_denied", "error=access_denied&state=", "error=access_denied&state=guessed"] {
        ignored(|callback| callback.target = Secret::new(format!("/auth/callback?{query}")));
    }
}

#[test]
fn row_48_the_error_code_is_data_and_the_servers_text_is_cleaned() {
    let failure = ended("error=access_denied&error_description=No%1b%5B31m%0a%3Cb%3Ethanks%E2%80%AE");
    assert_eq!(failure.code.as_deref(), Some("access_denied"));
    assert!(failure.detail.contains("thanks"), "{failure}");
    assert!(!failure.detail.contains(|c: char| c.is_control() || c == '\u{202e}'), "{failure:?}");
    assert!(matches!(failure.next, NextStep::AskUser { .. }));
}

#[test]
fn row_49_what_else_the_callback_carries_is_looked_at() {
    let failure = ended("code=the-code&iss=https%3A%2F%2Fevil.example");
    assert_eq!(failure.kind, FailureKind::Misbehaved);
    assert!(failure.detail.contains("iss differs"), "{failure}");
    let (mut session, wait) = waiting();
    let right = hand::redirect(&wait, "code=the-code&iss=https%3A%2F%2Fauth.openai.com");
    assert_eq!(answer(&mut session, right), Progress::Advanced);
    assert!(matches!(session.poll(), Step::Act { action: Action::Begin(_), .. }));
}

#[test]
fn row_50_what_is_wrong_with_a_callback_is_said() {
    assert!(ended("scope=openid").detail.contains("neither code nor error"));
    let stateless = ignored(|callback| callback.target = Secret::new("/auth/callback?code=the-code"));
    assert!(stateless.sentence.contains("state"), "{}", stateless.sentence);
    let empty = ignored(|callback| callback.target = Secret::new("/auth/callback"));
    assert!(empty.sentence.contains("without parameters"), "{}", empty.sentence);
}

#[test]
fn row_51_parameters_are_decoded_as_a_form_in_utf_8() {
    assert!(ended("error=caf%C3%A9&error_description=un+caf%C3%A9%20ferm%C3%A9").detail.contains("un café fermé"));
    let mut hand = Hand::new(generous()).with_person(|wait| hand::redirect(wait, "code=a+b%2Fc%25"));
    hand.login(&codex()).unwrap();
    let exchange = hand.requests().remove(0);
    assert!(hand::form(&exchange).contains(&("code".to_owned(), "a b/c%".to_owned())));
}

#[test]
fn row_53_every_request_that_does_not_count_has_an_answer() {
    let reason = ignored(|callback| callback.headers[0].1 = "evil.example".to_owned());
    assert_eq!(reason.status, 421);
    assert!(!reason.sentence.is_empty());
}

#[test]
fn row_54_a_login_waits_for_the_person_and_not_for_ever() {
    let (mut session, wait) = waiting();
    assert_eq!(wait.deadline, START.plus(Millis::seconds(600)));
    answer(&mut session, Outcome::TimedOut);
    assert_eq!(session.into_end().unwrap().unwrap_err().kind, FailureKind::TimedOut);
}

#[test]
fn row_56_a_browser_that_does_not_open_leaves_the_url_on_the_screen() {
    let mut session = Login::start(&codex(), Hand::new(generous()).moment());
    let redirect_uri = "http://localhost:1455/auth/callback".to_owned();
    answer(&mut session, Outcome::Listening(Listening { redirect_uri }));
    let Step::Act { action: Action::OpenUrl(open), .. } = session.poll() else { panic!("it opens a URL") };
    answer(&mut session, Outcome::Opened(Opened { browser: false }));
    let Step::Act { action: Action::AwaitCallback(wait), .. } = session.poll() else { panic!("it waits") };
    assert_eq!(wait.url, open.url);
}

#[test]
fn row_58_whoever_shows_the_url_and_brings_the_answer_can_be_anything() {
    let (mut session, wait) = waiting();
    let state = hand::parameter(&wait.url, "state").unwrap();
    let window = Callback {
        source: CallbackSource::OneShot,
        method: "URL".to_owned(),
        target: Secret::new(format!("{}?code=the-code&state={state}", wait.redirect_uri)),
        headers: Vec::new(),
        body: Secret::default(),
    };
    assert_eq!(answer(&mut session, Outcome::Callback(window)), Progress::Advanced);
    assert!(matches!(session.poll(), Step::Act { action: Action::Begin(_), .. }));
}

#[test]
fn row_59_a_paste_counts_as_well_as_a_redirect_and_cancelling_ends_the_login() {
    let (_, wait) = waiting();
    let state = hand::parameter(&wait.url, "state").unwrap();
    for text in [
        format!("{}?code=the-code&state={state}", wait.redirect_uri),
        format!("the-code#{state}"),
        "the-code".to_owned(),
    ] {
        let (mut session, _) = waiting();
        assert_eq!(answer(&mut session, hand::pasted(&text)), Progress::Advanced, "{text}");
        assert!(matches!(session.poll(), Step::Act { action: Action::Begin(_), .. }));
    }
    let (mut session, _) = waiting();
    answer(&mut session, hand::failed(Sent::NotSent, IoFailureKind::Cancelled, "declined"));
    assert_eq!(session.into_end().unwrap().unwrap_err().kind, FailureKind::Cancelled);
}
