//! The machine itself, synchronous: what a driver of one's own is written on.

use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::error::{Failure, Rejected};
use tokenway_core::event::{ActionId, Event, Outcome};
use tokenway_core::flow::Login;
use tokenway_core::json::{FromJson, Reading, ToJson, Value, Writer, object};
use tokenway_core::lifecycle::record::Record;
use tokenway_core::lifecycle::{GetToken, Logout, Scope, Token, Wish};
use tokenway_core::machine::{Machine, Reason};
use tokenway_core::moment::{Millis, Moment, UnixMillis};
use tokenway_core::secret::{Secret, TokenHash};
use tokenway_core::session::{Progress, Session, Step};
use tokenway_core::snapshot::Snapshot;
use tokenway_core::transcript::{End, Ends};
use wasm_bindgen::JsValue;
use wasm_bindgen::prelude::wasm_bindgen;

use crate::thrown::{self, Misuse};
use crate::{config, value};

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

    pub(crate) fn resume(snapshot: &str, config: &Config, moment: Moment) -> Result<Self, JsValue> {
        Session::resume(snapshot.as_bytes(), config, moment)
            .map(Running::Login)
            .map_err(|unreadable| thrown::misuse(Misuse::Unreadable, &unreadable.to_string()))
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

struct GivenMoment {
    now: UnixMillis,
    entropy: Entropy,
}

object!(read strict GivenMoment { now, entropy });

/// 32 numbers, or 64 hexadecimal digits as in transcripts; `None` when it is neither.
struct Entropy(Option<[u8; 32]>);

impl FromJson for Entropy {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        Entropy(match value {
            Some(Value::Text(digits)) => from_hex(digits),
            _ => Vec::<u8>::from_json(value, reading).try_into().ok(),
        })
    }
}

struct GivenWish {
    min_ttl: Millis,
    rejected: Option<TokenHash>,
}

object!(read strict GivenWish { min_ttl or Millis::ZERO, rejected });

/// The id stands beside the members of the outcome.
struct GivenEvent(Event);

impl FromJson for GivenEvent {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let members = reading.members(value, &["id"], false);
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
    /// Starts a login.
    ///
    /// # Errors
    /// A value of the wrong type, or a configuration that cannot work.
    pub fn login(config: &JsValue, moment: &JsValue) -> Result<RawSession, JsValue> {
        Ok(RawSession(Running::Login(Login::start(&config::config(config)?, read_moment(moment)?))))
    }

    /// Starts a request for a token.
    ///
    /// # Errors
    /// As [`RawSession::login`].
    #[wasm_bindgen(js_name = getToken)]
    pub fn get_token(config: &JsValue, wish: &JsValue, moment: &JsValue) -> Result<RawSession, JsValue> {
        let (config, wish) = (config::config(config)?, read_wish(wish)?);
        Ok(RawSession(Running::GetToken(GetToken::start(&config, wish, read_moment(moment)?))))
    }

    /// Starts a logout.
    ///
    /// # Errors
    /// As [`RawSession::login`].
    pub fn logout(config: &JsValue, everywhere: &JsValue, moment: &JsValue) -> Result<RawSession, JsValue> {
        let (config, scope) = (config::config(config)?, read_scope(everywhere)?);
        Ok(RawSession(Running::Logout(Logout::start(&config, scope, read_moment(moment)?))))
    }

    /// Goes on with a login from its snapshot.
    ///
    /// # Errors
    /// As [`RawSession::login`], or a snapshot that cannot be resumed.
    pub fn resume(snapshot: &JsValue, config: &JsValue, moment: &JsValue) -> Result<RawSession, JsValue> {
        let text: String = value::read("the snapshot", snapshot)?;
        Running::resume(&text, &config::config(config)?, read_moment(moment)?).map(RawSession)
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

pub(crate) fn read_wish(given: &JsValue) -> Result<Wish, JsValue> {
    let GivenWish { min_ttl, rejected } = value::read("the wish", given)?;
    Ok(Wish { min_ttl, rejected })
}

pub(crate) fn read_scope(everywhere: &JsValue) -> Result<Scope, JsValue> {
    let everywhere: bool = value::read("everywhere", everywhere)?;
    Ok(if everywhere { Scope::Everywhere } else { Scope::LocalOnly })
}

fn read_moment(given: &JsValue) -> Result<Moment, JsValue> {
    let GivenMoment { now, entropy } = value::read("the moment", given)?;
    let entropy =
        entropy.0.ok_or_else(|| thrown::misuse(Misuse::WrongValue, "the moment: its entropy is not 32 bytes"))?;
    Ok(Moment { now, entropy })
}

fn from_hex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, at) in bytes.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(text.get(at..at + 2)?, 16).ok()?;
    }
    Some(bytes)
}
