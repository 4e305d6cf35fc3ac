//! Bytes from strangers, one function for each of their readers. A fuzzer invents the bytes (`fuzz/`); the tests replay
//! those that were worth keeping (`fuzz/seeds`).
//!
//! A function returns when all is well, and panics when a promise is broken: no reader panics, what it says is bounded
//! and clean, and nothing shows a secret.

#![allow(clippy::panic, reason = "a broken promise is a failed test")]

mod events;
mod message;
pub mod seeds;
mod sessions;
mod stored;
mod tape;
mod wire;

/// One reader of foreign bytes.
pub struct Target {
    /// Its name, here and in `fuzz/`.
    pub name: &'static str,
    /// What is done with the bytes.
    pub run: fn(&[u8]),
}

/// All of them. The request reader of the redirect receiver is not among them: it is private to the driver, where it has
/// such a function of its own.
pub const TARGETS: [Target; 10] = [
    Target { name: "callback", run: wire::callback },
    Target { name: "get_token", run: sessions::get_token },
    Target { name: "jwt_claims", run: wire::jwt_claims },
    Target { name: "login", run: sessions::login },
    Target { name: "logout", run: sessions::logout },
    Target { name: "metadata", run: wire::metadata },
    Target { name: "snapshot", run: stored::snapshot },
    Target { name: "stored_record", run: stored::record },
    Target { name: "token_answer", run: wire::token_answer },
    Target { name: "transcript", run: stored::transcript },
];

/// Shows bytes to the target of that name.
///
/// # Panics
/// When there is none, or when a promise is broken.
pub fn show(name: &str, bytes: &[u8]) {
    let Some(target) = TARGETS.iter().find(|target| target.name == name) else { panic!("no target {name}") };
    (target.run)(bytes);
}

/// The most bytes of a text that is shown to people: a few bounded pieces, and the words around them.
const MOST_SHOWN: usize = 4_096;

/// A text for people is bounded, and on one line.
fn assert_presentable(text: &str) {
    assert!(text.len() < MOST_SHOWN, "{} bytes are shown", text.len());
    assert!(!text.chars().any(char::is_control), "control characters are shown: {text:?}");
}

/// None of the secrets can be read in a text.
fn assert_hides(shown: &str, secrets: &[String]) {
    if let Some(secret) = secrets.iter().find(|secret| shown.contains(secret.as_str())) {
        panic!("{secret} can be read in {shown}");
    }
}
