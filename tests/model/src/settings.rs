//! The settings that the gate walks through, and the longer ones.

use crate::setting::{Budget, Leases, Safeguard, Setting};

/// What every change has to pass, or with `long` as much as fits into memory and patience.
#[must_use]
pub fn all(long: bool) -> Vec<Setting> {
    let mut all = Vec::new();
    for grace in [false, true] {
        let every = honest(long).into_iter().chain(doubtful(long));
        all.extend(every.map(|setting| Setting { grace, ..setting }));
    }
    all
}

/// Leases hold and clocks go on; network, server, people and whoever kills processes do what they like.
fn honest(long: bool) -> [Setting; 6] {
    let more = u8::from(long);
    [
        Setting {
            budget: Budget { asks: 3, faults: 1 + more, busy: 1, ..Budget::default() },
            ticks: 3 + more,
            ..Setting::quiet("in turn and at a time")
        },
        Setting {
            budget: Budget { asks: 2 + more, faults: 2, ..Budget::default() },
            ticks: 3 + more,
            ..Setting::quiet("two faults")
        },
        Setting {
            processes: 3,
            budget: Budget { asks: 3, faults: 1, busy: more, ..Budget::default() },
            ticks: 2 + more,
            ..Setting::quiet("three at a time")
        },
        Setting {
            budget: Budget { asks: 2, logins: 1, logouts: 1, faults: 1, ..Budget::default() },
            ticks: more,
            ..Setting::quiet("a logout and a second login")
        },
        Setting {
            budget: Budget { asks: 2, logins: 1, logouts: 1, faults: more, ..Budget::default() },
            ticks: 1 + more,
            ..Setting::quiet("a logout and a second login, late")
        },
        Setting {
            budget: Budget { asks: 2 + more, faults: 1, busy: 1, ..Budget::default() },
            ticks: 2 + more,
            rejections: true,
            ..Setting::quiet("an API that refuses tokens")
        },
    ]
}

/// Leases that end under a suspended holder, clocks that jump, and what it takes to be safe all the same.
fn doubtful(long: bool) -> Vec<Setting> {
    let more = u8::from(long);
    let people = Setting {
        budget: Budget { asks: 2, logins: more, logouts: 1, ..Budget::default() },
        ticks: 4,
        name: "expiring leases and a logout",
        ..expiring()
    };
    vec![
        expiring(),
        Setting {
            name: "expiring leases, prompt saves",
            prompt_saves: true,
            budget: Budget { asks: 2 + more, faults: 1, ..Budget::default() },
            ..expiring()
        },
        Setting {
            name: "expiring leases, prompt saves, a second sending",
            prompt_saves: true,
            budget: Budget { asks: 2, faults: 1, ..Budget::default() },
            ticks: 6 + 2 * more,
            ..expiring()
        },
        Setting { name: "expiring leases, bytes that sleep", slow_bytes: true, prompt_saves: true, ..expiring() },
        Setting { name: "leases that hold, bytes that sleep", slow_bytes: true, leases: Leases::Hold, ..expiring() },
        people,
        forward(),
        Setting { name: "a clock that jumps back", jumps: &[-3], ticks: 3, ..forward() },
        Setting {
            name: "expiring leases and a clock that jumps",
            budget: Budget { asks: 2, jumps: 1, ..Budget::default() },
            jumps: &[3, -3],
            ..expiring()
        },
    ]
}

/// Two processes, and leases that end under a suspended holder.
#[must_use]
pub fn expiring() -> Setting {
    Setting {
        leases: Leases::Expire,
        budget: Budget { asks: 2, ..Budget::default() },
        ticks: 5,
        ..Setting::quiet("expiring leases")
    }
}

/// Two processes, and a wall clock that jumps over the time in which a sending can land.
#[must_use]
pub fn forward() -> Setting {
    Setting {
        budget: Budget { asks: 2, faults: 1, jumps: 1, ..Budget::default() },
        ticks: 1,
        jumps: &[3],
        ..Setting::quiet("a clock that jumps forward")
    }
}

/// A small world that needs the safeguard, and has it.
#[must_use]
pub fn needing(safeguard: Safeguard) -> Setting {
    let quiet = Setting { ticks: 1, ..Setting::quiet("a small world") };
    match safeguard {
        Safeguard::AgeOfASending | Safeguard::EndOfAWait | Safeguard::NotedIntent => {
            Setting { budget: Budget { asks: 2, faults: 1, ..Budget::default() }, ..quiet }
        }
        Safeguard::ComparedGeneration => {
            Setting { budget: Budget { asks: 1, logins: 1, ..Budget::default() }, ..quiet }
        }
        Safeguard::NotAfter => {
            Setting { processes: 1, budget: Budget { asks: 3, faults: 1, ..Budget::default() }, ticks: 3, ..quiet }
        }
        Safeguard::ExclusiveLease | Safeguard::SecondLoad => {
            Setting { budget: Budget { asks: 2, ..Budget::default() }, ..quiet }
        }
    }
}
