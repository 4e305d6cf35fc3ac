//! Logins that outlive their process: snapshots and how they are resumed.
//!
//! A snapshot holds `state`, verifier and nonce, but no client secret and never a token. From `Begin` on it is a stub:
//! no code, no verifier.

use std::fmt;

use super::end;
use super::state::{Bound, Prepared, State, Target};
use super::{LoggedIn, Login, Task};
use crate::config::Config;
use crate::event::Callback;
use crate::flow::discovery::Discovery;
use crate::json::read::{FromJson, Reading};
use crate::json::{self, ToJson, Writer, object};
use crate::lifecycle::record::CredentialKey;
use crate::machine::Next;
use crate::moment::Moment;
use crate::secret::Secret;
use crate::session::Session;
use crate::snapshot::Snapshot;
use crate::wire::json::Value;
use crate::wire::text;

/// The format that this version writes, and the only one that it reads.
const FORMAT: u32 = 1;

/// A snapshot cannot be resumed: the login starts anew.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unreadable {
    /// Another version wrote it.
    Format {
        /// Its number.
        found: u32,
    },
    /// It is not a snapshot of a login.
    NotASnapshot,
    /// It belongs to another credential than the configuration names.
    OtherCredential,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message())
    }
}

impl Unreadable {
    /// What is wrong, in one line for people.
    #[must_use]
    pub fn message(&self) -> String {
        let what = match self {
            Unreadable::Format { found } => {
                let found = text::decimal(*found);
                text::joined(&["the snapshot has format ", &found, ", which this version cannot read"])
            }
            Unreadable::NotASnapshot => "this is not the snapshot of a login".to_owned(),
            Unreadable::OtherCredential => "the snapshot belongs to another login than the one configured".to_owned(),
        };
        text::joined(&[&what, ": log in again"])
    }
}

impl std::error::Error for Unreadable {}

struct Stored {
    format: u32,
    login: String,
    at: Stage,
}

object!(Stored { format, login, at });

enum Stage {
    Begun,
    Open(Box<Open>),
}

impl ToJson for Stage {
    fn to_json(&self, out: &mut Writer) {
        match self {
            Stage::Begun => out.text("begun"),
            Stage::Open(open) => out.only_member("open", open),
        }
    }
}

impl FromJson for Stage {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let (at, value) = reading.variant(value, "begun open");
        match at {
            0 => Stage::Begun,
            _ => Stage::Open(FromJson::from_json(value.as_ref(), reading)),
        }
    }
}

struct Open {
    life: u32,
    key: CredentialKey,
    prepared: Prepared,
    waits_for: WaitsFor,
}

object!(Open { life, key, prepared, waits_for });

enum WaitsFor {
    Callback { target: Box<Target>, redirect_uri: String, received: Option<Box<Callback>> },
    Metadata { discovery: Box<Discovery> },
    Receiver { target: Box<Target> },
    UrlShown { target: Box<Target>, redirect_uri: String },
}

impl ToJson for WaitsFor {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        match self {
            WaitsFor::Callback { target, redirect_uri, received } => {
                out.name("callback");
                out.open('{');
                out.member("target", target);
                out.member("redirect_uri", redirect_uri);
                out.member("received", received);
            }
            WaitsFor::Metadata { discovery } => {
                out.name("metadata");
                out.open('{');
                out.member("discovery", discovery);
            }
            WaitsFor::Receiver { target } => {
                out.name("receiver");
                out.open('{');
                out.member("target", target);
            }
            WaitsFor::UrlShown { target, redirect_uri } => {
                out.name("url_shown");
                out.open('{');
                out.member("target", target);
                out.member("redirect_uri", redirect_uri);
            }
        }
        out.close('}');
        out.close('}');
    }
}

impl FromJson for WaitsFor {
    fn from_json(value: Option<&Value<'_>>, reading: &mut Reading<'_>) -> Self {
        let (at, value) = reading.variant(value, "callback metadata receiver url_shown");
        let members = reading.members(value.as_ref());
        match at {
            0 => WaitsFor::Callback {
                target: reading.member(&members, "target"),
                redirect_uri: reading.member(&members, "redirect_uri"),
                received: reading.member(&members, "received"),
            },
            1 => WaitsFor::Metadata { discovery: reading.member(&members, "discovery") },
            2 => WaitsFor::Receiver { target: reading.member(&members, "target") },
            _ => WaitsFor::UrlShown {
                target: reading.member(&members, "target"),
                redirect_uri: reading.member(&members, "redirect_uri"),
            },
        }
    }
}

