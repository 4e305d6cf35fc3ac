//! The machine itself: synchronous, for who writes a driver of their own, and run to its end by ours.

use js_sys::Promise;
use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::error::{Failure, Rejected};
use tokenway_core::event::{ActionId, Event, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::json::{FromJson, Reading, ToJson, Value, Writer, object};
use tokenway_core::lifecycle::record::{RECORD_FORMAT, Record};
use tokenway_core::lifecycle::{GetToken, Logout, Scope, Standing, Token, Wish, standing};
use tokenway_core::machine::{Machine, Reason};
use tokenway_core::moment::{Millis, Moment, UnixMillis};
use tokenway_core::secret::{Secret, TokenHash};
use tokenway_core::session::{Progress, Session, Step};
use tokenway_core::snapshot::Snapshot;
use tokenway_core::transcript::{End, Ends};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;
use wasm_bindgen_futures::future_to_promise;

use crate::moment::now;
use crate::thrown::{self, Misuse};
use crate::world::World;
use crate::{config, driver, value};

/// A running machine of any flow.
pub(crate) enum Running {
    GetToken(Session<GetToken>),
    Login(Session<Login>),
    Logout(Session<Logout>),
}

/// What a machine wants.
pub(crate) enum Wanted {
    Act(ActionId, Action),
    End(Ended),
}

/// How a machine ended: as it may be shown, and the record with its tokens.
pub(crate) struct Ended {
    pub(crate) shown: End,
    pub(crate) end: Result<Option<Box<Record>>, Box<Failure>>,
}

impl Running {
    pub(crate) fn poll(&self) -> Wanted {
        match self {
            Running::GetToken(session) => wanted(session, |token| Some(token.record.clone())),
            Running::Login(session) => wanted(session, |logged_in| Some(logged_in.record.clone())),
            Running::Logout(session) => wanted(session, |_| None),
        }
    }

    pub(crate) fn handle(&mut self, moment: Moment, event: Event) -> Result<Progress, Rejected> {
        match self {
            Running::GetToken(session) => session.handle(moment, event),
            Running::Login(session) => session.handle(moment, event),
            Running::Logout(session) => session.handle(moment, event),
        }
    }

    /// What is stored of a login; `None` for the flows that have no snapshot, and for a login that has ended.
    pub(crate) fn checkpoint(&self) -> Option<Snapshot> {
        match self {
            Running::GetToken(_) | Running::Logout(_) => None,
            Running::Login(session) => session.checkpoint(),
        }
    }

    /// New tokens whose save has failed and is tried again.
    pub(crate) fn unsaved(&self) -> Option<Token> {
        match self {
            Running::GetToken(session) => session.unsaved(),
            Running::Login(_) | Running::Logout(_) => None,
        }
    }

    pub(crate) fn flow(&self) -> &'static str {
        match self {
            Running::GetToken(_) => "get_token",
            Running::Login(_) => "login",
            Running::Logout(_) => "logout",
        }
    }
}

fn wanted<M: Machine>(session: &Session<M>, record: impl FnOnce(&M::Output) -> Option<Box<Record>>) -> Wanted
where
    M::Output: Ends,
{
    match session.poll() {
        Step::Act { id, action } => Wanted::Act(id, action),
        Step::Done(end) => {
            let shown = End::of(end);
            Wanted::End(Ended { shown, end: end.as_ref().map(record).map_err(Clone::clone) })
        }
    }
}

/// The JavaScript face of [`Running`].
#[wasm_bindgen(js_name = RawSession)]
pub struct RawSession(Running);

/// Which flow, and what is wanted of it.
struct Flow {
    name: String,
    wish: Option<GivenWish>,
    everywhere: Option<bool>,
    snapshot: Option<String>,
}

object!(read strict Flow { name, wish, everywhere, snapshot });

struct GivenWish {
    min_ttl: Millis,
    rejected: Option<TokenHash>,
}

object!(read strict GivenWish { min_ttl or Millis::ZERO, rejected });

impl Flow {
    fn start(self, config: &Config, moment: Moment) -> Result<Running, JsValue> {
        match self {
            Flow { name, wish: Some(GivenWish { min_ttl, rejected }), .. } if name == "get_token" => {
                Ok(Running::GetToken(GetToken::start(config, Wish { min_ttl, rejected }, moment)))
            }
            Flow { name, .. } if name == "login" => Ok(Running::Login(Login::start(config, moment))),
            Flow { name, everywhere: Some(everywhere), .. } if name == "logout" => {
                let scope = if everywhere { Scope::Everywhere } else { Scope::LocalOnly };
                Ok(Running::Logout(Logout::start(config, scope, moment)))
            }
            Flow { name, snapshot: Some(snapshot), .. } if name == "resume" => {
                Session::resume(snapshot.as_bytes(), config, moment)
                    .map(Running::Login)
                    .map_err(|unreadable| thrown::misuse(Misuse::Unreadable, &unreadable.message()))
            }
            _ => Err(thrown::misuse(Misuse::WrongValue, "what is wanted: a part of it is missing")),
        }
    }
}

