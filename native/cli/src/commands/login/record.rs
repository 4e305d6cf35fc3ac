//! `--record FILE`: the login as a transcript without secrets.

use std::sync::{Arc, Mutex, PoisonError};

use tokenway::driver::Observer;
use tokenway_core::action::Action;
use tokenway_core::config::Config;
use tokenway_core::event::Event;
use tokenway_core::moment::Moment;
use tokenway_core::session::Progress;
use tokenway_core::transcript::Recording;

/// Writes along while a login runs.
pub(crate) struct Recorder {
    config: Config,
    recording: Mutex<Option<Recording>>,
}

impl Recorder {
    pub(crate) fn new(config: &Config) -> Self {
        Recorder { config: config.clone(), recording: Mutex::new(None) }
    }

    /// This recorder and another observer.
    pub(crate) fn beside(self: &Arc<Self>, other: Arc<dyn Observer>) -> Arc<dyn Observer> {
        Arc::new(Both { recorder: Arc::clone(self), other })
    }

    /// The text to write, or why there is none.
    pub(crate) fn transcript(&self) -> Result<String, String> {
        let recording = self.recording.lock().unwrap_or_else(PoisonError::into_inner);
        let recording = recording.as_ref().ok_or("the login did not start")?;
        recording.redacted().map(|transcript| transcript.text()).map_err(|why| why.to_string())
    }
}

struct Both {
    recorder: Arc<Recorder>,
    other: Arc<dyn Observer>,
}

impl Observer for Both {
    fn started(&self, flow: &'static str, moment: &Moment) {
        let recording = Recording::of_login(&self.recorder.config, *moment);
        *self.recorder.recording.lock().unwrap_or_else(PoisonError::into_inner) = Some(recording);
        self.other.started(flow, moment);
    }

    fn stepped(&self, flow: &'static str, action: &Action, moment: &Moment, event: &Event, progress: &Progress) {
        if let Some(recording) = self.recorder.recording.lock().unwrap_or_else(PoisonError::into_inner).as_mut() {
            recording.step(*moment, event);
        }
        self.other.stepped(flow, action, moment, event, progress);
    }
}
