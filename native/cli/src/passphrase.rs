//! The passphrase of the encrypted store: from the environment, or from the person.

use std::io::IsTerminal;

use tokenway_core::secret::Secret;

use crate::exit::Stopped;

/// For programs that have nobody to ask.
const VARIABLE: &str = "TOKENWAY_PASSPHRASE";

/// Whether it is in the environment. Empty is missing.
pub(crate) fn is_given() -> bool {
    given().is_some()
}

pub(crate) fn can_be_asked_for() -> bool {
    std::io::stdin().is_terminal() && std::io::stderr().is_terminal()
}

/// The passphrase; a new one is asked for twice.
pub(crate) fn passphrase(is_new: bool) -> Result<Secret, Stopped> {
    if let Some(given) = given() {
        return Ok(given);
    }
    if !can_be_asked_for() {
        return Err(Stopped::configuration("the encrypted store needs a passphrase")
            .with_next(format!("Set {VARIABLE}, or run the command in a terminal.")));
    }
    if !is_new {
        return ask("Passphrase of the encrypted store: ");
    }
    let first = ask("A new passphrase for the encrypted store: ")?;
    if first.is_empty() {
        return Err(Stopped::usage("an empty passphrase protects nothing"));
    }
    if ask("Once more: ")? != first {
        return Err(Stopped::usage("the two passphrases differ"));
    }
    Ok(first)
}

fn given() -> Option<Secret> {
    std::env::var(VARIABLE).ok().filter(|text| !text.is_empty()).map(Secret::new)
}

fn ask(prompt: &str) -> Result<Secret, Stopped> {
    let typed = rpassword::prompt_password(prompt);
    typed.map(Secret::new).map_err(|error| Stopped::usage(format!("no passphrase could be read: {error}")))
}
