//! A world that fits in a hand: one credential, one server, one person, all well-behaved until told otherwise.
//!
//! For tests that look at what a flow *asks for*. Tests about what happens between processes use a larger world.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tokenway_core::action::{Action, AwaitCallback, LeaseNumber};
use tokenway_core::config::Config;
use tokenway_core::error::Failure;
use tokenway_core::event::{Callback, CallbackSource, Event, Listening, Locked, Opened, Outcome};
use tokenway_core::flow::{LoggedIn, Login};
use tokenway_core::http::{AnswerBody, Body, HttpAnswer, HttpRequest, IoFailure, IoFailureKind, Sent};
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::lifecycle::record::Record;
use tokenway_core::lifecycle::{GetToken, LoggedOut, Logout, Scope, Token, Wish};
use tokenway_core::machine::Machine;
use tokenway_core::moment::{Millis, Moment, UnixMillis};
use tokenway_core::secret::Secret;
use tokenway_core::session::{Progress, Session, Step};

/// Late in 2025: a time at which milliseconds need more than 32 bits.
pub const START: UnixMillis = UnixMillis(1_764_000_000_000);

/// The steps after which a flow counts as running in circles.
const MAX_STEPS: usize = 1_000;

type Server = Box<dyn FnMut(&HttpRequest) -> Outcome>;
type Person = Box<dyn FnMut(&AwaitCallback) -> Outcome>;

/// The world.
pub struct Hand {
    /// The wall clock; it stands still unless a flow waits.
    pub now: UnixMillis,
    /// What is stored.
    pub record: Option<Box<Record>>,
    /// What lies beside the lock.
    pub ledger: StoredLedger,
    /// Each action in the order in which it was performed.
    pub log: Vec<Action>,
    /// Saves that fail before one works.
    pub failing_saves: u32,
    server: Server,
    person: Person,
    moments: u32,
}

impl Hand {
    /// A world whose server answers each request with `server`.
    pub fn new(server: impl FnMut(&HttpRequest) -> Outcome + 'static) -> Self {
        Hand {
            now: START,
            record: None,
            ledger: StoredLedger::Absent,
            log: Vec::new(),
            failing_saves: 0,
            server: Box::new(server),
            person: Box::new(|wait| redirect(wait, "code=the-code")),
            moments: 0,
        }
    }

    /// The same with another person, or another browser.
    #[must_use]
    pub fn with_person(mut self, person: impl FnMut(&AwaitCallback) -> Outcome + 'static) -> Self {
        self.person = Box::new(person);
        self
    }

    /// Another server from now on.
    pub fn serve(&mut self, server: impl FnMut(&HttpRequest) -> Outcome + 'static) {
        self.server = Box::new(server);
    }

    /// A whole login.
    ///
    /// # Errors
    /// The login's.
    pub fn login(&mut self, config: &Config) -> Result<LoggedIn, Box<Failure>> {
        let session = Login::start(config, self.moment());
        self.run(session)
    }

    /// A request for a token.
    ///
    /// # Errors
    /// The request's.
    pub fn token(&mut self, config: &Config, wish: Wish) -> Result<Token, Box<Failure>> {
        let session = GetToken::start(config, wish, self.moment());
        self.run(session)
    }

    /// A logout here and at the server.
    ///
    /// # Errors
    /// The logout's.
    pub fn logout(&mut self, config: &Config) -> Result<LoggedOut, Box<Failure>> {
        let session = Logout::start(config, Scope::Everywhere, self.moment());
        self.run(session)
    }

    /// Drives a session to its end.
    ///
    /// # Errors
    /// The flow's.
    ///
    /// # Panics
    /// When the flow runs in circles, or an outcome does not answer its action.
    #[allow(clippy::panic, reason = "a tool of tests")]
    pub fn run<M: Machine>(&mut self, mut session: Session<M>) -> Result<M::Output, Box<Failure>> {
        for _ in 0..MAX_STEPS {
            if self.step(&mut session).is_none() {
                let Some(end) = session.into_end() else { panic!("a flow without an end") };
                return end;
            }
        }
        panic!("the flow runs in circles: {session:?}");
    }

