//! A login in the world: receiver, browser, person, store.

mod checkpoints;
mod ui;

use std::sync::Arc;

use tokenway_core::action::{Action, AwaitCallback, Begin, Listen, OpenUrl, WaitUntil};
use tokenway_core::config::Config;
use tokenway_core::error::Failure;
use tokenway_core::event::{Callback, CallbackSource, Listening, Opened, Outcome};
use tokenway_core::flow::{LoggedIn, Login};
use tokenway_core::http::IoFailureKind;
use tokenway_core::machine::Reason;
use tokenway_core::secret::Secret;
use tokenway_core::session::Session;
use tokio::sync::watch;

pub use crate::store::file::FileCheckpoints;
pub use checkpoints::{Checkpoints, ProcessCheckpoints};
pub use ui::{LoginUi, Shown, SystemBrowser};

use crate::browser::{Environment, ssh_hint};
use crate::callback::{Ending, Receiver};
use crate::client::{OnItsWay, Traffic};
use crate::driver::{Observer, World, now, run};
use crate::world::{CommonWorld, failed, unable, wait_until};

/// Runs a login to its end, page included. `done` sees a login that stands, before the page tells of it.
pub(crate) async fn login(
    session: Session<Login>,
    config: &Config,
    mut world: LoginWorld,
    observer: &dyn Observer,
    done: impl FnOnce(&LoggedIn),
) -> Result<LoggedIn, Box<Failure>> {
    let checkpoints = Arc::clone(&world.checkpoints);
    let end = run(session, &mut world, observer, |session| checkpoints.store(session.checkpoint())).await;
    if let Ok(logged_in) = &end {
        done(logged_in);
    }
    world.finished(config, &end).await;
    end
}

/// The world of one login.
pub(crate) struct LoginWorld {
    common: CommonWorld,
    ui: Arc<dyn LoginUi>,
    checkpoints: Arc<dyn Checkpoints>,
    /// True when the login is not wanted any more. From the claim of the code on it is not asked.
    cancelled: watch::Receiver<bool>,
    traffic: Traffic,
    /// From the claim of the code to the save.
    on_its_way: Option<OnItsWay>,
    receiver: Option<Receiver>,
    /// A redirect that a process before this one did not live to look at.
    kept_redirect: Option<Callback>,
    last_source: Option<CallbackSource>,
    /// Whether this process has shown the address.
    shown: bool,
}

impl World for LoginWorld {
    async fn perform(&mut self, action: Action) -> Outcome {
        match action {
            Action::AwaitCallback(wait) => self.await_callback(&wait).await,
            Action::Begin(begin) => self.begin(&begin),
            Action::Listen(listen) => self.listen(&listen),
            Action::OpenUrl(open) => self.open(&open).await,
            Action::Fetch(_) => {
                let mut cancelled = self.cancelled.clone();
                tokio::select! {
                    outcome = self.common.perform(action) => outcome,
                    () = wanted_no_more(&mut cancelled) => cancelled_outcome(),
                }
            }
            Action::Delete(_)
            | Action::Load(_)
            | Action::Lock(_)
            | Action::Note(_)
            | Action::PostForm(_)
            | Action::Save(_)
            | Action::Unlock(_)
            | Action::WaitUntil(_) => self.common.perform(action).await,
        }
    }

    fn ignored(&mut self, reason: &Reason) {
        if self.last_source == Some(CallbackSource::Pasted) {
            return self.ui.paste_refused(&reason.sentence);
        }
        if let Some(receiver) = &mut self.receiver {
            receiver.ignored(reason.status, &reason.sentence);
        }
        self.checkpoints.keep_redirect(None);
    }
}

impl LoginWorld {
    pub(crate) fn new(
        common: CommonWorld,
        ui: Arc<dyn LoginUi>,
        checkpoints: Arc<dyn Checkpoints>,
        cancelled: watch::Receiver<bool>,
        traffic: Traffic,
    ) -> Self {
        let kept_redirect = checkpoints.kept_redirect();
        LoginWorld {
            common,
            ui,
            checkpoints,
            cancelled,
            traffic,
            on_its_way: None,
            receiver: None,
            kept_redirect,
            last_source: None,
            shown: false,
        }
    }

