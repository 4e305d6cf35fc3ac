//! The person at the terminal: sees the URL, may paste what the browser shows.

use std::io::{BufRead, IsTerminal};
use std::sync::Mutex;

use tokenway::http::BoxFuture;
use tokenway::login::{LoginUi, Shown};
use tokenway_core::secret::Secret;
use tokio::sync::{Mutex as AsyncMutex, mpsc};

use crate::output::say;
use crate::text::{bold, dim};

/// Shows the URL on stderr, opens a browser unless told not to, and takes a paste from a terminal's stdin.
pub(crate) struct Terminal {
    provider: String,
    open_browser: bool,
    shown: Mutex<Option<Shown>>,
    pasted: Option<AsyncMutex<mpsc::UnboundedReceiver<Secret>>>,
}

impl Terminal {
    pub(crate) fn new(provider: &str, open_browser: bool) -> Self {
        let pasted = std::io::stdin().is_terminal().then(|| AsyncMutex::new(read_lines()));
        Terminal { provider: provider.to_owned(), open_browser, shown: Mutex::new(None), pasted }
    }

    fn say_how_to_go_on(&self) {
        let shown = self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let Some(shown) = shown.as_ref() else { return };
        if let Some(ssh) = &shown.ssh {
            say("You are logged in to this machine by SSH. So that your browser reaches it, type on your own machine:");
            say(&format!("  {}", bold(ssh)));
        }
        if self.pasted.is_some() {
            say(&dim(
                "Or paste here the address that the browser ends on (or the code that it shows), and press Enter.",
            ));
        }
    }
}

impl LoginUi for Terminal {
    fn show(&self, shown: &Shown) {
        *self.shown.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = Some(shown.clone());
        if shown.url.starts_with("http:") {
            say("This server is spoken to in plain http, which is allowed on this machine only.");
        }
        let verb = if self.open_browser { "Opening your browser. If nothing happens, open" } else { "Open" };
        say(&format!("{verb} this address to log in to {}:", self.provider));
        say(&format!("  {}", bold(&shown.url)));
        self.say_how_to_go_on();
    }

    fn open<'a>(&'a self, url: &'a str) -> BoxFuture<'a, bool> {
        let environment = tokenway::browser::Environment::of_this_process();
        Box::pin(async move { self.open_browser && tokenway::browser::open(url, &environment).await.is_ok() })
    }

    fn no_browser(&self) {
        if self.open_browser {
            say("No browser could be started here: open the address above in one.");
        }
    }

    fn pasted(&self) -> BoxFuture<'_, Secret> {
        Box::pin(async move {
            if let Some(pasted) = &self.pasted
                && let Some(line) = pasted.lock().await.recv().await
            {
                return line;
            }
            std::future::pending().await
        })
    }

    fn paste_refused(&self, sentence: &str) {
        say(&format!("That does not fit: {sentence}"));
    }
}

/// A thread of its own: a read of stdin cannot be cancelled, and ends with the process.
fn read_lines() -> mpsc::UnboundedReceiver<Secret> {
    let (sender, receiver) = mpsc::unbounded_channel();
    std::thread::spawn(move || {
        for line in std::io::stdin().lock().lines() {
            let Ok(line) = line else { break };
            let line = line.trim();
            if !line.is_empty() && sender.send(Secret::new(line)).is_err() {
                break;
            }
        }
    });
    receiver
}