    /// Performs one action; `None` when the flow has ended.
    ///
    /// # Panics
    /// When the outcome does not answer the action.
    #[allow(clippy::panic, reason = "a tool of tests")]
    pub fn step<M: Machine>(&mut self, session: &mut Session<M>) -> Option<Progress> {
        let Step::Act { id, action } = session.poll() else { return None };
        let outcome = self.perform(&action);
        self.log.push(action);
        match session.handle(self.moment(), Event { id, outcome }) {
            Ok(progress) => Some(progress),
            Err(rejected) => panic!("{rejected}"),
        }
    }

    /// The time, and entropy that no other moment of this world has.
    pub fn moment(&mut self) -> Moment {
        self.moments += 1;
        let mut entropy = [0xa5; 32];
        entropy[..4].copy_from_slice(&self.moments.to_be_bytes());
        Moment { now: self.now, entropy }
    }

    /// The requests that were sent, in order.
    #[must_use]
    pub fn requests(&self) -> Vec<HttpRequest> {
        let request = |action: &Action| {
            if let Action::Fetch(request) | Action::PostForm(request) = action { Some(request.clone()) } else { None }
        };
        self.log.iter().filter_map(request).collect()
    }

    /// The names of the actions, in order.
    #[must_use]
    pub fn names(&self) -> Vec<&'static str> {
        self.log.iter().map(Action::name).collect()
    }

    /// What a well-behaved world answers.
    pub fn perform(&mut self, action: &Action) -> Outcome {
        match action {
            Action::AwaitCallback(wait) => (self.person)(wait),
            Action::Begin(_) => Outcome::Begun,
            Action::Delete(delete) => self.replace(Some(&delete.expected), None, Outcome::Deleted),
            Action::Fetch(request) | Action::PostForm(request) => received((self.server)(request), self.now),
            Action::Listen(listen) => {
                let first = listen.candidates.first().cloned().unwrap_or_default();
                Outcome::Listening(Listening { redirect_uri: first.replace(":0/", ":49152/") })
            }
            Action::Load(_) => Outcome::Loaded(self.record.clone()),
            Action::Lock(_) => Outcome::Locked(Locked { lease: LeaseNumber(1), ledger: self.ledger.clone() }),
            Action::Note(note) => {
                self.ledger = StoredLedger::Read(note.ledger.clone());
                Outcome::Noted
            }
            Action::OpenUrl(_) => Outcome::Opened(Opened { browser: true }),
            Action::Save(_) if self.failing_saves > 0 => {
                self.failing_saves -= 1;
                failed(Sent::NotSent, IoFailureKind::Unable, "the disk is full")
            }
            Action::Save(save) => {
                let record = Some(save.record.clone());
                self.replace(save.expected.as_ref(), record, Outcome::Saved)
            }
            Action::Unlock(_) => Outcome::Unlocked,
            Action::WaitUntil(wait) => {
                self.pass(wait.at.since(self.now).min(wait.span));
                Outcome::Elapsed
            }
        }
    }

    /// Lets time pass, for the ledger as well.
    pub fn pass(&mut self, span: Millis) {
        self.now = self.now.plus(span);
        if let StoredLedger::Read(ledger) = self.ledger.clone() {
            self.ledger = StoredLedger::Read(ledger.aged(span));
        }
    }

    fn replace(
        &mut self,
        expected: Option<&tokenway_core::lifecycle::record::Version>,
        record: Option<Box<Record>>,
        done: Outcome,
    ) -> Outcome {
        if self.record.as_ref().map(|record| record.version()).as_ref() != expected {
            return Outcome::Conflict(self.record.clone());
        }
        self.record = record;
        done
    }
}

