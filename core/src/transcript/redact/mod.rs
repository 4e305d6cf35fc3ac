//! Puts stand-ins where the secrets of a run stood, and runs it again on a fresh session.
//!
//! Two sessions go side by side: the recorded one and its twin. What the sessions drew themselves (`state`, nonce, login
//! id) is learned from their actions; what the world brought is replaced before the twin sees it.

mod answer;
mod callback;
mod jwt;
mod stand_ins;
mod stored;
mod words;

pub(super) use stand_ins::Known;
pub use stand_ins::SecretKind;

use sha2::{Digest, Sha256};
use url::Url;

use super::Flow;
use super::end::End;
use super::format::{action_line, end_line, event_line, header_line};
use super::play::{self, Play};
use super::record::{NotRedacted, Recording};
use crate::action::Action;
use crate::config::Config;
use crate::event::{Holder, Locked, Outcome};
use crate::http::{Body, HttpRequest, IoFailure};
use crate::lifecycle::Wish;
use crate::lifecycle::record::Record;
use crate::moment::Moment;
use crate::provider::Parameter;
use crate::secret::Secret;
use crate::session::Progress;
use stand_ins::StandIns;
use words::PrivateWords;

/// Parameters of authorization requests whose values say nothing about a person.
const HARMLESS_PARAMETERS: [&str; 10] = [
    "access_type",
    "acr_values",
    "audience",
    "codex_cli_simplified_flow",
    "display",
    "id_token_add_organizations",
    "max_age",
    "originator",
    "prompt",
    "ui_locales",
];

/// The text of the transcript, and the secrets that may not stand in it.
pub(super) fn redact(recording: &Recording) -> Result<(String, Vec<Known>), NotRedacted> {
    let mut redactor = Redactor::new(&recording.config);
    redactor.look_ahead(&recording.steps);
    let config = redactor.twin_config().ok_or(NotRedacted::NotARun { event: 0 })?;
    let flow = redactor.flow(&recording.flow);
    let start = redactor.moment(recording.start);
    let mut run = play::start(&recording.flow, &recording.config, recording.start);
    let mut twin = play::start(&flow, &config, start);
    let mut lines = vec![header_line(&flow, &config, start)];
    for (event, (moment, outcome)) in recording.steps.iter().enumerate() {
        let (Ok(action), stands) = (run.now(), twin.now()) else { return Err(NotRedacted::NotARun { event }) };
        let stands = stands.map_err(|end| differs(&lines, action.name(), &end.kind()))?;
        if stands.name() != action.name() {
            return Err(differs(&lines, action.name(), stands.name()));
        }
        redactor.learn(&action, &stands);
        lines.push(action_line(&stands));
        let twin_outcome = redactor.outcome(&action, outcome);
        let twin_moment = redactor.moment(*moment);
        lines.push(event_line(&twin_outcome, twin_moment));
        let progress = run.answer(*moment, outcome.clone()).map_err(|_| NotRedacted::NotARun { event })?;
        let twin_progress = twin
            .answer(twin_moment, twin_outcome)
            .map_err(|rejected| differs(&lines, progress_kind(&progress), &rejected.to_string()))?;
        if progress_kind(&progress) != progress_kind(&twin_progress) {
            return Err(differs(&lines, progress_kind(&progress), progress_kind(&twin_progress)));
        }
    }
    finish(run.as_ref(), twin.as_ref(), &mut redactor, &mut lines)?;
    let text = lines.iter().flat_map(|line| [line.as_str(), "\n"]).collect();
    Ok((text, redactor.stand_ins.into_known()))
}

fn finish(
    run: &dyn Play,
    twin: &dyn Play,
    redactor: &mut Redactor<'_>,
    lines: &mut Vec<String>,
) -> Result<(), NotRedacted> {
    match (run.now(), twin.now()) {
        (Ok(action), Ok(stands)) if action.name() == stands.name() => {
            redactor.learn(&action, &stands);
            lines.extend([action_line(&stands), end_line(&End::Unfinished)]);
            Ok(())
        }
        (Err(end), Err(twin_end)) if end.kind() == twin_end.kind() => {
            lines.push(end_line(&twin_end));
            Ok(())
        }
        (recorded, redacted) => Err(differs(lines, &now_kind(&recorded), &now_kind(&redacted))),
    }
}

fn now_kind(now: &Result<Action, End>) -> String {
    match now {
        Ok(action) => action.name().to_owned(),
        Err(end) => end.kind(),
    }
}

fn progress_kind(progress: &Progress) -> &'static str {
    match progress {
        Progress::Advanced => "advanced",
        Progress::Ignored(_) => "ignored",
    }
}

fn differs(lines: &[String], recorded: &str, redacted: &str) -> NotRedacted {
    NotRedacted::Differs { line: lines.len() + 1, recorded: recorded.to_owned(), redacted: redacted.to_owned() }
}

/// What one redaction knows.
struct Redactor<'a> {
    config: &'a Config,
    stand_ins: StandIns,
    private: PrivateWords,
    /// The redirect URI that the run listens on.
    redirect_uri: String,
    moments: u32,
}

impl<'a> Redactor<'a> {
    fn new(config: &'a Config) -> Self {
        Redactor {
            config,
            stand_ins: StandIns::default(),
            private: PrivateWords::default(),
            redirect_uri: String::new(),
            moments: 0,
        }
    }

