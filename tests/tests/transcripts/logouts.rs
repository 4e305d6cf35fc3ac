//! Logouts: at the server, not at the server, here only, and of nobody.

use tokenway_core::event::Outcome;
use tokenway_core::http::{IoFailureKind, Sent};
use tokenway_core::lifecycle::Scope;
use tokenway_core::lifecycle::record::{Mark, Record};
use tokenway_core::moment::Millis;
use tokenway_core::transcript::Recording;
use tokenway_tests::scripted::{Script, answer, config, failed, loaded, record};

use crate::get_tokens::others;

pub(crate) fn logout() -> Recording {
    let mut script = Script::logout(&config(), Scope::Everywhere);
    script.say(loaded(&record(Millis::ZERO))).say(Outcome::Saved).say(answer(200, &[], "")).say(answer(200, &[], ""));
    script.say(Outcome::Deleted);
    script.ended()
}

pub(crate) fn logout_not_revoked() -> Recording {
    let mut script = Script::logout(&config(), Scope::Everywhere);
    let marked = Record { mark: Mark::LoggedOut, ..record(Millis::ZERO) };
    script.say(loaded(&marked)).say(failed(Sent::NotSent, IoFailureKind::Unreachable));
    script.say(failed(Sent::NotSent, IoFailureKind::Unreachable)).say(Outcome::Deleted);
    script.ended()
}

pub(crate) fn logout_local() -> Recording {
    let mut script = Script::logout(&config(), Scope::LocalOnly);
    script
        .say(loaded(&record(Millis::ZERO)))
        .say(Outcome::Conflict(Some(Box::new(others(|_| {})))))
        .say(Outcome::Deleted);
    script.ended()
}

pub(crate) fn logout_nobody() -> Recording {
    let mut script = Script::logout(&config(), Scope::Everywhere);
    script.say(Outcome::Loaded(None));
    script.ended()
}