struct GivenMoment {
    now: UnixMillis,
    entropy: String,
}

object!(read strict GivenMoment { now, entropy });

/// The id stands beside the members of the outcome.
struct GivenEvent(Event);

impl FromJson for GivenEvent {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let members = reading.members(value);
        GivenEvent(Event { id: reading.member(&members, "id"), outcome: Outcome::from_json(value, reading) })
    }
}

impl ToJson for Wanted {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        match self {
            Wanted::Act(id, action) => {
                out.name("act");
                out.open('{');
                out.member("id", id);
                out.member("action", action);
            }
            Wanted::End(Ended { shown, end }) => {
                out.name("done");
                out.open('{');
                out.member("end", shown);
                out.member("record", &end.as_ref().ok().and_then(Option::as_ref));
            }
        }
        out.close('}');
        out.close('}');
    }
}

#[wasm_bindgen(js_class = RawSession)]
impl RawSession {
    /// Starts a flow, or goes on with a login.
    ///
    /// # Errors
    /// A value of the wrong type, a configuration that cannot work, or a snapshot that cannot be resumed.
    pub fn start(flow: &JsValue, config: &JsValue, moment: &JsValue) -> Result<RawSession, JsValue> {
        let flow: Flow = value::read("what is wanted", flow)?;
        flow.start(&config::read(config)?, read_moment(moment)?).map(RawSession)
    }

    /// Runs it to its end.
    pub fn run(self, world: World) -> Promise {
        future_to_promise(async move {
            let ended = driver::run(self.0, &world).await.map_err(|failure| thrown::failure(&failure))?;
            match &ended.end {
                Ok(_) => Ok(value::write(&ended)),
                Err(failure) => Err(thrown::failure(failure)),
            }
        })
    }

    /// The action that stands, or the end.
    pub fn poll(&self) -> JsValue {
        value::write(&self.0.poll())
    }

    /// Takes what happened.
    ///
    /// # Errors
    /// The caller's mistakes; the session has not changed.
    pub fn handle(&mut self, moment: &JsValue, event: &JsValue) -> Result<JsValue, JsValue> {
        let moment = read_moment(moment)?;
        let GivenEvent(event) = value::read("the event", event)?;
        match self.0.handle(moment, event).map_err(|error| thrown::rejected(&error))? {
            Progress::Advanced => Ok(JsValue::from_str("advanced")),
            Progress::Ignored(reason) => Ok(value::write(&IgnoredFor(&reason))),
        }
    }

    /// What to store, so that another process can go on with this login.
    pub fn snapshot(&self) -> Option<String> {
        self.0.checkpoint().map(|snapshot| String::from_utf8_lossy(snapshot.as_bytes()).into_owned())
    }
}

/// `{"ignored": ...}`
struct IgnoredFor<'a>(&'a Reason);

impl ToJson for IgnoredFor<'_> {
    fn to_json(&self, out: &mut Writer) {
        out.only_member("ignored", self.0);
    }
}

/// The name under which a token is told from others where no secret may stand.
///
/// # Errors
/// It is not text.
#[wasm_bindgen(js_name = tokenHash)]
pub fn token_hash(token: &JsValue) -> Result<String, JsValue> {
    let token: String = value::read("the token", token)?;
    Ok(Secret::new(token).hash().as_str().to_owned())
}

/// How a stored record stands now: `fresh`, `due` or `dead`; `newer` when another version of tokenway wrote it.
///
/// # Errors
/// It is not a record.
#[wasm_bindgen(js_name = standingOf)]
pub fn standing_of(record: &JsValue) -> Result<String, JsValue> {
    let record: Record = value::read("the record", record)?;
    if record.format > RECORD_FORMAT {
        return Ok("newer".to_owned());
    }
    let word = match standing(&record, &Wish::default(), now()) {
        Standing::Due => "due",
        Standing::Fresh | Standing::FreshAsCanBe => "fresh",
        Standing::Unusable => "dead",
    };
    Ok(word.to_owned())
}

fn read_moment(given: &JsValue) -> Result<Moment, JsValue> {
    let GivenMoment { now, entropy } = value::read("the moment", given)?;
    let entropy = from_hex(&entropy)
        .ok_or_else(|| thrown::misuse(Misuse::WrongValue, "the moment: its entropy is not 32 bytes"))?;
    Ok(Moment { now, entropy })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 {
        return None;
    }
    for (at, digit) in text.chars().enumerate() {
        let byte = bytes.get_mut(at / 2)?;
        *byte = *byte << 4 | digit.to_digit(16)? as u8;
    }
    Some(bytes)
}
