//! Runs a transcript again, and compares.

use std::fmt;

use super::format::{Transcript, action_line, end_line};
use super::play::{self, Play};

/// The most characters of a line that a [`Difference`] shows: enough for the member that differs and its neighbours.
const EXCERPT: usize = 240;

/// How many characters before the first difference are shown.
const BEFORE: usize = 60;

/// A transcript that replayed exactly.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Summary {
    /// `login`, `get_token` or `logout`.
    pub flow: &'static str,
    /// How many actions were answered.
    pub steps: usize,
    /// How it ended, for people.
    pub end: String,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, {} steps, {}", self.flow, self.steps, self.end)
    }
}

/// The first line in which a replay differs. Long lines are cut to the part around the difference.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Difference {
    /// The line of the transcript, from 1.
    pub line: usize,
    /// The line as it stands in the transcript.
    pub expected: String,
    /// The line that the replay made, or why it could not go on.
    pub got: String,
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {} differs\n  transcript: {}\n  replay:     {}", self.line, self.expected, self.got)
    }
}

impl std::error::Error for Difference {}

impl Transcript {
    /// Runs the flow on the recorded events and compares every action and the end, byte for byte.
    ///
    /// # Errors
    /// The first line that differs.
    pub fn replay(&self) -> Result<Summary, Difference> {
        let mut player = play::start(&self.flow, &self.config, self.start);
        for (at, (moment, outcome)) in self.events.iter().enumerate() {
            let action_at = 2 * at + 2;
            self.compare(action_at, &now(player.as_ref()))?;
            if let Err(rejected) = player.answer(*moment, outcome.clone()) {
                return Err(self.difference(action_at + 1, &format!("refused: {rejected}")));
            }
        }
        let rest = 2 * self.events.len() + 2;
        let end = match player.now() {
            Ok(action) => {
                self.compare(rest, &action_line(&action))?;
                let end = super::end::End::Unfinished;
                self.compare(rest + 1, &end_line(&end))?;
                end
            }
            Err(end) => {
                self.compare(rest, &end_line(&end))?;
                end
            }
        };
        Ok(Summary { flow: self.flow_name(), steps: self.events.len(), end: end.kind() })
    }

    fn compare(&self, line: usize, got: &str) -> Result<(), Difference> {
        if self.line(line) == got { Ok(()) } else { Err(self.difference(line, got)) }
    }

    fn difference(&self, line: usize, got: &str) -> Difference {
        let expected = self.line(line);
        let same = expected.chars().zip(got.chars()).take_while(|(left, right)| left == right).count();
        Difference { line, expected: excerpt(expected, same), got: excerpt(got, same) }
    }
}

fn now(player: &dyn Play) -> String {
    match player.now() {
        Ok(action) => action_line(&action),
        Err(end) => end_line(&end),
    }
}

/// The part of a line around its first difference.
fn excerpt(line: &str, same: usize) -> String {
    let from = if line.chars().count() <= EXCERPT { 0 } else { same.saturating_sub(BEFORE) };
    let part: String = line.chars().skip(from).take(EXCERPT).collect();
    let before = if from > 0 { "…" } else { "" };
    let after = if line.chars().count() > from + EXCERPT { "…" } else { "" };
    format!("{before}{part}{after}")
}
