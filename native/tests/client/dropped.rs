//! The driver's own future, and each call of a client, dropped at every await: what was on its way is saved, or said.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokenway::Client;
use tokenway::core::action::Action;
use tokenway::core::error::{FailureKind, NextStep};
use tokenway::core::event::Event;
use tokenway::core::http::{HttpAnswer, HttpRequest, IoFailure};
use tokenway::core::lifecycle::{GetToken, Logout, Scope, Wish};
use tokenway::core::machine::Machine;
use tokenway::core::moment::{Millis, Moment};
use tokenway::core::session::{Progress, Session};
use tokenway::driver::{self, End, NoObserver, Observer};
use tokenway::http::{BoxFuture, Guard, Http, ReqwestHttp};
use tokenway::world::CommonWorld;
use tokio::sync::watch;
use tokio::task::JoinSet;

use crate::cancelling::polled;
use crate::parts::{Person, Setting, halting};

/// So many drops are tried at once: after most of them a second has to pass before the next sending.
const AT_ONCE: usize = 16;

/// So often all awaits of a renewal are tried before a token that was lost with its answer is missed.
const ROUNDS: usize = 5;

#[tokio::test]
async fn a_renewal_that_is_dropped_at_any_await_of_the_driver_ends_with_a_token_or_the_honest_sentence() {
    let dropped_after = |polls| async move {
        let setting = Setting::expired().await;
        let ended = driven(&setting, |moment| GetToken::start(&setting.config, Wish::default(), moment), polls).await;
        let counts = setting.server.counts();
        let end = match token_of_another(&setting).await {
            Ok(token) => {
                assert!(setting.server.admits(&token), "dropped after {polls} polls: {token}");
                "token"
            }
            Err(refused) => {
                assert!(refused.contains("which no client can prevent"), "dropped after {polls} polls: {refused}");
                assert_eq!((counts.refreshes, setting.server.counts().reuses), (1, 1), "dropped after {polls} polls");
                "sentence"
            }
        };
        (ended, end)
    };
    let mut ends = Vec::new();
    // How often a request is polled is chance: on a busy machine all drops of a round may miss its answer.
    for _ in 0..ROUNDS {
        ends.extend(at_every_await(dropped_after).await);
        if ends.contains(&"sentence") {
            break;
        }
    }
    let honest = ends.iter().filter(|end| **end == "sentence").count();
    eprintln!("dropped: a renewal at {} awaits: {} tokens, {honest} honest sentences", ends.len(), ends.len() - honest);
    assert!(honest > 0 && ends.len() - honest > 15, "load, lock, load, note, post, save, unlock: {ends:?}");
}

#[tokio::test]
async fn a_logout_that_is_dropped_at_any_await_of_the_driver_leaves_the_login_or_none_at_all() {
    let ends = at_every_await(|polls| async move {
        let setting = Setting::fresh().await;
        let logout = |moment| Logout::start(&setting.config, Scope::Everywhere, moment);
        let ended = driven(&setting, logout, polls).await;
        let client = setting.client();
        let end = match client.token().await {
            Ok(token) => {
                assert_eq!(token.secret().expose(), "access-old", "dropped after {polls} polls");
                "logged in"
            }
            Err(failure) => {
                assert_eq!(failure.kind, FailureKind::NoCredential, "dropped after {polls} polls: {failure}");
                "logged out"
            }
        };
        client.logout(Scope::Everywhere).await.unwrap();
        assert_eq!(setting.stored().await, None, "dropped after {polls} polls");
        (ended, end)
    })
    .await;
    let out = ends.iter().filter(|end| **end == "logged out").count();
    eprintln!("dropped: a logout at {} awaits: {} logged in, {out} logged out", ends.len(), ends.len() - out);
    assert!(out > 0 && out < ends.len(), "{ends:?}");
}

#[tokio::test]
async fn a_login_whose_caller_goes_away_after_any_step_is_there_or_left_no_trace() {
    let mut ends = Vec::new();
    for steps in 1.. {
        let setting = Setting::empty();
        let (client, seen) = observed(&setting);
        let ended = tokio::select! {
            biased;
            () = reached(&seen, steps) => false,
            login = client.login_with(Person::with_browser()) => login.is_ok(),
        };
        assert!(client.close().await, "left after {steps} steps");
        let stored = setting.stored_token().await;
        assert_eq!(stored.is_some(), setting.server.counts().exchanges == 1, "left after {steps} steps");
        if let Some(token) = &stored {
            assert!(setting.server.admits(token), "left after {steps} steps");
        }
        let next = setting.client().login_with(Person::with_browser()).await.unwrap();
        assert!(setting.server.admits(next.record.access_token.expose()));
        ends.push(stored.is_some());
        if ended {
            break;
        }
    }
    let there = ends.iter().filter(|there| **there).count();
    eprintln!("dropped: a login after {} steps: {there} logged in, {} left no trace", ends.len(), ends.len() - there);
    assert!(there > 0 && there < ends.len(), "{ends:?}");
}