/// A redirect to the URI that is waited for, with these parameters and the right `state`.
#[must_use]
pub fn redirect(wait: &AwaitCallback, parameters: &str) -> Outcome {
    let state = parameter(&wait.url, "state").unwrap_or_default();
    callback(wait, &format!("{parameters}&state={state}"))
}

/// A GET of the URI that is waited for, with this query.
#[must_use]
pub fn callback(wait: &AwaitCallback, query: &str) -> Outcome {
    let (host, path) = host_and_path(&wait.redirect_uri);
    Outcome::Callback(Callback {
        source: CallbackSource::Listening,
        method: "GET".to_owned(),
        target: Secret::new(format!("{path}?{query}")),
        headers: vec![("host".to_owned(), host)],
        body: Secret::default(),
    })
}

/// Something that a person pasted.
#[must_use]
pub fn pasted(text: &str) -> Outcome {
    Outcome::Callback(Callback {
        source: CallbackSource::Pasted,
        method: "URL".to_owned(),
        target: Secret::new(text),
        headers: Vec::new(),
        body: Secret::default(),
    })
}

/// An answer in JSON.
#[must_use]
pub fn json(status: u16, body: &Value) -> Outcome {
    answer(status, &body.to_string())
}

/// An answer; the world says when it was received.
#[must_use]
pub fn answer(status: u16, body: &str) -> Outcome {
    let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
    let body = AnswerBody::new(body.as_bytes().to_vec());
    Outcome::Http(HttpAnswer { status, headers, body, received_at: START })
}

/// The same outcome; if it is an answer, received at that time.
#[must_use]
pub fn received(outcome: Outcome, received_at: UnixMillis) -> Outcome {
    if let Outcome::Http(answer) = outcome {
        return Outcome::Http(HttpAnswer { received_at, ..answer });
    }
    outcome
}

/// Trouble.
#[must_use]
pub fn failed(sent: Sent, kind: IoFailureKind, detail: &str) -> Outcome {
    Outcome::Failed(IoFailure { sent, kind, detail: detail.to_owned() })
}

/// The pairs of a form, in order.
#[must_use]
pub fn form(request: &HttpRequest) -> Vec<(String, String)> {
    match &request.body {
        Body::Form(fields) => {
            fields.iter().map(|field| (field.name.clone(), field.value.expose().to_owned())).collect()
        }
        Body::Empty | Body::Json(_) => Vec::new(),
    }
}

/// The body of a JSON request; `null` when it is none.
#[must_use]
pub fn json_body(request: &HttpRequest) -> Value {
    match &request.body {
        Body::Json(text) => serde_json::from_str(text.expose()).unwrap_or_default(),
        Body::Empty | Body::Form(_) => Value::Null,
    }
}

/// A header's value.
#[must_use]
pub fn header<'r>(request: &'r HttpRequest, name: &str) -> Option<&'r str> {
    request.headers.iter().find(|header| header.name == name).map(|header| header.value.expose())
}

/// The query of a URL, decoded, in order.
#[must_use]
pub fn query(url: &str) -> Vec<(String, String)> {
    let query = url.split_once('?').map_or("", |(_, query)| query);
    url::form_urlencoded::parse(query.as_bytes()).into_owned().collect()
}

/// One parameter of a URL.
#[must_use]
pub fn parameter(url: &str, name: &str) -> Option<String> {
    query(url).into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// A JSON Web Token with these claims, and a signature that nobody checks.
#[must_use]
pub fn jwt(claims: &Value) -> String {
    let part = |text: &str| URL_SAFE_NO_PAD.encode(text);
    format!("{}.{}.{}", part(r#"{"alg":"none"}"#), part(&claims.to_string()), part("signature"))
}

fn host_and_path(redirect_uri: &str) -> (String, String) {
    let rest = redirect_uri.split_once("://").map_or(redirect_uri, |(_, rest)| rest);
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    (host.to_owned(), format!("/{path}"))
}
