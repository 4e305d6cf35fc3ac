//! The lines of a transcript.
//!
//! ```text
//! {"transcript":1,"tokenway":"0.1.0","flow":{"name":"login"},"config":{...},"moment":{"now":...,"entropy":"..."}}
//! {"action":"listen", ...}
//! {"event":{"outcome":"listening", ...},"moment":{...}}
//! ...
//! {"end":{"logged_in":{...}}}
//! ```
//! After an event that was ignored the same action stands once more. A recording that stopped early ends with the action
//! that stood and `{"end":"unfinished"}`.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::Flow;
use super::end::End;
use crate::action::Action;
use crate::config::{Config, ConfigData};
use crate::event::Outcome;
use crate::json::{self, ToJson, Writer};
use crate::lifecycle::{Scope, Wish};
use crate::moment::{Millis, Moment, UnixMillis};
use crate::secret::TokenHash;

/// The format that this version writes, and the only one that it reads: replays are exact within it.
pub const FORMAT: u32 = 1;

/// A run without its secrets: fit to be written, shared, and run again.
#[derive(Clone)]
pub struct Transcript {
    pub(super) flow: Flow,
    pub(super) config: Config,
    pub(super) start: Moment,
    pub(super) events: Vec<(Moment, Outcome)>,
    lines: Vec<String>,
}

/// A text is not a transcript of this format.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unreadable {
    /// The line, from 1.
    pub line: usize,
    /// What is wrong with it, for people.
    pub what: String,
}

impl fmt::Display for Unreadable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} cannot be read: {}", self.line, self.what)
    }
}

impl std::error::Error for Unreadable {}

impl Transcript {
    /// Reads the text of a transcript.
    ///
    /// # Errors
    /// The first line that cannot be read, and why.
    pub fn parse(text: &str) -> Result<Self, Unreadable> {
        // A file that was carried between systems may have any number of carriage returns before its line feeds, or at its end.
        let lines: Vec<String> = text.lines().map(|line| line.trim_end_matches('\r').to_owned()).collect();
        let (Some(first), Some(last)) = (lines.first(), lines.last()) else {
            return Err(unreadable(1, "the file is empty"));
        };
        let (flow, config, start) = header(first).map_err(|what| unreadable(1, what))?;
        if !begins(last, "{\"end\":") {
            return Err(unreadable(lines.len(), "the end is missing"));
        }
        let unfinished = *last == end_line(&End::Unfinished);
        let events_end = lines.len() - 1 - usize::from(unfinished);
        let mut events = Vec::new();
        for (at, line) in lines.iter().enumerate().take(events_end).skip(1) {
            if at.is_multiple_of(2) {
                events.push(event(line).map_err(|what| unreadable(at + 1, what))?);
            } else if !begins(line, "{\"action\":") {
                return Err(unreadable(at + 1, "it is not an action"));
            }
        }
        if events_end.is_multiple_of(2) {
            return Err(unreadable(events_end, "the last action has no answer"));
        }
        Ok(Transcript { flow, config, start, events, lines })
    }

    /// The text to write: one JSON object a line, each line ended by a line feed.
    #[must_use]
    pub fn text(&self) -> String {
        self.lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect()
    }

    /// Which flow it tells.
    #[must_use]
    pub fn flow(&self) -> &Flow {
        &self.flow
    }

    /// The line of that number, from 1; empty when there is none.
    pub(super) fn line(&self, number: usize) -> &str {
        number.checked_sub(1).and_then(|at| self.lines.get(at)).map_or("", String::as_str)
    }

    pub(super) fn flow_name(&self) -> &'static str {
        match self.flow {
            Flow::GetToken { .. } => "get_token",
            Flow::Login => "login",
            Flow::Logout { .. } => "logout",
        }
    }
}

impl fmt::Debug for Transcript {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transcript").field("flow", &self.flow).field("lines", &self.lines.len()).finish_non_exhaustive()
    }
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    transcript: u32,
    tokenway: String,
    flow: FlowData,
    config: ConfigData,
    moment: MomentData,
}

