//! A person logs in (RFC 6749 section 4.1, RFC 7636, RFC 8252, RFC 9207).
//!
//! ```text
//!  Discovering --metadata--> Listening --bound--> Opening --shown--> Awaiting --checked callback--> Beginning
//!                                                                    |  ^                              |
//!                                                         stray, forged: ignored                 the one claim
//!                                                                                                      |
//!                     done <--saved-- Saving <--tokens-- Exchanging <----------------------------------'
//! ```
//! Up to `Beginning` a login can be resumed from its snapshot; from then on the snapshot is a stub that says "begun",
//! because a code may be spent once.

mod checkpoint;
mod end;
mod state;

use crate::action::{Action, AwaitCallback, Begin, Listen, OpenUrl, Save, WaitUntil};
use crate::answers::{Awaited, Claim, Written};
use crate::config::{Config, Server};
use crate::error::{Failure, FailureKind, FlowStep, NextStep};
use crate::event::{Callback, Listening, Outcome};
use crate::flow::discovery::Discovery;
use crate::http::{IoFailureKind, Sent};
use crate::lifecycle::record::{Mark, Record};
use crate::machine::{Machine, Next, Reason};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::wire::callback::{self, CheckedCallback};
use crate::wire::class::Advice;
use crate::wire::metadata::Metadata;
use crate::wire::token;
use crate::wire::token_request;

pub use checkpoint::Unreadable;
pub use end::{LoggedIn, LoginNote};
use state::{Prepared, State, Target};

/// How often an exchange that never left this machine is tried.
const UNSENT_TRIES: u8 = 3;

/// The pause between those tries.
const UNSENT_PAUSE: Millis = Millis(500);

/// How often a conflicting save is tried: each conflict means that another process wrote in between.
const MAX_CONFLICTS: u8 = 16;

/// The machine of a login.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
pub struct Login {
    task: Box<Task>,
    state: State,
}

/// What stays the same from state to state.
#[derive(Clone, PartialEq, Eq)]
#[cfg_attr(feature = "model", derive(Hash))]
struct Task {
    config: Config,
    prepared: Prepared,
}

impl Login {
    /// Starts a login.
    #[must_use]
    pub fn start(config: &Config, moment: Moment) -> Session<Login> {
        let prepared = Prepared::new(config, &moment);
        let state = match &config.server {
            Server::Known(endpoints) => State::Listening { target: Target::known(endpoints, config), bound: None },
            Server::Discovered { issuer } => match Discovery::new(issuer, config.timing.request_deadline) {
                Some(discovery) => State::Discovering { discovery: Box::new(discovery) },
                None => return Session::ended(Err(Failure::bug("the issuer was not checked"))),
            },
        };
        Session::new(Box::new(Task { config: config.clone(), prepared }).with(state))
    }
}

impl Task {
    fn with(self: Box<Self>, state: State) -> Login {
        Login { task: self, state }
    }

    fn to(self: Box<Self>, state: State) -> Next<Login, LoggedIn> {
        Next::Continue(self.with(state))
    }

    fn url(&self, target: &Target, redirect_uri: &str) -> String {
        target.authorization_url(&self.config, &self.prepared, redirect_uri)
    }

    /// Looks at a redirect. What anybody could have sent does not end the login.
    fn received(
        self: Box<Self>,
        target: Box<Target>,
        redirect_uri: String,
        callback: Box<Callback>,
        now: UnixMillis,
    ) -> Next<Login, LoggedIn> {
        let expected = target.expected(&self.config, &self.prepared, &redirect_uri);
        match callback::check(&callback, &expected) {
            Ok(checked) => self.to(State::Beginning { target, redirect_uri, callback, checked }),
            Err(error) if error.advice == Advice::KeepWaiting => {
                let reason = Reason { status: error.http_status, sentence: error.detail };
                Next::Ignore(self.with(State::Awaiting { target, redirect_uri }), reason)
            }
            Err(error) => Next::Fail(end::callback_failure(*error, &self.config.provider, now)),
        }
    }

    fn exchange_answered(
        self: Box<Self>,
        target: Box<Target>,
        redirect_uri: String,
        checked: CheckedCallback,
        tries: u8,
        outcome: Outcome,
        moment: &Moment,
    ) -> Next<Login, LoggedIn> {
        let answer = match outcome.http() {
            Ok(answer) => answer,
            Err(failure) if failure.sent == Sent::NotSent && tries < UNSENT_TRIES => {
                let until = moment.now.plus(UNSENT_PAUSE);
                return self.to(State::Pausing { target, redirect_uri, checked, tries: tries + 1, until });
            }
            Err(failure) => return Next::Fail(end::exchange_lost(&failure)),
        };
        let context = self.config.code_context(checked.code(), self.prepared.verifier.secret());
        let tokens = match token::read(&answer, &context) {
            Ok(tokens) => tokens,
            Err(error) => return Next::Fail(end::exchange_failure(*error, moment.now)),
        };
        match end::record(&self.config, &self.prepared, &target, tokens, answer.received_at, moment) {
            Ok((record, notes)) => {
                self.to(State::Saving { record: Box::new(record), expected: None, replaced: None, notes, conflicts: 0 })
            }
            Err(failure) => Next::Fail(failure),
        }
    }