#[tokio::test]
async fn a_logout_whose_caller_goes_away_after_any_step_goes_on_without_them() {
    let mut steps = 1;
    loop {
        let setting = Setting::fresh().await;
        let (client, seen) = observed(&setting);
        let ended = tokio::select! {
            biased;
            () = reached(&seen, steps) => false,
            logout = client.logout(Scope::Everywhere) => logout.is_ok(),
        };
        while setting.stored().await.is_some() || setting.server.has_grants() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        assert_eq!(client.token().await.unwrap_err().kind, FailureKind::NoCredential, "left after {steps} steps");
        if ended {
            break;
        }
        steps += 1;
    }
    assert!(steps >= 4, "load, mark, revoke, delete; seen {steps}");
}

/// Drops after one poll, after two, ... until the future completes first. What was found each time.
async fn at_every_await<T, F>(drop_after: impl Fn(usize) -> F) -> Vec<T>
where
    T: Send + 'static,
    F: Future<Output = (bool, T)> + Send + 'static,
{
    let mut found = Vec::new();
    for first in (0..).step_by(AT_ONCE) {
        let mut crowd = JoinSet::new();
        for polls in first..first + AT_ONCE {
            crowd.spawn(drop_after(polls));
        }
        let batch = crowd.join_all().await;
        let completed = batch.iter().any(|(ended, _)| *ended);
        found.extend(batch.into_iter().filter(|(ended, _)| !ended).map(|(_, what)| what));
        if completed {
            break;
        }
    }
    found
}

/// Runs a flow as a process does that is gone after so many polls, store and all. True: it ended before.
async fn driven<M: Machine + Send>(setting: &Setting, start: impl FnOnce(Moment) -> Session<M>, polls: usize) -> bool
where
    M::Output: Send,
{
    let store = setting.watched();
    store.halts.store(true, Ordering::SeqCst);
    let http = Arc::new(HaltingHttp(ReqwestHttp::default()));
    let mut world = CommonWorld { key: setting.config.key().clone(), store, http };
    let session = start(driver::moment().unwrap());
    let end: Option<End<M>> = polled(driver::run(session, &mut world, &NoObserver, |_| ()), polls).await;
    end.is_some()
}

/// What another process gets, or the sentence with which the server ended the login.
async fn token_of_another(setting: &Setting) -> Result<String, String> {
    let client = setting.client();
    loop {
        match client.token().await {
            Ok(token) => return Ok(token.secret().expose().to_owned()),
            Err(failure) => match failure.next {
                NextStep::LogIn => return Err(failure.detail),
                NextStep::RetryAt { at } | NextStep::OutcomeUnknown { retry_at: at } => {
                    let Millis(pause) = at.since(driver::now());
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                }
                NextStep::AskUser { .. } | NextStep::FixConfiguration { .. } | NextStep::ReportBug => {
                    panic!("{failure}")
                }
            },
        }
    }
}

/// Counts the steps of its client.
struct Steps(watch::Sender<usize>);

impl Observer for Steps {
    fn stepped(&self, _: &'static str, _: &Action, _: &Moment, _: &Event, _: &Progress) {
        self.0.send_modify(|steps| *steps += 1);
    }
}

fn observed(setting: &Setting) -> (Client, watch::Receiver<usize>) {
    let (steps, seen) = watch::channel(0);
    let builder = Client::builder(setting.config.clone()).store(setting.files()).observer(Arc::new(Steps(steps)));
    (builder.build().unwrap(), seen)
}

async fn reached(seen: &watch::Receiver<usize>, steps: usize) {
    seen.clone().wait_for(|seen| *seen >= steps).await.unwrap();
}

/// An await before and after each request.
struct HaltingHttp(ReqwestHttp);

impl Http for HaltingHttp {
    fn send<'a>(&'a self, request: &'a HttpRequest, guard: Guard) -> BoxFuture<'a, Result<HttpAnswer, IoFailure>> {
        Box::pin(halting(self.0.send(request, guard)))
    }
}
