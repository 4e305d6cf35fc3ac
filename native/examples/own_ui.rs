//! A login with an interface of the program's own: it prints the address, and takes a pasted one.
//!
//! `cargo run --example own_ui -- ISSUER CLIENT_ID`

use std::env::args;
use std::error::Error;
use std::io::stdin;
use std::sync::Arc;

use tokenway::Client;
use tokenway::core::config::Config;
use tokenway::core::provider::Provider;
use tokenway::core::secret::Secret;
use tokenway::http::BoxFuture;
use tokenway::login::{LoginUi, Shown};
use tokio::sync::{Mutex, mpsc};

/// The lines that a person types. A channel, so that a wait for one can be dropped without losing it.
struct Terminal(Mutex<mpsc::UnboundedReceiver<String>>);

impl Terminal {
    fn new() -> Self {
        let (lines, typed) = mpsc::unbounded_channel();
        std::thread::spawn(move || stdin().lines().map_while(Result::ok).try_for_each(|line| lines.send(line)));
        Terminal(Mutex::new(typed))
    }
}

impl LoginUi for Terminal {
    fn show(&self, shown: &Shown) {
        say(&format!("Log in at\n  {}\nor paste here where your browser ended up.", shown.url));
        if let Some(line) = &shown.ssh {
            say(&format!("Your browser is on another machine? Type this there first:\n  {line}"));
        }
    }

    fn pasted(&self) -> BoxFuture<'_, Secret> {
        Box::pin(async {
            match self.0.lock().await.recv().await {
                Some(line) => Secret::new(line),
                // Nobody types any more: the browser is what is left.
                None => std::future::pending().await,
            }
        })
    }

    fn paste_refused(&self, sentence: &str) {
        say(&format!("That is not it: {sentence}"));
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let [issuer, client_id] = args().skip(1).collect::<Vec<_>>().try_into().map_err(|_| "ISSUER CLIENT_ID")?;
    let config = Config::builder(Provider::generic(issuer)).client_id(client_id).build()?;
    let logged_in = Client::builder(config).build()?.login_with(Arc::new(Terminal::new())).await?;
    say(&format!("Welcome, {}.", logged_in.record.claims.get("email").map_or("whoever you are", String::as_str)));
    Ok(())
}

#[expect(clippy::print_stdout, reason = "a program that talks to a person")]
fn say(text: &str) {
    println!("{text}");
}