    /// The last login to finish wins, over whatever is there.
    fn save_conflict(
        self: Box<Self>,
        record: Box<Record>,
        theirs: Option<Box<Record>>,
        notes: Vec<end::LoginNote>,
        conflicts: u8,
        moment: &Moment,
    ) -> Next<Login, LoggedIn> {
        if conflicts >= MAX_CONFLICTS {
            let detail = "other processes keep writing this login";
            let next = NextStep::RetryAt { at: moment.now };
            let failure = Failure::boxed(FlowStep::Saving, FailureKind::Busy, detail, next).with_unsaved(record);
            return Next::Fail(failure);
        }
        let expected = theirs.as_ref().map(|theirs| theirs.version());
        let replaced = theirs.filter(|theirs| theirs.mark == Mark::LoggedIn);
        self.to(State::Saving { record, expected, replaced, notes, conflicts: conflicts + 1 })
    }
}

impl Machine for Login {
    type Output = LoggedIn;
    const NAME: &'static str = "login";

    fn action(&self) -> Action {
        let Task { config, prepared } = &*self.task;
        match &self.state {
            State::Awaiting { target, redirect_uri } => Action::AwaitCallback(AwaitCallback {
                url: self.task.url(target, redirect_uri),
                redirect_uri: redirect_uri.clone(),
                deadline: prepared.deadline,
            }),
            State::Beginning { .. } => {
                Action::Begin(Begin { login: prepared.name.clone(), stub: Snapshot::begun(&prepared.name) })
            }
            State::Discovering { discovery } => discovery.action(),
            State::Exchanging { target, redirect_uri, checked, not_after, .. } => {
                let token_endpoint = &target.endpoints.token;
                let verifier = prepared.verifier.secret();
                let code = checked.code();
                let mut request = token_request::code_exchange(config, token_endpoint, code, redirect_uri, verifier);
                request.not_after = Some(*not_after);
                Action::PostForm(request)
            }
            State::Listening { bound: None, .. } => Action::Listen(Listen { candidates: config.redirect_uris.clone() }),
            State::Listening { bound: Some(bound), .. } => {
                Action::Listen(Listen { candidates: vec![bound.redirect_uri.clone()] })
            }
            State::Opening { target, redirect_uri } => {
                Action::OpenUrl(OpenUrl { url: self.task.url(target, redirect_uri) })
            }
            State::Pausing { until, .. } => Action::WaitUntil(WaitUntil { at: *until, span: UNSENT_PAUSE }),
            State::Saving { record, expected, .. } => {
                let key = config.key.clone();
                Action::Save(Save { key, expected: expected.clone(), record: record.clone() })
            }
        }
    }

    fn advance(self, outcome: Outcome, moment: Moment) -> Next<Login, LoggedIn> {
        let Login { task, state } = self;
        match state {
            State::Awaiting { target, redirect_uri } => match outcome.awaited() {
                Ok(Awaited::Callback(callback)) => task.received(target, redirect_uri, Box::new(callback), moment.now),
                Ok(Awaited::TimedOut) => Next::Fail(end::nobody_came_back()),
                Err(failure) => Next::Fail(Failure::io(FlowStep::Callback, &failure, moment.now)),
            },
            State::Beginning { target, redirect_uri, checked, .. } => match outcome.claim() {
                Ok(Claim::Ours) => {
                    let not_after = moment.now.plus(task.config.timing.send_window());
                    task.to(State::Exchanging { target, redirect_uri, checked, tries: 1, not_after })
                }
                Ok(Claim::Theirs) => Next::Fail(end::interrupted()),
                Err(failure) => Next::Fail(Failure::store(FlowStep::CodeExchange, &failure)),
            },
            State::Discovering { discovery } => discovery.advance(outcome, moment).nest(
                task,
                |task, discovery| task.with(State::Discovering { discovery: Box::new(discovery) }),
                |task, end: Result<Metadata, Box<Failure>>| match end {
                    Ok(metadata) => {
                        let target = Target::discovered(metadata, &task.config);
                        task.to(State::Listening { target, bound: None })
                    }
                    Err(failure) => Next::Fail(failure),
                },
            ),
            State::Exchanging { target, redirect_uri, checked, tries, .. } => {
                task.exchange_answered(target, redirect_uri, checked, tries, outcome, &moment)
            }
            State::Listening { target, bound } => match (outcome.listening(), bound) {
                (Ok(Listening { redirect_uri }), None) => task.to(State::Opening { target, redirect_uri }),
                (Ok(Listening { redirect_uri }), Some(bound)) if redirect_uri == bound.redirect_uri => {
                    if bound.url_was_shown {
                        task.to(State::Awaiting { target, redirect_uri })
                    } else {
                        task.to(State::Opening { target, redirect_uri })
                    }
                }
                (Ok(_), Some(bound)) => Next::Fail(end::receiver_lost(&bound.redirect_uri)),
                (Err(failure), Some(bound)) if failure.kind == IoFailureKind::Unable => {
                    Next::Fail(end::receiver_lost(&bound.redirect_uri))
                }
                (Err(failure), _) => Next::Fail(Failure::io(FlowStep::Listening, &failure, moment.now)),
            },
            State::Opening { target, redirect_uri } => match outcome.opened() {
                Ok(()) => task.to(State::Awaiting { target, redirect_uri }),
                Err(failure) => Next::Fail(Failure::io(FlowStep::Opening, &failure, moment.now)),
            },
            State::Pausing { target, redirect_uri, checked, tries, .. } => {
                let not_after = moment.now.plus(task.config.timing.send_window());
                task.to(State::Exchanging { target, redirect_uri, checked, tries, not_after })
            }
            State::Saving { record, replaced, notes, conflicts, .. } => match outcome.written() {
                Ok(Written::Done) => Next::Done(LoggedIn { record, replaced, notes }),
                Ok(Written::Conflict(theirs)) => task.save_conflict(record, theirs, notes, conflicts, &moment),
                Err(failure) => {
                    let failure = Failure::store(FlowStep::Saving, &failure).with_unsaved(record);
                    Next::Fail(failure)
                }
            },
        }
    }
}
