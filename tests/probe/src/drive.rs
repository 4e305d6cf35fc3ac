//! A driver whose world is canned: it answers every action as a server, a store and a person without trouble would.

use tokenway_core::action::{Action, LeaseNumber};
use tokenway_core::config::Config;
use tokenway_core::event::{Callback, CallbackSource, Event, Listening, Locked, Opened, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::http::{AnswerBody, HttpAnswer};
use tokenway_core::lifecycle::ledger::StoredLedger;
use tokenway_core::lifecycle::record::Record;
use tokenway_core::lifecycle::{GetToken, Wish};
use tokenway_core::machine::Machine;
use tokenway_core::moment::{Millis, Moment, UnixMillis};
use tokenway_core::provider::Provider;
use tokenway_core::secret::Secret;
use tokenway_core::session::{Session, Step};

const METADATA: &str = r#"{"issuer":"https://as.example","authorization_endpoint":"https://as.example/authorize",
    "token_endpoint":"https://as.example/token","response_types_supported":["code"],
    "code_challenge_methods_supported":["S256"],"authorization_response_iss_parameter_supported":true}"#;

const LOGIN_TOKENS: &str = r#"{"access_token":"AT1","token_type":"Bearer","expires_in":3600,"refresh_token":"RT1"}"#;

const RENEWED_TOKENS: &str = r#"{"access_token":"AT2","token_type":"Bearer","expires_in":3600,"refresh_token":"RT2"}"#;

/// A login at `now` (seconds since 1970). How many actions it took, if it gave the token that the server issued.
pub(crate) fn login(now: u32, seed: u8) -> Option<u32> {
    let config = config()?;
    let mut world = World::new(now, seed);
    let logged_in = world.run(Login::start(&config, world.moment()))?;
    (logged_in.record.access_token.expose() == "AT1").then_some(world.actions)
}

/// A login at `now`, and the token an hour later, when it has to be renewed. How many actions both took.
pub(crate) fn get_token(now: u32, seed: u8) -> Option<u32> {
    let config = config()?;
    let mut world = World::new(now, seed);
    world.run(Login::start(&config, world.moment()))?;
    world.now = world.now.plus(Millis::seconds(3_600));
    let token = world.run(GetToken::start(&config, Wish::default(), world.moment()))?;
    (token.record.access_token.expose() == "AT2").then_some(world.actions)
}

fn config() -> Option<Config> {
    Config::builder(Provider::generic("https://as.example")).client_id("probe").build().ok()
}

struct World {
    now: UnixMillis,
    seed: u8,
    stored: Option<Box<Record>>,
    actions: u32,
}

impl World {
    fn new(now: u32, seed: u8) -> Self {
        World { now: UnixMillis(u64::from(now) * 1_000), seed, stored: None, actions: 0 }
    }

    fn moment(&self) -> Moment {
        Moment { now: self.now, entropy: [self.seed.wrapping_add(self.actions as u8); 32] }
    }

    fn run<M: Machine>(&mut self, mut session: Session<M>) -> Option<M::Output> {
        while let Step::Act { id, action } = session.poll() {
            self.actions += 1;
            let outcome = self.perform(action);
            session.handle(self.moment(), Event { id, outcome }).ok()?;
        }
        session.into_end()?.ok()
    }

    fn perform(&mut self, action: Action) -> Outcome {
        match action {
            Action::AwaitCallback(wait) => redirect(&wait.url, &wait.redirect_uri),
            Action::Begin(_) => Outcome::Begun,
            Action::Delete(_) => Outcome::Deleted,
            Action::Fetch(_) => self.answer(METADATA),
            Action::Listen(_) => {
                Outcome::Listening(Listening { redirect_uri: "http://127.0.0.1:49152/callback".to_owned() })
            }
            Action::Load(_) => Outcome::Loaded(self.stored.clone()),
            Action::Lock(_) => Outcome::Locked(Locked { lease: LeaseNumber(1), ledger: StoredLedger::Absent }),
            Action::Note(_) => Outcome::Noted,
            Action::OpenUrl(_) => Outcome::Opened(Opened { browser: true }),
            Action::PostForm(_) if self.stored.is_some() => self.answer(RENEWED_TOKENS),
            Action::PostForm(_) => self.answer(LOGIN_TOKENS),
            Action::Save(save) => {
                self.stored = Some(save.record);
                Outcome::Saved
            }
            Action::Unlock(_) => Outcome::Unlocked,
            Action::WaitUntil(wait) => {
                self.now = self.now.plus(wait.span);
                Outcome::Elapsed
            }
        }
    }

    fn answer(&self, body: &str) -> Outcome {
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        let body = AnswerBody::new(body.as_bytes().to_vec());
        Outcome::Http(HttpAnswer { status: 200, headers, body, received_at: self.now })
    }
}

/// What the browser sends after the person consented.
fn redirect(url: &str, redirect_uri: &str) -> Outcome {
    let state = url.split(['?', '&']).find_map(|pair| pair.strip_prefix("state=")).unwrap_or_default();
    let origin_form = redirect_uri.trim_start_matches("http://127.0.0.1:49152");
    let target = format!("{origin_form}?code=C1&state={state}&iss=https%3A%2F%2Fas.example");
    Outcome::Callback(Callback {
        source: CallbackSource::Listening,
        method: "GET".to_owned(),
        target: Secret::new(target),
        headers: vec![("host".to_owned(), "127.0.0.1:49152".to_owned())],
        body: Secret::new(""),
    })
}
