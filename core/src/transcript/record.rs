//! What a driver writes along while it runs a flow. In memory, with secrets.

use std::fmt;

use super::{Flow, SecretKind, Transcript, leak, redact};
use crate::config::Config;
use crate::event::{Event, Outcome};
use crate::lifecycle::{Scope, Wish};
use crate::moment::Moment;

/// A run as it happened: start, and every event. Holds secrets, so `Debug` shows counts only.
///
/// It tells one life of a session: a login that was resumed from a snapshot is not recorded.
#[derive(Clone)]
pub struct Recording {
    pub(super) flow: Flow,
    pub(super) config: Config,
    pub(super) start: Moment,
    pub(super) steps: Vec<(Moment, Outcome)>,
}

impl Recording {
    /// Of [`crate::flow::Login::start`] with the same arguments.
    #[must_use]
    pub fn of_login(config: &Config, moment: Moment) -> Self {
        Recording::new(Flow::Login, config, moment)
    }

    /// Of [`crate::lifecycle::GetToken::start`] with the same arguments.
    #[must_use]
    pub fn of_get_token(config: &Config, wish: Wish, moment: Moment) -> Self {
        Recording::new(Flow::GetToken { wish }, config, moment)
    }

    /// Of [`crate::lifecycle::Logout::start`] with the same arguments.
    #[must_use]
    pub fn of_logout(config: &Config, scope: Scope, moment: Moment) -> Self {
        Recording::new(Flow::Logout { scope }, config, moment)
    }

    fn new(flow: Flow, config: &Config, start: Moment) -> Self {
        Recording { flow, config: config.clone(), start, steps: Vec::new() }
    }

    /// To be called with every moment and event that is given to `Session::handle`, just before; whether the event will
    /// advance the session or be ignored does not matter. One that was refused makes the recording worthless.
    pub fn step(&mut self, moment: Moment, event: &Event) {
        self.steps.push((moment, event.outcome.clone()));
    }

    /// The transcript of the run, without its secrets.
    ///
    /// # Errors
    /// When that cannot be promised: then nothing may be written. See [`NotRedacted`].
    pub fn redacted(&self) -> Result<Transcript, NotRedacted> {
        let (text, secrets) = redact::redact(self)?;
        if let Some(leak) = leak::find(&text, &secrets) {
            return Err(NotRedacted::Leaks { kind: leak.kind, line: leak.line });
        }
        let line_of =
            |line| NotRedacted::Differs { line, recorded: "itself".to_owned(), redacted: "another".to_owned() };
        let transcript = Transcript::parse(&text).map_err(|unreadable| line_of(unreadable.line))?;
        transcript.replay().map_err(|difference| line_of(difference.line))?;
        Ok(transcript)
    }
}

impl fmt::Debug for Recording {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recording").field("steps", &self.steps.len()).finish_non_exhaustive()
    }
}

/// Why a recording is not given out. Names kinds and places, never values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NotRedacted {
    /// Without its secrets the run takes another way.
    Differs {
        /// The line of the transcript, from 1.
        line: usize,
        /// The kind of step that was recorded.
        recorded: String,
        /// The kind of step that the redacted run takes.
        redacted: String,
    },
    /// A secret of the run would stand in the transcript.
    Leaks {
        /// What kind of secret.
        kind: SecretKind,
        /// The line of the transcript, from 1.
        line: usize,
    },
    /// The recorded events do not fit the flow: the driver left some out, or recorded other arguments.
    NotARun {
        /// The event that does not fit, from 0.
        event: usize,
    },
}

impl fmt::Display for NotRedacted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NotRedacted::Differs { line, recorded, redacted } => {
                write!(
                    f,
                    "no transcript: at line {line} the run went on with \"{recorded}\", without its secrets it "
                )?;
                write!(f, "goes on with \"{redacted}\"")
            }
            NotRedacted::Leaks { kind, line } => {
                write!(f, "no transcript: {} of this run would stand in line {line}", kind.name())
            }
            NotRedacted::NotARun { event } => {
                write!(f, "no transcript: the recorded event {event} does not fit the flow")
            }
        }
    }
}

impl std::error::Error for NotRedacted {}
