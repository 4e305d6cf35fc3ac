//! The loop that runs any machine: poll, perform, hand back.

use tokenway_core::action::Action;
use tokenway_core::error::{Failure, FailureKind, FlowStep, NextStep};
use tokenway_core::event::{ActionId, Event, Outcome};
use tokenway_core::json::{ToJson, Writer};
use tokenway_core::machine::Reason;
use tokenway_core::moment::Moment;
use tokenway_core::session::Progress;
use tokenway_core::transcript::Ends;
use wasm_bindgen::JsValue;

use crate::session::{Ended, Running, Wanted};
use crate::world::{self, World};
use crate::{http, moment, time, value};

/// What the world is shown of a step. Names only: neither actions nor outcomes are, because they hold secrets.
struct Observed<'a> {
    flow: &'static str,
    id: ActionId,
    action: &'static str,
    /// `None`: it is about to be performed. `Some`: it was, and the machine has not seen the outcome yet.
    outcome: Option<&'static str>,
    /// Told once more: the machine has seen the outcome, and it did not count.
    ignored: Option<&'a Reason>,
}

impl ToJson for Observed<'_> {
    fn to_json(&self, out: &mut Writer) {
        out.open('{');
        out.member("flow", self.flow);
        out.member("id", &self.id);
        out.member("action", self.action);
        out.member("outcome", &self.outcome);
        out.member("ignored", &self.ignored);
        out.close('}');
    }
}

/// Runs a machine to its end.
pub(crate) async fn run(mut running: Running, world: &World) -> Result<Ended, Box<Failure>> {
    let mut has_advanced = true;
    let mut holds_answer = false;
    loop {
        if has_advanced {
            checkpoint(&running, world).await;
            tell_unsaved(&running, world);
        }
        let (id, action) = match running.poll() {
            Wanted::Act(id, action) => (id, action),
            Wanted::End(ended) => return Ok(ended),
        };
        let mut observed = Observed { flow: running.flow(), id, action: action.name(), outcome: None, ignored: None };
        let about_to = observe(world, &observed);
        // Nobody holds up an answer that may hold tokens, nor their save.
        if !holds_answer {
            let _ = world::settled(about_to).await;
        }
        // Drawn first: once the answer is here, nothing may keep it from the machine.
        let entropy = moment::entropy()?;
        let outcome = perform(world, &action).await;
        observed.outcome = Some(outcome.name());
        let seen = observe(world, &observed);
        holds_answer = matches!(outcome, Outcome::Http(_));
        if !holds_answer {
            let _ = world::settled(seen).await;
        }
        let progress =
            running.handle(Moment { now: moment::now(), entropy }, Event { id, outcome }).map_err(|rejected| {
                let detail = ["the driver gave a wrong answer: ", &rejected.message()].concat();
                Box::new(Failure::new(FlowStep::Loading, FailureKind::Bug, detail, NextStep::ReportBug))
            })?;
        has_advanced = progress == Progress::Advanced;
        if let Progress::Ignored(reason) = &progress {
            observed.ignored = Some(reason);
            let _ = world::settled(world.tell("ignored", value::write(reason))).await;
            let _ = observe(world, &observed);
        }
    }
}

async fn perform(world: &World, action: &Action) -> Outcome {
    match action {
        Action::Fetch(request) | Action::PostForm(request) => {
            http::send(world, request).await.map_or_else(Outcome::Failed, Outcome::Http)
        }
        Action::WaitUntil(wait) => time::wait_until(wait).await,
        Action::AwaitCallback(_)
        | Action::Begin(_)
        | Action::Delete(_)
        | Action::Listen(_)
        | Action::Load(_)
        | Action::Lock(_)
        | Action::Note(_)
        | Action::OpenUrl(_)
        | Action::Save(_)
        | Action::Unlock(_) => world::perform(world, action).await,
    }
}

/// Only a login has something to keep: its snapshot, and once it has ended, nothing.
async fn checkpoint(running: &Running, world: &World) {
    if !matches!(running, Running::Login(_)) {
        return;
    }
    let snapshot = running
        .checkpoint()
        .map_or(JsValue::UNDEFINED, |snapshot| JsValue::from_str(&String::from_utf8_lossy(snapshot.as_bytes())));
    // A snapshot that cannot be kept costs the login its second life, not its first.
    let _ = world::settled(world.tell("checkpoint", snapshot)).await;
}

/// The owner of a renewal may have tokens whose save is still being tried.
fn tell_unsaved(running: &Running, world: &World) {
    let Some(token) = running.unsaved() else { return };
    let shown = Ended { shown: token.end(), end: Ok(Some(token.record)) };
    let _ = world.tell("unsaved", value::write(&shown));
}

fn observe(world: &World, observed: &Observed<'_>) -> Result<JsValue, JsValue> {
    world.tell("observe", value::write(observed))
}

impl ToJson for Ended {
    /// The end for JavaScript, with the access token and nothing that can renew it.
    fn to_json(&self, out: &mut Writer) {
        let record = self.end.as_ref().ok().and_then(Option::as_ref);
        out.open('{');
        out.member("end", &self.shown);
        out.member("access_token", &record.map(|record| &record.access_token));
        out.close('}');
    }
}
