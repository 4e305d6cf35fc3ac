//! Runs the corpus of quirks on the core alone.

use std::io::Write as _;

use tokenway_core::secret::Secret;
use tokenway_core::wire::{callback, token};
use tokenway_tests::corpus::{self, Case, Got};

#[test]
fn every_quirk_is_read_as_the_corpus_expects() {
    let cases = corpus::load(&corpus::path()).unwrap();
    let (mut passed, mut failed, mut skipped) = (0_usize, 0_usize, 0_usize);
    for case in &cases {
        if let Some(why) = reason_to_skip(case) {
            skipped += 1;
            report(&format!("skipped {}: {why}", case.id));
            continue;
        }
        let differences = match run(case) {
            Ok(got) => corpus::compare(case, &got),
            Err(why) => vec![why],
        };
        if differences.is_empty() {
            passed += 1;
        } else {
            failed += 1;
            report(&format!("FAILED {}\n  {}", case.id, differences.join("\n  ")));
        }
    }
    report(&format!("corpus: {passed} passed, {failed} failed, {skipped} skipped"));
    assert_eq!(failed, 0, "cases of the corpus failed");
    assert!(passed > 0, "the corpus has no case for the core");
}

fn run(case: &Case) -> Result<Got, String> {
    if case.kind == "callback" {
        return callback_of(case);
    }
    let setting = case.setting()?;
    Ok(corpus::got_tokens(case, &token::read(&case.answer()?, &setting.context())))
}

fn callback_of(case: &Case) -> Result<Got, String> {
    let state = Secret::from(case.known("state"));
    let (arrived, expected) = (case.callback()?, case.expected(&state));
    let is_over = case.context["already_completed"] == true;
    let read = if is_over { Err(callback::late(&arrived, &expected)) } else { callback::check(&arrived, &expected) };
    Ok(corpus::got_callback(&read))
}

fn reason_to_skip(case: &Case) -> Option<String> {
    if !matches!(case.kind.as_str(), "callback" | "refresh" | "token") {
        return Some(format!("kind {} is not built", case.kind));
    }
    case.transport.as_ref().map(|fault| format!("the fault {fault} needs a driver"))
}

/// Written past the capture of the test harness: the figure is wanted when all is well, too.
fn report(line: &str) {
    let line = format!("{line}\n");
    assert!(std::io::stdout().write_all(line.as_bytes()).is_ok(), "the report cannot be written");
}
