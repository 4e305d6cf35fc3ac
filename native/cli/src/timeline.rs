//! A flow as a readable timeline on stderr: each action, what it was about, and what came of it.

use std::sync::Mutex;

use tokenway::driver::Observer;
use tokenway_core::action::Action;
use tokenway_core::event::{Event, Outcome};
use tokenway_core::machine::Reason;
use tokenway_core::moment::{Moment, UnixMillis};
use tokenway_core::session::Progress;
use url::Url;

use crate::output::say;
use crate::text::{bold, dim};

/// Prints a line per action.
#[derive(Default)]
pub(crate) struct Timeline {
    started_at: Mutex<Option<UnixMillis>>,
}

impl Observer for Timeline {
    fn started(&self, flow: &'static str, moment: &Moment) {
        self.started_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner).get_or_insert(moment.now);
        say(&format!("{} {}", dim("--"), bold(flow)));
    }

    fn stepped(&self, _flow: &'static str, action: &Action, moment: &Moment, event: &Event, progress: &Progress) {
        let started = self.started_at.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let passed = started.map_or(0, |at| moment.now.since(at).0);
        let ignored = match progress {
            Progress::Advanced => String::new(),
            Progress::Ignored(Reason { sentence, .. }) => format!(" (does not count: {sentence})"),
        };
        let asked = format!("{} {}", action.name(), about(action));
        let time = dim(&format!("{passed:>6} ms"));
        say(&format!("{time}  {:<58} -> {}{ignored}", asked.trim_end(), came_of(&event.outcome)));
    }
}

/// What an action is about: never a secret, never a query.
fn about(action: &Action) -> String {
    match action {
        Action::AwaitCallback(wait) => wait.redirect_uri.clone(),
        Action::Fetch(request) | Action::PostForm(request) => bare(&request.url),
        Action::Listen(listen) => listen.candidates.join(", "),
        Action::OpenUrl(open) => bare(&open.url),
        Action::Save(save) => format!("generation {}", save.record.generation),
        Action::WaitUntil(wait) => format!("{} ms", wait.span.0),
        Action::Note(note) => match &note.ledger.intent {
            Some(intent) => format!("intent {}", intent.token.as_str().chars().take(8).collect::<String>()),
            None => "no intent".to_owned(),
        },
        Action::Begin(_) | Action::Delete(_) | Action::Load(_) | Action::Lock(_) | Action::Unlock(_) => String::new(),
    }
}

fn came_of(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Busy(holder) => format!("busy: {}", holder.who),
        Outcome::Failed(failure) => format!("failed: {}", failure.detail),
        Outcome::Http(answer) => format!("{}", answer.status),
        Outcome::Listening(listening) => listening.redirect_uri.clone(),
        Outcome::Loaded(Some(record)) => format!("generation {}", record.generation),
        Outcome::Loaded(None) => "nothing".to_owned(),
        Outcome::AlreadyBegun
        | Outcome::Begun
        | Outcome::Callback(_)
        | Outcome::Conflict(_)
        | Outcome::Deleted
        | Outcome::Elapsed
        | Outcome::Locked(_)
        | Outcome::Lost
        | Outcome::Noted
        | Outcome::Opened(_)
        | Outcome::Saved
        | Outcome::TimedOut
        | Outcome::Unlocked => outcome.name().to_owned(),
    }
}

fn bare(url: &str) -> String {
    match Url::parse(url) {
        Ok(mut url) => {
            url.set_query(None);
            url.into()
        }
        Err(_) => String::new(),
    }
}