    fn listen(&mut self, listen: &Listen) -> Outcome {
        match Receiver::bind(&listen.candidates) {
            Ok(receiver) => {
                let redirect_uri = receiver.redirect_uri().to_owned();
                self.receiver = Some(receiver);
                Outcome::Listening(Listening { redirect_uri })
            }
            Err(failure) => Outcome::Failed(failure),
        }
    }

    fn show(&mut self, url: &str) {
        let redirect_uri = self.receiver.as_ref().map(Receiver::redirect_uri).unwrap_or_default().to_owned();
        let ssh = ssh_hint(&redirect_uri, &Environment::of_this_process());
        self.ui.show(&Shown { url: url.to_owned(), redirect_uri, ssh });
        self.shown = true;
    }

    async fn open(&mut self, open: &OpenUrl) -> Outcome {
        self.show(&open.url);
        let arrived = async {
            match &self.receiver {
                Some(receiver) => receiver.callback_arrived().await,
                None => std::future::pending().await,
            }
        };
        let mut cancelled = self.cancelled.clone();
        let browser = tokio::select! {
            opened = self.ui.open(&open.url) => opened,
            // Whoever came back has seen the page: no need to watch the browser start.
            () = arrived => true,
            () = wanted_no_more(&mut cancelled) => return cancelled_outcome(),
        };
        if !browser && !self.ui.reaches_the_person() {
            return unable("no browser could be started here, and there is nobody to show the address to");
        }
        if !browser {
            self.ui.no_browser();
        }
        Outcome::Opened(Opened { browser })
    }

    async fn await_callback(&mut self, wait: &AwaitCallback) -> Outcome {
        if let Some(callback) = self.kept_redirect.take() {
            self.last_source = Some(callback.source);
            return Outcome::Callback(callback);
        }
        // A login that was resumed: its address was shown by a process that is gone.
        if !self.shown {
            self.show(&wait.url);
        }
        let LoginWorld { receiver, ui, cancelled, last_source, checkpoints, .. } = self;
        let Some(receiver) = receiver else {
            return unable("nobody listens on the redirect URI");
        };
        let patience = WaitUntil { at: wait.deadline, span: wait.deadline.since(now()) };
        let callback = tokio::select! {
            callback = receiver.next_callback() => {
                checkpoints.keep_redirect(Some(&callback));
                callback
            }
            pasted = ui.pasted() => paste(pasted),
            _ = wait_until(&patience) => return Outcome::TimedOut,
            () = wanted_no_more(cancelled) => return cancelled_outcome(),
        };
        *last_source = Some(callback.source);
        Outcome::Callback(callback)
    }

    /// From here on the login is not cancelled, and `close` waits for it.
    fn begin(&mut self, begin: &Begin) -> Outcome {
        self.on_its_way = self.traffic.enter();
        if self.on_its_way.is_none() || *self.cancelled.borrow() {
            return cancelled_outcome();
        }
        match self.checkpoints.begin(begin) {
            Ok(true) => Outcome::Begun,
            Ok(false) => Outcome::AlreadyBegun,
            Err(detail) => unable(&detail),
        }
    }

    /// The truthful page, after the exchange.
    async fn finished(self, config: &Config, end: &Result<LoggedIn, Box<Failure>>) {
        drop(self.on_its_way);
        let Some(mut receiver) = self.receiver else { return };
        receiver.finished(match end {
            Ok(logged_in) => {
                let claims = &logged_in.record.claims;
                let account = claims.get("email").or_else(|| claims.get("name")).or_else(|| claims.get("sub"));
                Ending::LoggedIn { to: config.provider().name.clone(), account: account.cloned() }
            }
            Err(failure) => Ending::Failed { sentence: format!("{failure}. {}", failure.advice()) },
        });
        receiver.close().await;
    }
}

fn paste(text: Secret) -> Callback {
    Callback {
        source: CallbackSource::Pasted,
        method: "URL".to_owned(),
        target: text,
        headers: Vec::new(),
        body: Secret::default(),
    }
}

async fn wanted_no_more(cancelled: &mut watch::Receiver<bool>) {
    // A sender that is gone without a word cancels nothing.
    if cancelled.wait_for(|cancelled| *cancelled).await.is_err() {
        std::future::pending::<()>().await;
    }
}

fn cancelled_outcome() -> Outcome {
    failed(IoFailureKind::Cancelled, "the login was cancelled")
}
