//! Walks through all settings, prints what was found, and fails if a rule was broken that must hold.
//!
//! `--long` walks through larger ones: tens of millions of states. Any other argument stands for the settings that have it
//! in their name.

#![allow(clippy::print_stdout, reason = "its findings are for people")]

use std::process::ExitCode;
use std::time::Duration;

use tokenway_model::check::{Found, KNOWN_WAY, Story, Until, check};
use tokenway_model::setting::Setting;
use tokenway_model::settings;

/// Fewer would say that the model has shrunk unseen.
const MIN_STATES: usize = 1_000_000;

fn main() -> ExitCode {
    let (flags, names): (Vec<String>, Vec<String>) = std::env::args().skip(1).partition(|word| word == "--long");
    let (long, whole) = (!flags.is_empty(), names.is_empty());
    let (mut states, mut took, mut violations) = (0, Duration::ZERO, 0);
    let is_meant = |setting: &Setting| whole || names.iter().any(|name| setting.name.contains(name));
    for setting in settings::all(long).into_iter().filter(is_meant) {
        let found = check(&setting, Until::AllSeen);
        states += found.states;
        took += found.took;
        violations += report(&setting, &found);
    }
    println!("model: {states} unique states in {:.1} s, {violations} violations", took.as_secs_f64());
    let too_few = whole && states < MIN_STATES;
    if too_few {
        println!("model: that is less than {MIN_STATES}");
    }
    if violations == 0 && !too_few { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Returns the number of violations.
fn report(setting: &Setting, found: &Found) -> usize {
    let expected = |story: &&Story| story.rule == KNOWN_WAY;
    let (told, violations): (Vec<&Story>, Vec<&Story>) = found.broken.iter().partition(expected);
    let i2 = match told.first() {
        Some(story) => format!(", and as SECURITY.md says: {}", story.how),
        None => String::new(),
    };
    let (states, seconds, broken) = (found.states, found.took.as_secs_f64(), violations.len());
    println!("model: {}: {states} states, {seconds:.1} s, {broken} violations{i2}", configuration(setting));
    for story in violations {
        println!("model: {} is broken: {}\n  {}", story.rule, story.how, story.steps.join("\n  "));
    }
    let too_dark = !setting.ways().is_empty() && told.is_empty();
    if too_dark {
        println!("model: SECURITY.md says too much: nothing is spent twice here");
    }
    broken + usize::from(too_dark)
}

fn configuration(setting: &Setting) -> String {
    let Setting { name, processes, ticks, budget, .. } = setting;
    let server = if setting.grace { "grace window" } else { "no grace window" };
    let mut parts = vec![format!("{processes} processes"), server.to_owned()];
    let counts = [
        (budget.asks, "asks"),
        (budget.logins, "logins"),
        (budget.logouts, "logouts"),
        (budget.faults, "faults"),
        (budget.busy, "busy waits"),
        (budget.jumps, "jumps"),
        (*ticks, "ticks"),
    ];
    parts.extend(counts.iter().filter(|(count, _)| *count > 0).map(|(count, what)| format!("{count} {what}")));
    format!("{name} ({})", parts.join(", "))
}