impl Session<Login> {
    /// What to store after each advance, so that another process can go on. `None` once the login has ended: then the
    /// stored snapshot is to be removed.
    #[must_use]
    pub fn checkpoint(&self) -> Option<Snapshot> {
        let login = self.machine()?;
        let waits_for = match &login.state {
            State::Awaiting { target, redirect_uri } => {
                let (target, redirect_uri) = (target.clone(), redirect_uri.clone());
                WaitsFor::Callback { target, redirect_uri, received: None }
            }
            State::Beginning { target, redirect_uri, callback, .. } => {
                let (target, redirect_uri) = (target.clone(), redirect_uri.clone());
                WaitsFor::Callback { target, redirect_uri, received: Some(callback.clone()) }
            }
            State::Discovering { discovery } => WaitsFor::Metadata { discovery: discovery.clone() },
            State::Listening { target, bound: None } => WaitsFor::Receiver { target: target.clone() },
            State::Listening { target, bound: Some(bound) } => {
                let (target, redirect_uri) = (target.clone(), bound.redirect_uri.clone());
                if bound.url_was_shown {
                    WaitsFor::Callback { target, redirect_uri, received: None }
                } else {
                    WaitsFor::UrlShown { target, redirect_uri }
                }
            }
            State::Opening { target, redirect_uri } => {
                WaitsFor::UrlShown { target: target.clone(), redirect_uri: redirect_uri.clone() }
            }
            State::Exchanging { .. } | State::Pausing { .. } | State::Saving { .. } => {
                return Some(Snapshot::begun(&login.task.prepared.name));
            }
        };
        let open = Open {
            life: self.life(),
            key: login.task.config.key.clone(),
            prepared: login.task.prepared.clone(),
            waits_for,
        };
        let login = open.prepared.name.clone();
        Some(Snapshot::of(&Stored { format: FORMAT, login, at: Stage::Open(Box::new(open)) }))
    }

    /// Goes on with a login whose process died. Ids of the old process are stale.
    ///
    /// A login that had begun its exchange ends at once: its code may have been spent. One that waits for its redirect
    /// listens on exactly the old redirect URI again, or ends.
    ///
    /// # Errors
    /// The bytes are not a snapshot of this login, or of another version: log in again.
    pub fn resume(bytes: &[u8], config: &Config, moment: Moment) -> Result<Self, Unreadable> {
        let text = std::str::from_utf8(bytes).map_err(|_| Unreadable::NotASnapshot)?;
        let format: Format = json::from_text(text).map_err(|_| Unreadable::NotASnapshot)?;
        if format.format != FORMAT {
            return Err(Unreadable::Format { found: format.format });
        }
        let stored: Stored = json::from_text(text).map_err(|_| Unreadable::NotASnapshot)?;
        let Stage::Open(open) = stored.at else {
            return Ok(Session::ended(Err(end::interrupted())));
        };
        if open.key != config.key {
            return Err(Unreadable::OtherCredential);
        }
        let Open { life, prepared, waits_for, .. } = *open;
        let task = Box::new(Task { config: config.clone(), prepared });
        let next = match waits_for {
            WaitsFor::Callback { target, redirect_uri, received: None } => {
                let bound = Some(Bound { redirect_uri, url_was_shown: true });
                task.to(State::Listening { target, bound })
            }
            WaitsFor::Callback { target, redirect_uri, received: Some(callback) } => {
                task.received(target, redirect_uri, callback, moment.now)
            }
            WaitsFor::Metadata { discovery } => task.to(State::Discovering { discovery }),
            WaitsFor::Receiver { target } => task.to(State::Listening { target, bound: None }),
            WaitsFor::UrlShown { target, redirect_uri } => {
                let bound = Some(Bound { redirect_uri, url_was_shown: false });
                task.to(State::Listening { target, bound })
            }
        };
        Ok(session(next).in_life(life.saturating_add(1)))
    }
}

fn session(next: Next<Login, LoggedIn>) -> Session<Login> {
    match next {
        Next::Continue(login) => Session::new(login),
        Next::Ignore(login, _) => Session::new(listening_again(login)),
        Next::Done(output) => Session::ended(Ok(output)),
        Next::Fail(failure) => Session::ended(Err(failure)),
    }
}

/// What the old process had received does not count here: the wait goes on, and this process does not listen yet.
fn listening_again(login: Login) -> Login {
    let Login { task, state } = login;
    let State::Awaiting { target, redirect_uri } = state else { return Login { task, state } };
    let bound = Some(Bound { redirect_uri, url_was_shown: true });
    Login { task, state: State::Listening { target, bound } }
}

/// The member that every version has.
struct Format {
    format: u32,
}

object!(Format { format });

impl Snapshot {
    /// What is left of a login from the claim of its code on.
    pub(super) fn begun(name: &str) -> Snapshot {
        Snapshot::of(&Stored { format: FORMAT, login: name.to_owned(), at: Stage::Begun })
    }

    fn of(stored: &Stored) -> Snapshot {
        Snapshot::from_secret(Secret::new(json::to_text(stored)))
    }
}