    /// Hashes and messages may speak of a token before it stands anywhere else.
    fn look_ahead(&mut self, steps: &[(Moment, Outcome)]) {
        for (_, outcome) in steps {
            if let Outcome::Loaded(Some(record)) | Outcome::Conflict(Some(record)) = outcome {
                self.stand_ins.expect_hash_of(SecretKind::AccessToken, &record.access_token);
                self.private.add_secret(record.access_token.expose());
                if let Some(token) = &record.refresh_token {
                    self.stand_ins.expect_hash_of(SecretKind::RefreshToken, token);
                    self.private.add_secret(token.expose());
                }
                record.claims.values().for_each(|claim| self.private.add_name(claim));
            }
        }
    }

    fn twin_config(&mut self) -> Option<Config> {
        let mut data = self.config.data();
        if let Some(secret) = &data.client_secret {
            self.private.add_secret(secret.expose());
            data.client_secret = Some(self.stand_in(SecretKind::ClientSecret, secret.expose()));
        }
        if data.account != "default" {
            data.account = self.text(SecretKind::Account, &data.account);
        }
        for Parameter { name, value } in &mut data.provider.authorize_parameters {
            if !HARMLESS_PARAMETERS.contains(&name.as_str()) {
                *value = self.text(SecretKind::Parameter, value);
            }
        }
        data.build().ok()
    }

    fn flow(&mut self, flow: &Flow) -> Flow {
        match flow {
            Flow::GetToken { wish } => {
                let rejected = wish.rejected.as_ref().map(|hash| self.stand_ins.hash(hash));
                Flow::GetToken { wish: Wish { rejected, min_ttl: wish.min_ttl } }
            }
            Flow::Login | Flow::Logout { .. } => flow.clone(),
        }
    }

    /// The instant stays; the entropy is made from a counter.
    fn moment(&mut self, moment: Moment) -> Moment {
        self.stand_ins.know(SecretKind::Entropy, &moment.entropy);
        self.moments += 1;
        let entropy = Sha256::digest(format!("stand-in entropy {}", self.moments)).into();
        Moment { now: moment.now, entropy }
    }

    /// What both sessions drew for the same purpose.
    fn learn(&mut self, action: &Action, twin: &Action) {
        match (action, twin) {
            (Action::AwaitCallback(wait), Action::AwaitCallback(twin)) => {
                self.redirect_uri = wait.redirect_uri.clone();
                self.learn_url(&wait.url, &twin.url);
            }
            (Action::OpenUrl(open), Action::OpenUrl(twin)) => self.learn_url(&open.url, &twin.url),
            (Action::PostForm(request), _) => self.learn_request(request),
            (Action::Save(save), Action::Save(twin)) => {
                self.stand_ins.pair(SecretKind::LoginId, &save.record.login_id.0, &twin.record.login_id.0);
            }
            _ => {}
        }
    }

    fn learn_url(&mut self, url: &str, twin: &str) {
        for (name, kind) in [("state", SecretKind::State), ("nonce", SecretKind::Nonce)] {
            if let (Some(drawn), Some(twin)) = (parameter(url, name), parameter(twin, name)) {
                self.stand_ins.pair(kind, &drawn, &twin);
            }
        }
    }

    fn learn_request(&mut self, request: &HttpRequest) {
        let Body::Form(fields) = &request.body else { return };
        if let Some(field) = fields.iter().find(|field| field.name == "code_verifier") {
            self.stand_ins.know(SecretKind::Verifier, field.value.expose().as_bytes());
        }
    }

    fn outcome(&mut self, action: &Action, outcome: &Outcome) -> Outcome {
        match outcome {
            Outcome::AlreadyBegun
            | Outcome::Begun
            | Outcome::Deleted
            | Outcome::Elapsed
            | Outcome::Lost
            | Outcome::Noted
            | Outcome::Opened(_)
            | Outcome::Listening(_)
            | Outcome::Saved
            | Outcome::TimedOut
            | Outcome::Unlocked => outcome.clone(),
            Outcome::Busy(holder) => Outcome::Busy(Holder { who: "another process".to_owned(), since: holder.since }),
            Outcome::Callback(callback) => Outcome::Callback(self.callback(callback)),
            Outcome::Conflict(record) => Outcome::Conflict(self.maybe_record(record.as_deref())),
            Outcome::Failed(failure) => {
                let detail = self.private.cleaned(&failure.detail);
                Outcome::Failed(IoFailure { sent: failure.sent, kind: failure.kind, detail })
            }
            Outcome::Http(answer) => Outcome::Http(self.answer(action, answer)),
            Outcome::Loaded(record) => Outcome::Loaded(self.maybe_record(record.as_deref())),
            Outcome::Locked(locked) => {
                Outcome::Locked(Locked { lease: locked.lease, ledger: self.stored_ledger(&locked.ledger) })
            }
        }
    }

    fn maybe_record(&mut self, record: Option<&Record>) -> Option<Box<Record>> {
        record.map(|record| Box::new(self.record(record)))
    }

    fn stand_in(&mut self, kind: SecretKind, secret: &str) -> Secret {
        Secret::new(self.text(kind, secret))
    }

    /// The stand-in of a text that is not empty; nothing stands in for nothing.
    fn text(&mut self, kind: SecretKind, text: &str) -> String {
        if text.is_empty() { String::new() } else { self.stand_ins.of(kind, text) }
    }
}

fn parameter(url: &str, name: &str) -> Option<String> {
    let url = Url::parse(url).ok()?;
    url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
}