/// The member that every format has.
#[derive(Deserialize)]
struct Format {
    transcript: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "name", rename_all = "snake_case", deny_unknown_fields)]
enum FlowData {
    GetToken { min_ttl: Millis, rejected: Option<TokenHash> },
    Login,
    Logout { everywhere: bool },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct EventLine {
    event: Outcome,
    moment: MomentData,
}

struct EndLine<'a>(&'a End);

impl ToJson for EndLine<'_> {
    fn to_json(&self, out: &mut Writer) {
        out.only_member("end", self.0);
    }
}

/// A moment, with its entropy in lower-case hex.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct MomentData {
    now: UnixMillis,
    entropy: String,
}

pub(super) fn header_line(flow: &Flow, config: &Config, start: Moment) -> String {
    let flow = match flow {
        Flow::GetToken { wish } => FlowData::GetToken { min_ttl: wish.min_ttl, rejected: wish.rejected.clone() },
        Flow::Login => FlowData::Login,
        Flow::Logout { scope } => FlowData::Logout { everywhere: *scope == Scope::Everywhere },
    };
    line(&Header {
        transcript: FORMAT,
        tokenway: env!("CARGO_PKG_VERSION").to_owned(),
        flow,
        config: config.data(),
        moment: MomentData::of(start),
    })
}

pub(super) fn action_line(action: &Action) -> String {
    line(action)
}

pub(super) fn event_line(outcome: &Outcome, moment: Moment) -> String {
    line(&EventLine { event: outcome.clone(), moment: MomentData::of(moment) })
}

pub(super) fn end_line(end: &End) -> String {
    json::to_text(&EndLine(end))
}

/// Every type that is written here has text keys and finite numbers, so that it cannot fail.
fn line<T: Serialize>(value: &T) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

fn header(line: &str) -> Result<(Flow, Config, Moment), String> {
    let format: Format = serde_json::from_str(line).map_err(|_| "it is not the header of a transcript".to_owned())?;
    if format.transcript != FORMAT {
        return Err(format!("the transcript has format {}, this version reads {FORMAT}", format.transcript));
    }
    let header: Header = serde_json::from_str(line).map_err(|error| error.to_string())?;
    let flow = match header.flow {
        FlowData::GetToken { min_ttl, rejected } => Flow::GetToken { wish: Wish { min_ttl, rejected } },
        FlowData::Login => Flow::Login,
        FlowData::Logout { everywhere: true } => Flow::Logout { scope: Scope::Everywhere },
        FlowData::Logout { everywhere: false } => Flow::Logout { scope: Scope::LocalOnly },
    };
    let config = header.config.build().map_err(|error| error.to_string())?;
    Ok((flow, config, header.moment.moment()?))
}

fn event(line: &str) -> Result<(Moment, Outcome), String> {
    let EventLine { event, moment } = serde_json::from_str(line).map_err(|error| error.to_string())?;
    Ok((moment.moment()?, event))
}

fn begins(line: &str, with: &str) -> bool {
    line.starts_with(with) && serde_json::from_str::<serde::de::IgnoredAny>(line).is_ok()
}

fn unreadable(line: usize, what: impl Into<String>) -> Unreadable {
    Unreadable { line, what: what.into() }
}

impl MomentData {
    fn of(moment: Moment) -> Self {
        let entropy = moment.entropy.iter().map(|byte| format!("{byte:02x}")).collect();
        MomentData { now: moment.now, entropy }
    }

    fn moment(self) -> Result<Moment, String> {
        let mut entropy = [0; 32];
        let digits = self.entropy.as_bytes();
        let is_hex = digits.len() == 64 && digits.iter().all(u8::is_ascii_hexdigit);
        for (byte, at) in entropy.iter_mut().zip((0..64).step_by(2)) {
            let pair = self.entropy.get(at..at + 2).filter(|_| is_hex);
            *byte =
                pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or("the entropy is not 32 bytes in hex")?;
        }
        Ok(Moment { now: self.now, entropy })
    }
}
