//! A session of any of the three flows, and the action that it waits for.

use std::hash::{Hash, Hasher};

use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::error::Failure;
use tokenway_core::event::{ActionId, Callback, CallbackSource, Event, Listening, Opened, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::lifecycle::{GetToken, Logout, Scope, Token, Wish};
use tokenway_core::machine::Machine;
use tokenway_core::moment::Moment;
use tokenway_core::secret::Secret;
use tokenway_core::session::{Session, Step};
use tokenway_core::snapshot::Snapshot;

/// A session of core's.
#[derive(Clone, Debug, Hash)]
pub(crate) enum Flow {
    /// A request for a token.
    GetToken(Session<GetToken>),
    /// A login.
    Login(Session<Login>),
    /// A logout.
    Logout(Session<Logout>),
}

/// How it ended.
#[derive(Clone, Debug)]
pub(crate) enum End {
    /// A request for a token.
    GetToken(Result<Token, Box<Failure>>),
    /// A login or a logout: whoever asked for it knows that a person is needed.
    OfAPerson,
}

/// A session that waits for the answer to an action.
#[derive(Debug)]
pub(crate) struct Standing {
    /// The session.
    pub(crate) flow: Flow,
    /// What it waits for.
    pub(crate) action: Action,
    id: ActionId,
}

impl Hash for Standing {
    /// The action follows from the session.
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.flow.hash(state);
    }
}

impl Flow {
    /// A request for a token.
    #[must_use]
    pub(crate) fn get_token(config: &Config, wish: Wish, moment: Moment) -> Self {
        Flow::GetToken(GetToken::start(config, wish, moment))
    }

    /// A login of number `login`, up to the point at which it has its redirect: nobody else sees what it did before.
    #[must_use]
    pub(crate) fn login(config: &Config, login: u8, moment: Moment) -> Self {
        returned(Login::start(config, moment), login, moment)
    }

    /// A logout.
    #[must_use]
    pub(crate) fn logout(config: &Config, moment: Moment) -> Self {
        Flow::Logout(Logout::start(config, Scope::Everywhere, moment))
    }

    /// A login goes on in another process.
    ///
    /// # Panics
    /// If its snapshot cannot be read.
    #[must_use]
    pub(crate) fn resumed(snapshot: &[u8], config: &Config, login: u8, moment: Moment) -> Self {
        returned(Session::resume(snapshot, config, moment).expect("a readable snapshot"), login, moment)
    }

    /// What another process would find of it.
    #[must_use]
    pub(crate) fn checkpoint(&self) -> Option<Snapshot> {
        match self {
            Flow::Login(session) => session.checkpoint(),
            Flow::GetToken(_) | Flow::Logout(_) => None,
        }
    }

    /// The end, or the action that it waits for.
    ///
    /// # Errors
    /// The end.
    pub(crate) fn standing(self) -> Result<Standing, Box<End>> {
        let wants = match &self {
            Flow::GetToken(session) => wants(session),
            Flow::Login(session) => wants(session),
            Flow::Logout(session) => wants(session),
        };
        match wants {
            Some((id, action)) => Ok(Standing { flow: self, action, id }),
            None => Err(Box::new(self.end())),
        }
    }

    fn end(self) -> End {
        match self {
            Flow::GetToken(session) => End::GetToken(session.into_end().expect("it has ended")),
            Flow::Login(_) | Flow::Logout(_) => End::OfAPerson,
        }
    }
}

impl Standing {
    /// The session after the answer. How many actions it had before does not matter to anybody any more.
    ///
    /// # Panics
    /// If the answer does not fit.
    #[must_use]
    pub(crate) fn answered(&self, outcome: Outcome, moment: Moment) -> Flow {
        let event = Event { id: self.id, outcome };
        match &self.flow {
            Flow::GetToken(session) => Flow::GetToken(after(session.clone(), event, moment)),
            Flow::Login(session) => Flow::Login(after(session.clone(), event, moment)),
            Flow::Logout(session) => Flow::Logout(after(session.clone(), event, moment)),
        }
    }
}

fn wants<M: Machine>(session: &Session<M>) -> Option<(ActionId, Action)> {
    match session.poll() {
        Step::Act { id, action } => Some((id, action)),
        Step::Done(_) => None,
    }
}

fn after<M: Machine>(mut session: Session<M>, event: Event, moment: Moment) -> Session<M> {
    session.handle(moment, event).expect("an answer that fits");
    session.renumbered()
}

/// Walks a login through browser and redirect.
fn returned(mut session: Session<Login>, login: u8, moment: Moment) -> Flow {
    while let Some((id, action)) = wants(&session) {
        let outcome = if let Action::Listen(listen) = &action {
            let redirect_uri = listen.candidates[0].replace(":0/", ":49152/");
            Outcome::Listening(Listening { redirect_uri })
        } else if let Action::OpenUrl(_) = &action {
            Outcome::Opened(Opened { browser: true })
        } else if let Action::AwaitCallback(wait) = &action {
            Outcome::Callback(approved(&wait.url, login))
        } else {
            break;
        };
        session = after(session, Event { id, outcome }, moment);
    }
    Flow::Login(session.renumbered())
}

fn approved(url: &str, login: u8) -> Callback {
    let state = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("state=")).expect("a state");
    Callback {
        source: CallbackSource::Listening,
        method: "GET".to_owned(),
        target: Secret::new(format!("/callback?code=c-{login}&state={state}")),
        headers: vec![("host".to_owned(), "127.0.0.1:49152".to_owned())],
        body: Secret::default(),
    }
}
