//! The person in front of a login, as an interface: terminals, windows and tests implement it.

use tokenway_core::secret::Secret;

use crate::browser::{self, Environment};
use crate::http::BoxFuture;

/// What the person needs to go on, whether or not a browser comes up.
#[derive(Clone, Debug)]
pub struct Shown {
    /// The authorization request.
    pub url: String,
    /// Where the server will redirect to.
    pub redirect_uri: String,
    /// Under SSH: the line to type on the person's own machine, so that its browser reaches this one.
    pub ssh: Option<String>,
}

/// How a login talks to the person.
pub trait LoginUi: Send + Sync + 'static {
    /// Shows what the person needs. Called once, before [`LoginUi::open`].
    fn show(&self, shown: &Shown);

    /// Whether what is shown reaches a person. If not, a login ends when no browser can be started, instead of waiting
    /// for nobody.
    fn reaches_the_person(&self) -> bool {
        true
    }

    /// Opens the URL in a browser. False: only a person who reads the URL can go on.
    fn open<'a>(&'a self, url: &'a str) -> BoxFuture<'a, bool> {
        Box::pin(async move { browser::open(url, &Environment::of_this_process()).await.is_ok() })
    }

    /// No browser came up.
    fn no_browser(&self) {}

    /// Waits for something pasted: the whole redirect URL, `code#state` or a code. Raced against the redirect, so it
    /// must be safe to drop. By default nobody pastes.
    fn pasted(&self) -> BoxFuture<'_, Secret> {
        Box::pin(std::future::pending())
    }

    /// What was pasted does not fit; the wait goes on.
    fn paste_refused(&self, sentence: &str) {
        let _ = sentence;
    }
}

/// Opens the system's browser and says nothing: for programs whose users know what they clicked.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemBrowser;

impl LoginUi for SystemBrowser {
    fn show(&self, _shown: &Shown) {}

    fn reaches_the_person(&self) -> bool {
        false
    }
}
